"""The edge: HTTP and WebSocket requests to routes and calls. Assembles, decides nothing about a turn."""

import contextlib
import ipaddress
import time
import uuid
from urllib.parse import unquote

from aiohttp import hdrs, web

from rejoinder import pages
from rejoinder.admin import Admin
from rejoinder.calls import Calls
from rejoinder.dialogue import Tuning
from rejoinder.drain import RETRY_AFTER, Drain
from rejoinder.errors import CallRefused, PeerError
from rejoinder.protocols import chat
from rejoinder.protocols.retell import RetellCodec
from rejoinder.reload import Reloader
from rejoinder.routes import Route
from rejoinder.session import Session
from rejoinder.sockets import MAX_FRAME, HttpSocket, WebSocket

#: A request that came through a proxy or a tunnel bears one of these, whatever address it comes from.
FORWARDED = (hdrs.X_FORWARDED_FOR, hdrs.FORWARDED, "X-Real-IP")

DRAINING = "This server is about to stop and takes no new calls."


class Server:
    """Answers what is dialled. `reloader` keeps the routes in force, `calls` the live calls; while `drain` is on, nothing new
    is let in."""

    def __init__(self, reloader: Reloader, calls: Calls, drain: Drain) -> None:
        self._reloader = reloader
        self._calls = calls
        self._drain = drain

    def app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_FRAME)
        app.router.add_get("/", self._home)
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/readyz", self._ready)
        admin = Admin(self._reloader, self._drain, is_local=is_local, token=self._token)
        app.router.add_post("/admin/reload", admin.reload)
        app.router.add_post("/admin/drain", admin.drain)
        app.router.add_route("*", "/{path:.*}", self._dialled)
        return app

    def _token(self) -> str:
        return self._reloader.routes.config.server.admin_token

    # For people and monitors.

    async def _home(self, request: web.Request) -> web.Response:
        if not is_local(request):
            return web.Response(status=404, text="Not found.\n")
        return pages.home(self._reloader.routes, f"ws://{request.host}")

    async def _health(self, request: web.Request) -> web.Response:
        routes, refused, calls = self._reloader.routes, self._reloader.refused, len(self._calls)
        return pages.health(routes, refused, calls, draining=self._drain.is_on, tell=is_local(request))

    async def _ready(self, request: web.Request) -> web.Response:
        return pages.readiness(self._reloader.routes, draining=self._drain.is_on)

    def _not_found(self, request: web.Request) -> web.Response:
        return pages.not_found(self._reloader.routes, request.path, tell=is_local(request))

    # For platforms.

    async def _dialled(self, request: web.Request) -> web.StreamResponse:
        try:
            segments = [unquote(part) for part in request.rel_url.raw_path.rstrip("/").split("/")[1:]]
            if segments[-2:] == ["chat", "completions"]:
                return await self._complete(request, _chat_path(segments))
            return await self._dial(request, segments)
        except CallRefused as refused:
            return _leave(web.Response(status=refused.status, text=f"{refused}\n"))

    async def _dial(self, request: web.Request, segments: list[str]) -> web.StreamResponse:
        path, call_id = self._split(segments)
        call_id = call_id or _glued(request)
        route = self._reloader.routes.routes.get(path)
        is_redial = self._calls.live(path, RetellCodec.platform, call_id) is not None
        if route is None and not is_redial:
            return self._not_found(request)
        if request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
            return (
                pages.route_page(route, _url(request, path), self._pasted(request, path)) if route else web.Response(status=426)
            )
        if not is_redial and not (route and route.takes(RetellCodec.platform, is_local=is_local(request))):
            raise CallRefused(404, "This route is not for Retell's protocol.")
        if not is_redial:
            self._let_in()
        socket = WebSocket(request)
        await socket.response.prepare(request)
        # Looked up and opened only now, in one step: a handshake may fail half-way, and while it is answered a call may end or
        # be opened by another socket.
        session = self._calls.live(path, RetellCodec.platform, call_id)
        if session is None and route is not None:
            session = self._open_retell(route, call_id or f"local-{uuid.uuid4().hex[:12]}")
        return await self._carry(socket, session)

    def _let_in(self) -> None:
        """Raises CallRefused for a new call during a drain.

        Before the upgrade and with 503, so that a proxy passes it to another server and a platform tries again: Retell does so
        three times, three seconds apart, which is enough for a process that takes over.
        """
        if self._drain.is_on:
            self._drain.refuse()
            raise CallRefused(503, DRAINING)

    def _pasted(self, request: web.Request, path: str) -> str:
        """The URL for the dashboard: the one this request came by if it came through a tunnel, else what the file says."""
        if not is_local(request):
            return _url(request, path)
        return self._reloader.routes.config.server.dashboard_base + path

    def _split(self, segments: list[str]) -> tuple[str, str]:
        """A path without and with a call id: the longest route first, anything in the segment behind it is the id."""
        whole = "/" + "/".join(segments)
        if whole in self._reloader.routes.routes or len(segments) < 2:
            return whole, ""
        return "/" + "/".join(segments[:-1]), segments[-1]

    def _open_retell(self, route: Route, call_id: str) -> Session:
        knobs = route.config.retell
        tuning = Tuning(
            knobs.responsiveness, knobs.interruption_sensitivity, knobs.reminder_trigger_ms, knobs.reminder_max_count
        )
        codec = RetellCodec(transcript_with_tool_calls=knobs.transcript_with_tool_calls, tuning=tuning)
        return self._calls.open(route, codec, call_id)

    async def _carry(self, socket: WebSocket, session: Session | None) -> web.StreamResponse:
        try:
            if session is not None:
                await self._calls.carry(session, socket)
        finally:
            # A handler that returns with its socket open says 1000, and Retell hangs up on the caller; dropped without a
            # word (1006) it dials again.
            if not socket.response.closed:
                socket.abort()
        return socket.response

    async def _complete(self, request: web.Request, path: str) -> web.StreamResponse:
        route = self._reloader.routes.routes.get(path)
        if route is None or not route.takes(chat.ChatCodec.platform, is_local=is_local(request)):
            return self._not_found(request)
        if request.method != hdrs.METH_POST:
            raise CallRefused(405, "Chat completions are asked for with POST.")
        body = await request.read()
        route = self._reloader.routes.routes.get(path, route)  # once more: a reload may have come before the body
        try:
            identity = chat.identify(body, request.headers)
        except PeerError as error:
            return _chat_error(400, str(error))
        if not identity.asks:
            return web.Response(status=200)
        try:
            session = self._chat_session(route, identity.call_id)
        except CallRefused as refused:
            return _leave(_chat_error(refused.status, str(refused), "server_error"))
        return await self._answer(request, body, session)

    def _chat_session(self, route: Route, call_id: str | None) -> Session:
        if call_id and (live := self._calls.live(route.path, chat.ChatCodec.platform, call_id)):
            return live
        self._let_in()
        codec = chat.ChatCodec(now=time.time, new_id=lambda: uuid.uuid4().hex)
        if call_id is None:  # nobody can come back to a call without an id
            codec.grace = codec.grace_after_goodbye = 0.0
        return self._calls.open(route, codec, call_id or f"request-{uuid.uuid4().hex[:12]}")

    async def _answer(self, request: web.Request, body: bytes, session: Session) -> web.StreamResponse:
        codec = session.codec
        assert isinstance(codec, chat.ChatCodec)
        socket = HttpSocket(request, body, codec)
        await self._calls.carry(session, socket)
        if socket.response is None:
            return _chat_error(409, "a newer request of this call took the place of this one")
        with contextlib.suppress(ConnectionError):  # who is gone needs no end
            await socket.response.write_eof()
        return socket.response


