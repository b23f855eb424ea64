"""The whole host: configuration, agents, observers, calls and the server, put together; started, listened to and stopped."""

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from rejoinder.calls import Calls
from rejoinder.config import ServerConfig, is_loopback
from rejoinder.errors import RejoinderError
from rejoinder.observability import install
from rejoinder.observers import ObserverDesk
from rejoinder.registry import Registry
from rejoinder.reload import Reloader
from rejoinder.routes import Routes
from rejoinder.server import Server
from rejoinder.session import Witness

log = logging.getLogger(__name__)

#: Seconds that requests other than calls have to end when the server stops.
SHUTDOWN = 1.0

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

    `host` and `port` stand in for those of the file; `only` serves that one of its routes; `witness` is told of every call;
    `agent_loop` is given to every agent (tests), by default each makes its own.
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
    ) -> None:
        self._desk = ObserverDesk()
        self.calls = Calls(self._desk, witness)
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
        )
        self._runner: web.AppRunner | None = None

    @property
    def routes(self) -> Routes:
        return self.reloader.routes

    async def start(self) -> None:
        """Load the file and open its agents; nothing is accepted yet. Raises ConfigError if the file is wrong."""
        install(asyncio.get_running_loop())
        await self.reloader.start()

    async def listen(self, listening: socket.socket) -> None:
        """Accept calls on a bound socket."""
        app = Server(self.reloader, self.calls).app()
        # A platform that closes its request has been interrupted: its handler must hear of it. Signals are the command's.
        self._runner = web.AppRunner(
            app, handle_signals=False, handler_cancellation=True, access_log=None, shutdown_timeout=SHUTDOWN
        )
        await self._runner.setup()
        await web.SockSite(self._runner, listening, backlog=BACKLOG).start()
        server = self.routes.config.server
        self.reloader.keep(watch=server.watch if server.watch is not None else is_loopback(server.host))

    async def close(self) -> None:
        """Stop accepting, let go of every call (its platform dials again elsewhere), close agents and observers."""
        if self._runner is not None:
            for site in list(self._runner.sites):
                await site.stop()
        await self.calls.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self.reloader.close()


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
