"""The routes of an exchange behind a real HTTP server, for what speaks no socket of its own: chat completions are requests.

The server listens on a free port of this machine, on the loop of whoever opened it, so that on a loop of
`rejoinder.testing.clock` time is virtual all the same.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from rejoinder.arrivals import Arrivals
from rejoinder.config import ServerConfig
from rejoinder.drain import Drain
from rejoinder.host import bind
from rejoinder.observers import ObserverDesk
from rejoinder.registry import Registry
from rejoinder.reload import Reloader
from rejoinder.server import Server
from rejoinder.testing.exchange import Exchange
from rejoinder.webhooks import Webhooks

_LOOPBACK = "127.0.0.1"


@contextlib.asynccontextmanager
async def listening(exchange: Exchange) -> AsyncIterator[str]:
    """Serve an open exchange; the URL before its routes. Their doors are those of the file: a secret is asked for."""
    desk = ObserverDesk()
    reloader = Reloader(Path(), Registry(), desk, exchange.calls.retire)  # never started: nothing is read again
    reloader.routes = exchange.routes
    drain = Drain(exchange.calls, lambda: 0.0, _nothing)
    arrivals = Arrivals(asyncio.get_running_loop().time)
    app = Server(reloader, exchange.calls, drain, arrivals, Webhooks(desk.webhook_received)).app()
    # A platform that closes its request has been interrupted: its handler must hear of it.
    runner = web.AppRunner(app, handle_signals=False, handler_cancellation=True, access_log=None, shutdown_timeout=0.0)
    await runner.setup()
    try:
        listener = bind(ServerConfig(host=_LOOPBACK, port=0))
        await web.SockSite(runner, listener).start()
        yield f"http://{_LOOPBACK}:{listener.getsockname()[1]}"
    finally:
        await runner.cleanup()


async def _nothing() -> None:
    """What a drain does at its first moment: there is none."""
