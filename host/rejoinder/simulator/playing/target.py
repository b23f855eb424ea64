"""What scenarios are played against: routes of a file, served in this process, or whatever answers at a URL."""

import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from aiohttp import ClientSession, TCPConnector

from rejoinder.call import CallFacts
from rejoinder.config import load
from rejoinder.contract import CallReport, TurnReport
from rejoinder.errors import ConfigError, PluginError
from rejoinder.registry import Registry
from rejoinder.simulator.judging.findings import HostTurn
from rejoinder.simulator.playing.placing import Line, ModelAPI
from rejoinder.simulator.scenarios.scenario import Scenario
from rejoinder.testing.dialling import CannotDial, MalformedURL, call_url
from rejoinder.testing.exchange import Exchange
from rejoinder.testing.listening import listening
from rejoinder.testing.wire import Dialler, socket_dialler

#: What speaks with the server.
Platform = Literal["retell", "chat"]
_TOLD: Mapping[Platform, str] = {"retell": "Retell", "chat": "chat completions"}
#: What a platform puts behind the URL of its dashboard, which some paste with it.
ASKED_AT = "/chat/completions"


class Switchboard(Protocol):
    """What connects calls while a target is open."""

    def line(self, route: str) -> Line:
        """What leads to a route. Raises CannotDial and PluginError."""
        ...

    def host_turns(self, call_id: str) -> tuple[HostTurn, ...]:
        """What the host says became of the turns of a call so far; nothing where it cannot be asked."""
        ...


class Target(Protocol):
    """Something that can be dialled."""

    def routes_of(self, scenario: Scenario) -> list[str]:
        """Where a scenario is played; none if it is not meant for what is there."""
        ...

    def open(self, route: str | None = None) -> contextlib.AbstractAsyncContextManager[Switchboard]:
        """What dials its routes, or that one alone."""
        ...


@dataclass(frozen=True, slots=True)
class Remote:
    """Whatever answers at `url`, a route's URL as it stands in the platform's dashboard. It has one route: "".

    `platform` is what asks there: "retell" or "chat", the latter with `key`. Raises MalformedURL for what is no URL.
    """

    url: str
    platform: Platform = "retell"
    key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.platform == "chat" and not self.url.strip().startswith(("http://", "https://")):
            told = "chat completions are asked for at one such as http://127.0.0.1:8080/llm-websocket"
            raise MalformedURL(f"{self.url!r} is a malformed URL: {told}")
        call_url(self.url, "")

    @property
    def told(self) -> Mapping[str, str]:
        """What stands behind each route, for a report: a URL may hold a secret."""
        return {"": str(call_url(self.url, "").origin())}

    @property
    def own_lines(self) -> Mapping[str, str]:
        """Nobody knows what a server says when a deadline has passed."""
        return {}

    def routes_of(self, scenario: Scenario) -> list[str]:
        """Nobody knows which system answers there: every scenario is played."""
        return [""]

    @contextlib.asynccontextmanager
    async def open(self, route: str | None = None) -> AsyncIterator[Switchboard]:
        if self.platform == "retell":
            async with network() as dialler_of:
                yield Network({}, dialler_of(self.url))
            return
        async with _session() as session:
            yield Network({}, ModelAPI(self.url.removesuffix("/").removesuffix(ASKED_AT), session, self.key))


@contextlib.asynccontextmanager
async def network() -> AsyncIterator[Callable[[str], Dialler]]:
    """From a URL to what dials it, however many calls at once."""
    async with _session() as session:
        yield lambda url: socket_dialler(url, session)


def _session() -> ClientSession:
    """For however many calls at once."""
    return ClientSession(connector=TCPConnector(limit=0))


