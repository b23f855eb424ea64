"""The configuration: YAML in, frozen values or problems with their places out. Knows no plugin and opens nothing."""

from rejoinder.config.load import Loaded, find, load
from rejoinder.config.origin import Origin
from rejoinder.config.server import is_loopback
from rejoinder.config.shape import AgentConfig, Config, ObserverConfig, RetellConfig, RouteConfig, ServerConfig

__all__ = [
    "AgentConfig",
    "Config",
    "Loaded",
    "ObserverConfig",
    "Origin",
    "RetellConfig",
    "RouteConfig",
    "ServerConfig",
    "find",
    "is_loopback",
    "load",
]
