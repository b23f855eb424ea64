"""The configuration in force, and how another takes its place: validated whole, swapped whole, or refused.

A bad file changes nothing. Live calls keep the agents they began with; unchanged agents are carried over; a replaced agent
closes after its last call.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rejoinder.agents import Agent
from rejoinder.config import Config, Loaded, load
from rejoinder.errors import ConfigError
from rejoinder.observability import mask
from rejoinder.observers import ObserverDesk
from rejoinder.registry import Registry
from rejoinder.routes import Resolved, Routes, mend, open_routes, resolve
from rejoinder.security import secrets_in

log = logging.getLogger(__name__)

#: Seconds between two looks at the files: 0.3 ms of CPU a second, and it sees every way of replacing a file.
WATCH_EVERY = 1.0
#: Seconds between two tries to open a broken agent.
MEND_EVERY = 30.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reload that was refused, and why."""

    at: str  # RFC 3339
    reasons: tuple[str, ...]


class Reloader:
    """Keeps the routes in force. `retire` is given the agents that a reload has replaced; `host` and `port` stand in for those
    of the file, `only` leaves one of its routes; `known` has the paths of all."""

    def __init__(
        self,
        path: Path,
        registry: Registry,
        desk: ObserverDesk,
        retire: Callable[[Iterable[Agent]], None],
        *,
        host: str | None = None,
        port: int | None = None,
        only: str | None = None,
        environ: Mapping[str, str] | None = None,
        agent_loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._path = path
        self._registry = registry
        self._desk = desk
        self._retire = retire
        self._host = host
        self._port = port
        self._only = only
        self._environ = environ
        self._agent_loop = agent_loop
        self._one_at_a_time = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self.routes = Routes()
        self.known: frozenset[str] = frozenset()
        self.refused: Refusal | None = None

    async def start(self) -> None:
        """Load the file and open its agents. Raises ConfigError if the file is wrong.

        An included file with errors takes down its own routes only; they are logged.
        """
        loaded = await self._load(start=True)
        for problem in loaded.problems:
            log.error("%s", problem)
        await self._swap(await asyncio.to_thread(resolve, self._effective(loaded), self._registry))

    def keep(self, *, watch: bool) -> None:
        """From now on mend what is broken, and with `watch` reload when a file is saved."""
        self._tasks.append(asyncio.create_task(self._forever(MEND_EVERY, self._mend), name="mend broken agents"))
        if watch:
            self._tasks.append(asyncio.create_task(self._watch(), name="watch the configuration"))

    async def reload(self) -> bool:
        """Take the file as it is now, if it is right. Whether it was; if not, the log and `refused` say why."""
        async with self._one_at_a_time:
            try:
                loaded = await self._load()
                resolved = await asyncio.to_thread(resolve, self._effective(loaded), self._registry)
                self._refuse_to_break(resolved)
                self._say_what_needs_a_restart(resolved.config)
                await self._swap(resolved)
            except ConfigError as error:
                self._refuse([str(problem) for problem in error.problems])
                return False
            self.refused = None
            log.info("reloaded: generation %d, %d routes", self.routes.generation, len(self.routes.routes))
            return True

    async def _load(self, *, start: bool = False) -> Loaded:
        loaded = await asyncio.to_thread(load, self._path, self._environ, start=start, host=self._host)
        if loaded.fatal:
            raise ConfigError(loaded.problems)
        return loaded

    def _effective(self, loaded: Loaded) -> Config:
        assert loaded.config is not None
        config = loaded.config
        self.known = frozenset(config.routes)
        if self._port is not None:
            config = replace(config, server=replace(config.server, port=self._port))
        if self._only is not None:
            config = replace(config, routes={path: route for path, route in config.routes.items() if path == self._only})
        return config

    def _refuse_to_break(self, resolved: Resolved) -> None:
        for name, fault in resolved.broken.items():
            if name in self.routes.agents and name not in self.routes.broken:
                agent = resolved.config.agents[name]
                what = f"this would break an agent that works: {fault}"
                raise ConfigError([agent.origin.problem(["system"], what)] if agent.origin else [])

    def _say_what_needs_a_restart(self, config: Config) -> None:
        before, after = self.routes.config.server, config.server
        if (before.host, before.port) != (after.host, after.port):
            log.warning("server.host or server.port changed; that needs a restart, the server stays where it listens")

    def _refuse(self, reasons: list[str]) -> None:
        self.refused = Refusal(datetime.now(UTC).isoformat(timespec="seconds"), tuple(reasons))
        log.error("reload refused, generation %d stays in force:\n%s", self.routes.generation, "\n".join(reasons))

    async def _swap(self, resolved: Resolved) -> None:
        mask(text for _, options in (*resolved.systems.values(), *resolved.observers.values()) for text in secrets_in(options))
        former = self.routes
        routes = await open_routes(resolved, former, loop=self._agent_loop)
        await self._desk.replace(
            {name: (*resolved.observers[name], resolved.config.observers[name].fingerprint) for name in resolved.observers}
        )
        self.routes = routes
        carried = set(map(id, routes.agents.values()))
        self._retire(agent for agent in former.agents.values() if id(agent) not in carried)

    async def _mend(self) -> None:
        if not self.routes.broken:
            return
        async with self._one_at_a_time:
            former = self.routes
            self.routes = await mend(former, self._registry, loop=self._agent_loop)
            self._retire(former.agents[name] for name in former.broken if name not in self.routes.broken)

    async def _watch(self) -> None:
        seen = await asyncio.to_thread(_states, self.routes.config.files)

        async def look() -> None:
            nonlocal seen
            now = await asyncio.to_thread(_states, self.routes.config.files)
            if now != seen:
                await self.reload()
                seen = await asyncio.to_thread(_states, self.routes.config.files)

        await self._forever(WATCH_EVERY, look)

    async def _forever(self, every: float, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(every)
            try:
                await act()
            except Exception:
                log.exception("an unforeseen fault; the configuration in force stays")

    async def close(self) -> None:
        """Stop watching and close every agent and observer."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(agent.close() for agent in self.routes.agents.values()))
        await self._desk.close()


def _states(files: Iterable[Path]) -> dict[Path, tuple[int, int, int] | None]:
    """What tells one version of a file from another; in-place writes, renames and switched links all show."""
    states: dict[Path, tuple[int, int, int] | None] = {}
    for file in files:
        try:
            state = os.stat(file)  # noqa: PTH116  the same call, without a Path method's detour
            states[file] = (state.st_mtime_ns, state.st_ino, state.st_size)
        except OSError:
            states[file] = None
    return states
