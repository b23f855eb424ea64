"""What scenarios are played against: routes of a file, served in this process, or whatever answers at a URL."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rejoinder.config import load
from rejoinder.errors import ConfigError, PluginError
from rejoinder.registry import Registry
from rejoinder.simulator.scenario import Scenario
from rejoinder.testing.dialling import CannotDial, call_url
from rejoinder.testing.exchange import Exchange
from rejoinder.testing.wire import Dialler, socket_dialler

#: From a route to what dials it. Raises CannotDial and PluginError.
Switchboard = Callable[[str], Dialler]


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

    Raises MalformedURL for what is no URL.
    """

    url: str

    def __post_init__(self) -> None:
        call_url(self.url, "")

    def routes_of(self, scenario: Scenario) -> list[str]:
        """Nobody knows which system answers there: every scenario is played."""
        return [""]

    @contextlib.asynccontextmanager
    async def open(self, route: str | None = None) -> AsyncIterator[Switchboard]:
        from aiohttp import ClientSession

        async with ClientSession() as session:
            dial = socket_dialler(self.url, session)
            yield lambda _: dial


@dataclass(frozen=True, slots=True)
class Local:
    """The routes of a file, without a socket, whose plugins are imported once; `routes` are those for Retell, with the response
    system of each. `route` is the one that is played on, "" for what each scenario says."""

    path: Path
    plugins: Registry = field(default_factory=Registry)
    route: str = ""
    routes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_file(cls, path: Path, plugins: Mapping[str, str], route: str = "") -> "Local":
        """Raises ConfigError, and CannotDial if there is no such route."""
        loaded = load(path)
        if loaded.config is None:
            raise ConfigError(loaded.problems)
        config = loaded.config
        found = {
            name: config.agents[one.agent].system
            for name, one in config.routes.items()
            if "retell" in (one.platforms or ("retell",))
        }
        local = cls(path, Registry(plugins), f"/{route.strip('/')}" if route else "", found)
        if local.route:
            local._known(local.route)
        return local

    def routes_of(self, scenario: Scenario) -> list[str]:
        """The route that was chosen, else the scenario's own, else every one; of these those that it applies to."""
        chosen = self.route or scenario.route
        routes = [chosen] if chosen else list(self.routes)
        return [one for one in routes if not scenario.applies or self.routes.get(one, "") in {"", *scenario.applies}]

    @contextlib.asynccontextmanager
    async def open(self, route: str | None = None) -> AsyncIterator[Switchboard]:
        if route:
            self._known(route)
        async with Exchange.of_file(self.path, only=route or None, plugins=self.plugins) as exchange:
            yield lambda one: self._dialler(exchange, one)

    def _dialler(self, exchange: Exchange, route: str) -> Dialler:
        self._known(route)
        agent = exchange.routes.routes[route].agent_config.name
        if broken := exchange.routes.broken.get(agent):
            raise PluginError(f"the agent {agent} of {route} does not open: {broken}")
        return exchange.dialler(route)

    def _known(self, route: str) -> None:
        if route not in self.routes:
            raise CannotDial(f"{self.path} has no route {route} for Retell; it has: {', '.join(sorted(self.routes)) or 'none'}")