def _glued(request: web.Request) -> str:
    """The call id of a URL with a query: some have seen it added behind the query's last value instead of the path."""
    _, slash, call_id = request.rel_url.raw_query_string.rpartition("/")
    return unquote(call_id) if slash else ""


def is_local(request: web.Request) -> bool:
    """Whether a request comes from this machine, and not through a proxy or tunnel on it."""
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False


def _chat_path(segments: list[str]) -> str:
    """The route of a request for chat completions: what stands before /chat/completions or /v1/chat/completions."""
    base = segments[:-3] if segments[-3:-2] == ["v1"] else segments[:-2]
    return "/" + "/".join(base)


def _leave(response: web.Response) -> web.Response:
    """Of a refusal because of a drain: when to come back, and not over this connection, which leads to the old process."""
    if response.status == 503:  # RFC 9110, section 15.6.4
        response.headers[hdrs.RETRY_AFTER] = str(RETRY_AFTER)
        response.force_close()
    return response


def _chat_error(status: int, message: str, kind: str = "invalid_request_error") -> web.Response:
    body = chat.error_body(message, kind)
    return web.Response(status=status, body=body, content_type="application/json")


def _url(request: web.Request, path: str) -> str:
    """The URL by which this request reached the route, as a WebSocket URL (behind a TLS proxy: wss)."""
    secure = request.secure or request.headers.get(hdrs.X_FORWARDED_PROTO, "").lower() in ("https", "wss")
    return f"{'wss' if secure else 'ws'}://{request.host}{path}"
