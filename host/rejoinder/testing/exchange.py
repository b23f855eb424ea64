"""Routes served in this process without a socket: the host's own calls, sessions, engine, codec and agents, and memory wires.

    async with Exchange.of_file(Path("rejoinder.yaml")) as exchange:
        wire = await exchange.dialler("/clinic")("call-1")

Agents run on the loop of whoever opened it, so that on a loop of `rejoinder.testing.clock` the whole house lives in virtual
time. What stands before a call is left out: no door asks for a secret, nothing is reloaded, and no observer is told, since
what is played here never happened.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

from rejoinder import farewell
from rejoinder.calls import Calls
from rejoinder.config import Config, load
from rejoinder.errors import ConfigError
from rejoinder.observability import install
from rejoinder.observers import ObserverDesk
from rejoinder.protocols.retell import RetellCodec
from rejoinder.registry import Registry
from rejoinder.routes import Resolved, Route, Routes, every_problem, open_routes, resolve
from rejoinder.session import Session
from rejoinder.testing.dialling import CannotDial
from rejoinder.testing.subject import AgentKeys, Tried, subject
from rejoinder.testing.wire import ROOM, Dialler, FarEnd, MemoryWire, Wire
from rejoinder.witness import Witness


class Exchange:
    """An async context manager: agents are opened on the way in and closed, with all calls, on the way out.

    `routes` are those that are served and `calls` those that live. `witness` is told of every call. With `strict` an agent that
    does not open is raised as PluginError; without, its routes answer with the host's apology, as a server's do.
    """

    def __init__(self, resolved: Resolved, *, strict: bool = False, witness: Witness | None = None) -> None:
        self._resolved = resolved
        self._strict = strict
        self.calls = Calls(ObserverDesk(), witness)
        self.routes = Routes()
        self._carrying: set[asyncio.Task[None]] = set()
        self._is_open = False

    @classmethod
    def of_file(
        cls,
        path: Path,
        *,
        only: str | None = None,
        plugins: Mapping[str, str] | Registry | None = None,
        environ: Mapping[str, str] | None = None,
        witness: Witness | None = None,
    ) -> Self:
        """The routes of a YAML file, or `only` that one. `plugins` are names with a module or a `.py` file, as `--plugin` takes
        them, or a registry that several exchanges share. Raises ConfigError with every problem of the file. Imports plugins."""
        registry = plugins if isinstance(plugins, Registry) else Registry(plugins)
        loaded = load(path, environ)
        if loaded.config is None:
            raise ConfigError(every_problem(loaded, registry))
        config = loaded.config if only is None else loaded.config.only(only)
        return cls(resolve(_unobserved(config), registry), witness=witness)

    @classmethod
    def of_system(cls, system: Tried, *, witness: Witness | None = None, **keys: Unpack[AgentKeys]) -> Self:
        """One system on one route; `keys` are those of an agent and its route in YAML. Raises ConfigError and PluginError."""
        tried = subject(system, keys)
        config = tried.config()
        try:
            resolved = resolve(config, tried.registry)
        except ConfigError as error:
            raise tried.wrong(error.problems) from None
        for fault in resolved.broken.values():
            raise fault
        return cls(resolved, strict=True, witness=witness)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        install(loop)
        self.routes = await open_routes(self._resolved, loop=loop)
        self._is_open = True
        if self._strict and self.routes.broken:
            await self.close()
            raise next(iter(self.routes.broken.values()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Drop every call and close the agents."""
        self._is_open = False
        await self.calls.close()
        if self._carrying:
            await asyncio.wait(self._carrying)
        await asyncio.gather(*(agent.close() for agent in self.routes.agents.values()))

    def dialler(self, route: str | None = None, *, watched: bool = True, room: int = ROOM) -> Dialler:
        """Dials a route as Retell does: a call's id that is still known finds its call. None is the only one there is.

        `watched` gives a platform up that falls silent, as over a network; one that is played by hand on this machine need say
        nothing. `room` is how many bytes may be under way in each direction. Raises CannotDial if there is no such route, or it
        is for other platforms.
        """
        found = self._route(route)

        async def open_wire(call_id: str) -> Wire:
            return self._dialled(found.path, call_id, room, watched=watched)

        return open_wire

    def _route(self, path: str | None) -> Route:
        routes = self.routes.routes
        if path is None and len(routes) == 1:
            path = next(iter(routes))
        route = routes.get(path or "")
        if route is None:
            raise CannotDial(f"there is no route {path or 'given'}; there are: {', '.join(routes) or 'none'}", 404)
        if not route.takes(RetellCodec.platform, is_local=True):
            raise CannotDial(f"{route.path} is not for Retell's protocol", 404)
        return route

    def _dialled(self, path: str, call_id: str, room: int, *, watched: bool) -> Wire:
        if not self._is_open:
            raise CannotDial("the exchange is closed")
        wire, route = MemoryWire(room), self.routes.routes[path]
        session = self.calls.live(path, RetellCodec.platform, call_id)
        if session is None and not self.calls.is_full(route):
            session = self.calls.open_retell(route, call_id)
        if session is not None:
            codec = session.codec
            silence = (lambda: codec.longest_silence) if watched else (lambda: None)
            wire.far.watch(silence, session.complain, waits=not watched)
        task = asyncio.create_task(self._carry(wire.far, session, route), name=f"serve {path}")
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)
        return wire

    async def _carry(self, far: FarEnd, session: Session | None, route: Route) -> None:
        try:
            if session is None:
                await farewell.by_socket(far, route)
            else:
                await self.calls.carry(session, far)
        finally:
            far.end()


def _unobserved(config: Config) -> Config:
    routes = {path: replace(route, observers=()) for path, route in config.routes.items()}
    return replace(config, observers={}, routes=routes)