@dataclass(frozen=True, slots=True)
class Network:
    """Leads to routes over the network, and to any other by `other`. Beyond it nobody knows who answers."""

    routes: Mapping[str, Line]
    other: Line | None = None

    def line(self, route: str) -> Line:
        """Raises CannotDial."""
        found = self.routes.get(route, self.other)
        if found is None:
            raise CannotDial(f"there is no route {route}")
        return found

    def host_turns(self, call_id: str) -> tuple[HostTurn, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class Local:
    """The routes of a file, served in this process, whose plugins are imported once; `routes` are those for `platform`, with
    the response system of each. `route` is the one that is played on, "" for what each scenario says; `own_lines` what the file
    lets the host say when a deadline has passed."""

    path: Path
    plugins: Registry = field(default_factory=Registry)
    route: str = ""
    routes: Mapping[str, str] = field(default_factory=dict)
    own_lines: Mapping[str, str] = field(default_factory=dict)
    platform: Platform = "retell"

    @classmethod
    def of_file(cls, path: Path, plugins: Mapping[str, str], route: str = "", *, platform: Platform = "retell") -> "Local":
        """Raises ConfigError, and CannotDial if there is no such route."""
        loaded = load(path)
        if loaded.config is None:
            raise ConfigError(loaded.problems)
        config = loaded.config
        found = {
            name: config.agents[one.agent].system
            for name, one in config.routes.items()
            if platform in (one.platforms or ("retell", "chat"))
        }
        own = {
            line.text: what
            for agent in config.agents.values()
            for what, texts in (("filler", agent.lines.filler), ("apology", agent.lines.apology))
            for line in texts
        }
        local = cls(path, Registry(plugins), f"/{route.strip('/')}" if route else "", found, own, platform)
        if local.route:
            local.known(local.route)
        return local

    @property
    def told(self) -> Mapping[str, str]:
        """What stands behind each route, for a report."""
        return self.routes

    def routes_of(self, scenario: Scenario) -> list[str]:
        """The route that was chosen, else the scenario's own, else every one; of these those that it applies to."""
        chosen = self.route or scenario.route
        routes = [chosen] if chosen else list(self.routes)
        return [one for one in routes if not scenario.applies or self.routes.get(one, "") in {"", *scenario.applies}]

    @contextlib.asynccontextmanager
    async def open(self, route: str | None = None) -> AsyncIterator[Switchboard]:
        if route:
            self.known(route)
        reports = _Reports()
        async with Exchange.of_file(self.path, only=route or None, plugins=self.plugins, witness=reports) as exchange:
            if self.platform == "retell":
                yield _House(self, exchange, reports, exchange.dialler)
                return
            async with listening(exchange) as base, _session() as session:
                yield _House(self, exchange, reports, lambda path: _api(exchange, path, base, session))

    def known(self, route: str) -> None:
        """Raises CannotDial for a route that the file does not have."""
        if route not in self.routes:
            there = ", ".join(sorted(self.routes)) or "none"
            raise CannotDial(f"{self.path} has no route {route} for {_TOLD[self.platform]}; it has: {there}")


def _api(exchange: Exchange, route: str, base: str, session: ClientSession) -> ModelAPI:
    secrets = exchange.routes.routes[route].config.door.secrets
    return ModelAPI(base + route, session, secrets[0].reveal() if secrets else "")


class _Reports:
    """What the host tells of its calls: a witness of them."""

    def __init__(self) -> None:
        self.turns: defaultdict[str, list[HostTurn]] = defaultdict(list)

    def call_started(self, call: CallFacts) -> None: ...

    def turn_ended(self, report: TurnReport) -> None:
        self.turns[report.call.id].append(HostTurn(report.number, report.kind, report.outcome))

    def call_ended(self, report: CallReport) -> None: ...


@dataclass(frozen=True, slots=True)
class _House:
    """The host in this process, which can be asked."""

    local: Local
    exchange: Exchange
    reports: _Reports
    leading_to: Callable[[str], Line]

    def line(self, route: str) -> Line:
        self.local.known(route)
        agent = self.exchange.routes.routes[route].agent_config.name
        if broken := self.exchange.routes.broken.get(agent):
            raise PluginError(f"the agent {agent} of {route} does not open: {broken}")
        return self.leading_to(route)

    def host_turns(self, call_id: str) -> tuple[HostTurn, ...]:
        return tuple(self.reports.turns.get(call_id, ()))
