"""The door for webhooks, `POST /webhooks/NAME`: who may not come in is turned away before the body is read, and the platform
has its answer before an observer begins."""

import asyncio
import time
from collections.abc import Callable, Mapping

from aiohttp import hdrs, web

from rejoinder.arrivals import Arrivals
from rejoinder.config import WebhookConfig
from rejoinder.protocols.retell_webhook import SIGNATURE_HEADER
from rejoinder.webhooks import Webhooks

#: Seconds that a body may take to come: after so long Retell itself gives up (webhook overview, read 2026-11).
PATIENCE = 10.0


class WebhookDoor:
    """Answers what is posted; `hooks` gives the webhooks in force by name. `arrivals` is told of a connection
    that has asked for something, though what it posts is yet to come."""

    def __init__(self, hooks: Callable[[], Mapping[str, WebhookConfig]], webhooks: Webhooks, arrivals: Arrivals) -> None:
        self._hooks = hooks
        self._webhooks = webhooks
        self._arrivals = arrivals

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/webhooks/{name}", self._posted)
        app.router.add_route("*", "/webhooks/{name}", _not_posted)

    async def _posted(self, request: web.Request) -> web.Response:
        self._arrivals.asked(request.protocol)
        hook = self._hooks().get(request.match_info["name"])
        if hook is None:
            return web.Response(status=404, text="There is no such webhook here.\n")
        signature = self._webhooks.signature(hook, request.headers.getall(SIGNATURE_HEADER, []), _now_ms())
        if signature is None:
            return _refusal()
        try:
            async with asyncio.timeout(PATIENCE):
                body = await request.read()
        except TimeoutError:
            return web.Response(status=408, text="The body did not come in time.\n")
        is_the_platforms = self._webhooks.receive(hook, signature, body, _now_ms())
        return web.Response(status=204) if is_the_platforms else _refusal()


async def _not_posted(_: web.Request) -> web.Response:
    return web.Response(status=405, text="Webhooks are posted.\n", headers={hdrs.ALLOW: hdrs.METH_POST})


def _refusal() -> web.Response:
    """One answer whatever is wrong: why is for the log."""
    text = "The signature of this request is missing or not right.\n"
    return web.Response(status=401, text=text, headers={hdrs.WWW_AUTHENTICATE: SIGNATURE_HEADER})


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
