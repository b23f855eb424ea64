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
from rejoinder.config import Config, ServerConfig, is_loopback, load
from rejoinder.errors import ConfigError, Problem
from rejoinder.observability import mask
from rejoinder.observers import ObserverDesk
from rejoinder.registry import Registry
from rejoinder.routes import Resolved, Routes, every_problem, mend, open_routes, resolve, resolve_what_is_right, wrong_system
from rejoinder.security import secrets_in
from rejoinder.watchdog import Watchdog

log = logging.getLogger(__name__)

#: Seconds between two looks at the files: 0.3 ms of CPU a second, and it sees every way of replacing a file.
WATCH_EVERY = 1.0
#: Seconds between two tries to open a broken agent.
MEND_EVERY = 30.0

States = dict[Path, tuple[int, int, int] | None]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reload that was refused, and why."""

    at: str  # RFC 3339
    reasons: tuple[str, ...]


class Reloader:
    """Keeps the routes in force. `retire` is given the agents that a reload has replaced; `host` and `port` stand in for those
    of the file, `only` leaves one of its routes; `known` has the paths of all. `hide` is given every secret of the file."""

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
        text: str | None = None,
        watchdog: Watchdog | None = None,
        hide: Callable[[Iterable[str]], None] = mask,
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
        self._text = text
        self.watchdog = watchdog or Watchdog()
        self._hide = hide
        self._one_at_a_time = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._seen: States = {}
        self._bound = ServerConfig()
        self.routes = Routes()
        self.known: frozenset[str] = frozenset()
        self.refused: Refusal | None = None

    async def start(self) -> None:
        """Load the file and open its agents. Raises ConfigError if the file is wrong.

        An included file with errors takes down its own routes only; they are logged.
        """
        resolved, problems = await asyncio.to_thread(self._resolve, start=True)
        for problem in problems:
            log.error("%s", problem)
        self._bound = resolved.config.server
        await self._swap(resolved, await self._opened(resolved))

    def keep(self, *, watch: bool) -> None:
        """From now on mend what is broken, and with `watch` reload when a file is saved."""
        self._tasks.append(asyncio.create_task(self._forever(MEND_EVERY, self.mend), name="mend broken agents"))
        if watch:
            self._tasks.append(asyncio.create_task(self._watch(), name="watch the configuration"))

    async def reload(self) -> bool:
        """Take the file as it is now, if it is right. Whether it was; if not, the log and `refused` say why."""
        async with self._one_at_a_time:
            try:
                resolved, _ = await asyncio.to_thread(self._resolve, start=False)
                self._refuse_to_expose(resolved.config)
                routes = await self._opened(resolved, self.routes)
                self._refuse_to_break(routes)
                self._say_what_needs_a_restart(resolved.config)
                await self._swap(resolved, routes)
            except ConfigError as error:
                self._refuse([str(problem) for problem in error.problems])
                return False
            self.refused = None
            log.info("reloaded: generation %d, %d routes", self.routes.generation, len(self.routes.routes))
            return True

    async def _opened(self, resolved: Resolved, former: Routes | None = None) -> Routes:
        return await open_routes(resolved, former, loop=self._agent_loop, watchdog=self.watchdog)

    def _resolve(self, *, start: bool) -> tuple[Resolved, list[Problem]]:
        """The file as it is now, short of opening its agents, and what is wrong with it all the same (at a start only).

        Raises ConfigError with every problem, in the words of `rejoinder check`.
        """
        before = _states(self._seen)
        loaded = load(self._path, self._environ, start=start, host=self._host, text=self._text)
        # Right or wrong: whatever changes or mends it is seen, also what was saved after it was read.
        self._seen = _states(loaded.files) | {file: state for file, state in before.items() if file in loaded.files}
        if loaded.config is None:
            raise ConfigError(every_problem(loaded, self._registry))
        try:
            config = self._effective(loaded.config)
            if not start:
                return resolve(config, self._registry), []
            resolved, problems = resolve_what_is_right(config, self._registry)
        except ConfigError:
            if self._only is not None:  # of the other routes nobody asked
                raise
            raise ConfigError(every_problem(loaded, self._registry)) from None
        lost = sorted(set(loaded.legible.routes if loaded.legible else ()) - set(resolved.config.routes))
        if lost and self._only is None:
            log.error("not served, because of the problems that follow: %s", ", ".join(lost))
        return resolved, [*loaded.problems, *problems]

    def _effective(self, config: Config) -> Config:
        self.known = frozenset(config.routes)
        if self._port is not None:
            config = replace(config, server=replace(config.server, port=self._port))
        if self._only is not None:
            config = config.only(self._only)
        return config

    def _refuse_to_expose(self, config: Config) -> None:
        """Raises ConfigError if the file has moved to this machine alone and taken that for protection: the socket has not."""
        if is_loopback(self._bound.host) or not is_loopback(config.server.host):
            return
        what = f"this route is not protected, and the server listens on {self._bound.host} until it is restarted"
        closed = [route.origin for route in config.routes.values() if route.origin and not route.is_protected]
        remedy = "give it a secret, an allow list or open: true, or restart the server"
        if closed:
            raise ConfigError([origin.problem((), what, remedy) for origin in closed])

    def _refuse_to_break(self, routes: Routes) -> None:
        """Raises ConfigError if a route that works would not: what was opened for it is closed again."""
        working = set(self.routes.routes) - set(self.routes.broken_routes)
        breaking = dict.fromkeys(routes.routes[path].agent_config.name for path in routes.broken_routes if path in working)
        if breaking:
            self._retire(_not_among(self.routes, routes))
            problems = [(routes.config.agents[name], routes.down[name]) for name in breaking]
            raise ConfigError([wrong_system(agent, f"this would break a route that works: {why}") for agent, why in problems])

    def _say_what_needs_a_restart(self, config: Config) -> None:
        for name in ("host", "port", "watch", "reuse_port"):
            if getattr(self._bound, name) != getattr(config.server, name):
                log.warning("server.%s changed; that needs a restart, until then the server goes on as it started", name)

    def _refuse(self, reasons: list[str]) -> None:
        self.refused = Refusal(datetime.now(UTC).isoformat(timespec="seconds"), tuple(reasons))
        log.error("reload refused, generation %d stays in force:\n%s", self.routes.generation, "\n".join(reasons))

    async def _swap(self, resolved: Resolved, routes: Routes) -> None:
        self._hide([resolved.config.server.admin_token])
        self._hide(
            text for _, options in (*resolved.systems.values(), *resolved.observers.values()) for text in secrets_in(options)
        )
        self._hide(key.reveal() for webhook in resolved.config.webhooks.values() for key in webhook.keys)
        self._hide(text for route in resolved.config.routes.values() for text in secrets_in(route.door))
        await self._desk.replace(
            {name: (*resolved.observers[name], resolved.config.observers[name].fingerprint) for name in resolved.observers}
        )
        former, self.routes = self.routes, routes
        self._retire(_not_among(routes, former))

    async def mend(self) -> None:
        """Try once more to open the agents that do not answer."""
        async with self._one_at_a_time:
            if self.routes.down:
                mended = await mend(self.routes, self._registry, loop=self._agent_loop, watchdog=self.watchdog)
                former, self.routes = self.routes, mended
                self._retire(_not_among(self.routes, former))

    async def _watch(self) -> None:
        async def look() -> None:
            if self._seen != await asyncio.to_thread(_states, self._seen):
                await self.reload()

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


def _not_among(kept: Routes, former: Routes) -> list[Agent]:
    """The agents of `former` that `kept` did not take over."""
    carried = set(map(id, kept.agents.values()))
    return [agent for agent in former.agents.values() if id(agent) not in carried]


def _states(files: Iterable[Path]) -> States:
    """What tells one version of a file from another; in-place writes, renames and switched links all show."""
    states: States = {}
    for file in files:
        try:
            state = os.stat(file)  # noqa: PTH116  the same call, without a Path method's detour
            states[file] = (state.st_mtime_ns, state.st_ino, state.st_size)
        except OSError:
            states[file] = None
    return states
