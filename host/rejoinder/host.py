"""The whole host: configuration, agents, observers, calls and the server, put together; started, listened to and stopped."""

import asyncio
import contextlib
import errno
import logging
import socket
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.log import server_logger

from rejoinder.arrivals import Arrivals, ServerLog
from rejoinder.calls import Calls
from rejoinder.config import ServerConfig, is_loopback
from rejoinder.drain import Drain
from rejoinder.errors import RejoinderError
from rejoinder.observability import install, mask
from rejoinder.observers import ObserverDesk
from rejoinder.recording.archive import Archive
from rejoinder.registry import Registry
from rejoinder.reload import Reloader
from rejoinder.routes import Routes
from rejoinder.server import Server
from rejoinder.watchdog import Watchdog
from rejoinder.webhooks import Webhooks
from rejoinder.witness import Witness

log = logging.getLogger(__name__)

#: Seconds that requests other than calls have to end when the server stops.
SHUTDOWN = 1.0

#: Seconds that a connection may stay open between two requests.
KEEPALIVE = 75.0

#: Connections the system holds while they wait to be accepted: a burst of calls must not be turned away.
BACKLOG = 1024

_REMEDIES = {
    errno.EADDRINUSE: "is something else running there? --port 0 takes a free port",
    errno.EACCES: "ports below 1024 are the system's: take --port 8080 and put a proxy before it",
    errno.EADDRNOTAVAIL: "this machine has no such address; see server.host, or --host",
}


class CannotListen(RejoinderError):
    """The address or port cannot be had."""


class Host:
    """Made and used on the front loop.

    `host` and `port` stand in for those of the file, `text` for all of it (tests); `only` serves that one of its routes;
    `witness` is told of every call; `agent_loop` is given to every agent (tests), by default each makes its own; `watchdog`
    names what holds a loop. Calls are recorded by `archive`; without one none is, whatever the file says.
    """

    def __init__(
        self,
        path: Path,
        registry: Registry,
        *,
        host: str | None = None,
        port: int | None = None,
        only: str | None = None,
        witness: Witness | None = None,
        environ: Mapping[str, str] | None = None,
        agent_loop: asyncio.AbstractEventLoop | None = None,
        text: str | None = None,
        watchdog: Watchdog | None = None,
        archive: Archive | None = None,
    ) -> None:
        self.watchdog = watchdog or Watchdog()
        self._archive = archive
        self._desk = ObserverDesk(watchdog=self.watchdog)
        self.calls = Calls(self._desk, witness, archive)
        self.reloader = Reloader(
            path,
            registry,
            self._desk,
            self.calls.retire,
            host=host,
            port=port,
            only=only,
            environ=environ,
            agent_loop=agent_loop,
            text=text,
            watchdog=self.watchdog,
            hide=self._hide,
        )
        self.drain = Drain(self.calls, lambda: self.routes.config.server.drain, self._give_the_port_over)
        self._runner: web.AppRunner | None = None
        self._arriving: asyncio.Task[None] | None = None
        self._shares_port = False

    def _hide(self, secrets: Iterable[str]) -> None:
        known = list(secrets)
        mask(known)
        if self._archive is not None:
            self._archive.learn(known)

    @property
    def routes(self) -> Routes:
        return self.reloader.routes

    async def start(self) -> None:
        """Load the file and open its agents; nothing is accepted yet. Raises ConfigError if the file is wrong."""
        install(asyncio.get_running_loop())
        self.watchdog.watch(asyncio.get_running_loop(), threading.get_ident(), others="the front")
        self.watchdog.start()
        await self.reloader.start()
        if self._archive is not None:
            self._archive.start(lambda: self.routes.config)

    async def listen(self, listening: socket.socket) -> None:
        """Accept calls on a bound socket."""
        arrivals = Arrivals(asyncio.get_running_loop().time)
        app = Server(self.reloader, self.calls, self.drain, arrivals, Webhooks(self._desk.webhook_received)).app()
        # A platform that closes its request has been interrupted: its handler must hear of it. Signals are the command's.
        runner = self._runner = web.AppRunner(
            app,
            handle_signals=False,
            handler_cancellation=True,
            access_log=None,
            logger=ServerLog(server_logger, HttpProcessingError, arrivals.malformed),
            shutdown_timeout=SHUTDOWN,
            keepalive_timeout=KEEPALIVE,
        )
        await runner.setup()
        looks = arrivals.keep_looking(lambda: runner.server.connections if runner.server is not None else [])
        self._arriving = asyncio.create_task(looks, name="close connections that ask for nothing")
        await web.SockSite(runner, listening, backlog=BACKLOG).start()
        server = self.routes.config.server
        self._shares_port = server.reuse_port
        self.reloader.keep(watch=server.watch if server.watch is not None else is_loopback(server.host))

    async def _give_the_port_over(self) -> None:
        """At the first moment of a drain: with `server.reuse_port` accept nothing more.

        Alone on its port, a server that drains keeps accepting: a live call whose socket is lost finds its way back, and
        what is new is told to come again. With two processes on one port the system deals each new connection to either, by
        chance, and neither can pass it on. If the old one went on accepting it would have to refuse half of the new calls, each
        after seconds of silence and one in eight for good (three tries of Retell's), and a lost socket would still reach the
        wrong process every other time. New calls are many and lost sockets few: so the old process leaves the port to
        the next, which takes a redial for a new call, with the whole transcript in it. Sockets that are open stay
        where they are.
        """
        if self._shares_port:
            await self._stop_accepting()

    async def _stop_accepting(self) -> None:
        if self._runner is not None:
            for site in list(self._runner.sites):
                await site.stop()

    async def close(self) -> None:
        """Stop accepting, let go of every call (its platform dials again elsewhere), close agents and observers."""
        await self._stop_accepting()
        await self.drain.close()
        await self.calls.close()
        if self._archive is not None:
            await self._archive.close()
        if self._arriving is not None:
            self._arriving.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
        await self.reloader.close()
        self.watchdog.stop()


def bind(server: ServerConfig) -> socket.socket:
    """A socket that has the address and port: who dials waits there until `Host.listen` accepts. Raises CannotListen with the
    remedy."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            server.host, server.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise CannotListen(f"cannot listen on {server.host}: {error} (see server.host, or --host)") from error
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if server.reuse_port:
            _share(listening)
        if family == socket.AF_INET6:
            with contextlib.suppress(OSError):
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except (OSError, OverflowError) as error:
        listening.close()
        remedy = _REMEDIES.get(error.errno or 0, "see server.host and server.port") if isinstance(error, OSError) else "no port"
        raise CannotListen(f"cannot listen on {server.host}:{server.port}: {error} ({remedy})") from error
    return listening


def _share(listening: socket.socket) -> None:
    """Let other processes of this user listen on the same port. Raises CannotListen where the system cannot."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise CannotListen("this system cannot share a port between processes: leave server.reuse_port out")
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
