"""The configuration: YAML in, frozen values or problems with their places out. Knows no plugin and opens nothing.

In two phases, so that the first works without any plugin: `load` reads shape, names and references; `convert_options` then
gives a system's options the type that the system declares.
"""

from rejoinder.config.load import Loaded, find, load
from rejoinder.config.options import convert_options
from rejoinder.config.schema import schema
from rejoinder.config.server import is_loopback
from rejoinder.config.shape import (
    AgentConfig,
    Config,
    Limits,
    ObserverConfig,
    RecordConfig,
    RetellConfig,
    RouteConfig,
    ServerConfig,
    WebhookConfig,
)
from rejoinder.config.show import show
from rejoinder.config.tree import Origin

__all__ = [
    "AgentConfig",
    "Config",
    "Limits",
    "Loaded",
    "ObserverConfig",
    "Origin",
    "RecordConfig",
    "RetellConfig",
    "RouteConfig",
    "ServerConfig",
    "WebhookConfig",
    "convert_options",
    "find",
    "is_loopback",
    "load",
    "schema",
    "show",
]
