"""Orders to a running server over HTTP: reload the file, drain. For the operator alone."""

import asyncio
import contextlib
import hmac
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import msgspec
from aiohttp import hdrs, web
from yarl import URL

from rejoinder.config import is_loopback
from rejoinder.drain import Drain, Progress
from rejoinder.reload import Reloader

_REFUSED = "orders are taken from this machine only, at 127.0.0.1 or localhost; server.admin_token is not set"


class Admin:
    """`is_local` says whether a request comes from this machine: such a one needs no token. `token` gives the one that others
    must show, "" if there is none."""

    def __init__(
        self, reloader: Reloader, drain: Drain, *, is_local: Callable[[web.Request], bool], token: Callable[[], str]
    ) -> None:
        self._reloader = reloader
        self._drain = drain
        self._is_local = is_local
        self._token = token
        self._reloads: set[asyncio.Task[bool]] = set()

    async def reload(self, request: web.Request) -> web.Response:
        """200 with what is in force now, or 422 with every problem of the file that was refused."""
        if refused := self._refused(request):
            return refused
        # A task of its own: one who asks and does not wait must not leave a reload half done.
        task = asyncio.create_task(self._reloader.reload(), name="reload by order")
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)
        taken = await asyncio.shield(task)
        routes, refusal = self._reloader.routes, self._reloader.refused
        content: dict[str, Any] = {"ok": taken, "generation": routes.generation, "routes": len(routes.routes)}
        if taken:
            content["broken"] = routes.broken_routes
        else:
            content["problems"] = list(refusal.reasons) if refusal else []
        return _json(200 if taken else 422, content)

    async def drain(self, request: web.Request) -> web.StreamResponse:
        """Begin to drain, or join in. One line of JSON for each step to its end; with `?wait=no` the first alone (202)."""
        if refused := self._refused(request):
            return refused
        self._drain.begin()
        if request.query.get("wait") == "no":
            return _json(202, asdict(self._drain.now))
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-cache"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):  # who looks on no longer is no reason to stop
            async for progress in self._drain.progress():
                await response.write(_line(progress))
            await response.write_eof()
        return response

    def _refused(self, request: web.Request) -> web.Response | None:
        if self._is_local(request) and not _is_lured(request):
            return None
        token = self._token()
        if not token:
            return _json(403, {"ok": False, "error": _REFUSED})
        scheme, _, shown = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(shown.strip().encode("utf-8", "replace"), token.encode()):
            return None
        error = {"ok": False, "error": "the token is wrong or missing: Authorization: Bearer <server.admin_token>"}
        return _json(401, error, {hdrs.WWW_AUTHENTICATE: "Bearer"})


def _is_lured(request: web.Request) -> bool:
    """Whether a web page or a name on the network may have brought a request here that nobody on this machine wished for.

    A browser says with every POST where the page comes from (Fetch standard, "Origin header"), and which name it looked up: a
    name that was made to point here (DNS rebinding), or a proxy that keeps it, shows in `Host`.
    """
    try:
        named = URL(f"//{request.host}").host or ""
    except ValueError:
        return True
    return hdrs.ORIGIN in request.headers or not is_loopback(named)


def _line(progress: Progress) -> bytes:
    return msgspec.json.encode(progress) + b"\n"


def _json(status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> web.Response:
    body = msgspec.json.encode(content) + b"\n"
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)
