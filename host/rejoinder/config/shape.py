"""What a configuration says once it is read: frozen values, every name resolved, every default filled in."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rejoinder.addresses import Network
from rejoinder.config.tree import Origin
from rejoinder.contract import Secret
from rejoinder.dialogue import Action
from rejoinder.doors import Door
from rejoinder.late import Late
from rejoinder.lines import OwnLines
from rejoinder.templates import Template


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """`server:`. `public_url` "" is none given; `watch` None is the default: reload on save on loopback only. `drain` is in
    seconds; `admin_token` "" is none; whom `trusted_proxies` name as their client is believed."""

    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = ""
    watch: bool | None = None
    drain: float = 3600.0
    admin_token: str = field(default="", repr=False)
    reuse_port: bool = False
    trusted_proxies: tuple[Network, ...] = ()
    recordings: str = "recordings"

    @property
    def dashboard_base(self) -> str:
        """What stands before a route in the URL to paste into a platform's dashboard: wss, whatever scheme was given."""
        bare = self.public_url.partition("://")[2] or self.public_url
        return f"wss://{bare.rstrip('/') or 'YOUR-HOST'}"


@dataclass(frozen=True, slots=True)
class RetellConfig:
    """`retell:` of a route, sent when a call opens; None leaves Retell's own default.

    `transcript_with_tool_calls` asks for tool calls and pressed keys in the transcript, at twice the traffic.
    """

    responsiveness: float | None = None
    interruption_sensitivity: float | None = None
    reminder_trigger_ms: int | None = None
    reminder_max_count: int | None = None
    transcript_with_tool_calls: bool = False


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """One agent by its full name (`ava`, or `plumber/front` for `front` of an included `plumber.yaml`).

    `options` is plain data, `files` what was read for it. `begin` None: the system's own first words; an empty one: the
    caller speaks first. `vars` and `numbers` are those that its file sees. `fingerprint` changes when system, options or a
    file they were read from does: an agent with the same one need not be opened again. `part` is the included file's
    name, "" in the main file. `fallback` is the agent that takes a turn which this one does not answer. `clean_speech`
    leaves out of what it says the marks that a voice would read aloud.
    """

    name: str
    system: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    begin: Template | None = None
    reminder: tuple[Template, ...] = ()
    language: str = "en"
    timezone: str = "UTC"
    vars: Mapping[str, str] = field(default_factory=dict, repr=False)
    numbers: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: frozenset[Path] = frozenset()
    fingerprint: str = ""
    part: str = ""
    origin: Origin | None = field(default=None, compare=False, repr=False)
    late: Late = Late()
    lines: OwnLines = OwnLines()
    fallback: str = ""
    clean_speech: bool = True


@dataclass(frozen=True, slots=True)
class ObserverConfig:
    """One entry of `observers:`; the fields mean what they mean in an agent."""

    name: str
    system: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    files: frozenset[Path] = frozenset()
    fingerprint: str = ""
    origin: Origin | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """`limits:` of a route. `calls` at once and `reminders` in a row, None is any number; `call_duration` in seconds."""

    calls: int | None = None
    call_duration: float = 3600.0  # as Retell's own `max_call_duration_ms`, read 2026-11
    reminders: int | None = (
        None  # how many there are is the platform's to say: Retell asks for one if nobody tells it otherwise
    )


@dataclass(frozen=True, slots=True)
class RecordConfig:
    """`record:` of a route. `keep` in seconds; `text` says whether the words of a call are kept too."""

    keep: float = 30 * 86400.0
    text: bool = False


@dataclass(frozen=True, slots=True)
class RouteConfig:
    """One route: `agent` and `observers` by full name. `platforms` None is the default: retell, on loopback also chat.

    `door` is what `secret` and `allow` ask of who dials; `on_failure` is done when no agent has answered: a transfer to a
    number, or an end. `record` None: its calls are not recorded.
    """

    path: str
    agent: str
    platforms: tuple[str, ...] | None = None
    observers: tuple[str, ...] = ()
    open: bool = False
    retell: RetellConfig = RetellConfig()
    part: str = ""
    origin: Origin | None = field(default=None, compare=False, repr=False)
    door: Door = Door()
    limits: Limits = Limits()
    late: Late = Late()
    on_failure: Action | None = None
    record: RecordConfig | None = None

    @property
    def is_protected(self) -> bool:
        """Whether it may be reached from other machines: it asks something of who dials, or says that it does not."""
        return self.open or self.door.is_closed


@dataclass(frozen=True, slots=True)
class WebhookConfig:
    """One entry of `webhooks:`. Any of `keys` may sign what `platform` posts; `observers` are those that hear of it, the
    default filled in."""

    name: str
    platform: str
    keys: tuple[Secret, ...]
    observers: tuple[str, ...] = ()
    origin: Origin | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration.

    `files` holds every file and folder that was read or looked for, the absent ones too: a change of any of them may
    change the configuration. `vars` and `numbers` are the main file's.
    """

    path: Path
    files: frozenset[Path] = frozenset()
    server: ServerConfig = ServerConfig()
    vars: Mapping[str, str] = field(default_factory=dict, repr=False)
    numbers: Mapping[str, str] = field(default_factory=dict, repr=False)
    agents: Mapping[str, AgentConfig] = field(default_factory=dict)
    observers: Mapping[str, ObserverConfig] = field(default_factory=dict)
    routes: Mapping[str, RouteConfig] = field(default_factory=dict)
    webhooks: Mapping[str, WebhookConfig] = field(default_factory=dict)

    @property
    def recordings(self) -> Path:
        """The folder of the calls that are recorded."""
        return self.path.parent / self.server.recordings

    def succession(self, agent: str) -> list[str]:
        """The agent of that name, the one that takes its place, and so on."""
        names: list[str] = []
        while agent in self.agents and agent not in names:
            names.append(agent)
            agent = self.agents[agent].fallback
        return names

    def only(self, path: str) -> "Config":
        """This configuration with that one of its routes, and the agents that answer there."""
        routes = {known: route for known, route in self.routes.items() if known == path}
        agents = {name: self.agents[name] for route in routes.values() for name in self.succession(route.agent)}
        return replace(self, agents=agents, routes=routes)

    def without(self, parts: Collection[str]) -> "Config":
        """This configuration without what the included files `parts` brought, and without the routes to their agents."""
        agents = {name: agent for name, agent in self.agents.items() if agent.part not in parts}
        routes = {p: route for p, route in self.routes.items() if route.part not in parts and route.agent in agents}
        return replace(self, agents=agents, routes=routes)
