"""The edge: HTTP and WebSocket requests to routes and calls. Assembles, decides nothing about a turn."""

import asyncio
import contextlib
import time
import uuid
from dataclasses import replace

from aiohttp import hdrs, web

from rejoinder import farewell, pages
from rejoinder.admin import Admin
from rejoinder.arrivals import Arrivals
from rejoinder.calls import Calls
from rejoinder.doors import Knock
from rejoinder.drain import RETRY_AFTER, Drain
from rejoinder.errors import CallRefused, PeerError
from rejoinder.http_socket import HttpSocket
from rejoinder.lifeline import Lifelines
from rejoinder.protocols import chat
from rejoinder.protocols.retell import RetellCodec
from rejoinder.reception import Entry, Reception, is_local
from rejoinder.reload import Reloader
from rejoinder.routes import Route
from rejoinder.session import Session
from rejoinder.web_socket import MAX_FRAME, WebSocket
from rejoinder.webhook_door import WebhookDoor
from rejoinder.webhooks import Webhooks

#: Seconds that the body of a request may take.
BODY = 30.0

DRAINING = "This server is about to stop and takes no new calls."
FULL = "This route has as many calls as it may."


class Server:
    """Answers what is dialled. `reloader` keeps the routes in force, `calls` the live calls; while `drain` is on, nothing new
    is let in. `arrivals` is told which connections have asked for something."""

    def __init__(self, reloader: Reloader, calls: Calls, drain: Drain, arrivals: Arrivals, webhooks: Webhooks) -> None:
        self._reloader = reloader
        self._calls = calls
        self._drain = drain
        self._arrivals = arrivals
        self._webhooks = webhooks
        self._leaving = 0
        self._lifelines = Lifelines()
        self._reception = Reception(reloader, calls)

    def app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_FRAME)
        app.on_response_prepare.append(self._arrived)
        app.router.add_get("/", self._home)
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/readyz", self._ready)
        admin = Admin(self._reloader, self._drain, is_local=is_local, token=self._token)
        app.router.add_post("/admin/reload", admin.reload)
        app.router.add_post("/admin/drain", admin.drain)
        WebhookDoor(lambda: self._reloader.routes.config.webhooks, self._webhooks, self._arrivals).add_to(app)
        app.router.add_route("*", "/{path:.*}", self._dialled)
        return app

    async def _arrived(self, request: web.Request, _: web.StreamResponse) -> None:
        """At the first word of an answer. No middleware: each call would hold two of its frames."""
        self._arrivals.asked(request.protocol)

    def _token(self) -> str:
        return self._reloader.routes.config.server.admin_token

    # For people and monitors.

    async def _home(self, request: web.Request) -> web.Response:
        if not is_local(request):
            return web.Response(status=404, text="Not found.\n")
        return pages.home(self._reloader.routes, f"ws://{request.host}")

    async def _health(self, request: web.Request) -> web.Response:
        routes, refused, calls = self._reloader.routes, self._reloader.refused, len(self._calls)
        held, draining = self._reloader.watchdog.holds, self._drain.is_on
        tell, unrecorded = is_local(request), self._calls.unrecorded
        return pages.health(routes, refused, calls, held, draining=draining, tell=tell, unrecorded=unrecorded)

    async def _ready(self, request: web.Request) -> web.Response:
        return pages.readiness(self._reloader.routes, draining=self._drain.is_on)

    # For platforms.

    async def _dialled(self, request: web.Request) -> web.StreamResponse:
        self._arrivals.asked(request.protocol)  # already: the body of a request for chat completions may be long in coming
        try:
            answer = await self._answered(request)
        except CallRefused as refused:
            return _leave(web.Response(status=refused.status, text=f"{refused}\n"))
        if isinstance(answer, web.StreamResponse):
            return answer
        socket, session = answer
        del answer
        try:  # here, and no deeper: what stands on the stack is held by a call for as long as it lasts
            await self._calls.carry(session, socket)
        finally:
            socket.end()
        await socket.linger()
        return socket.response

    async def _answered(self, request: web.Request) -> "web.StreamResponse | tuple[WebSocket, Session]":
        """The whole answer, or a socket and the call that it is to carry."""
        knock = self._reception.knock(request)
        if (base := _chat_base(knock)) is not None:
            return await self._complete(request, base)
        return await self._dial(request, knock)

    async def _dial(self, request: web.Request, knock: Knock) -> "web.StreamResponse | tuple[WebSocket, Session]":
        entry = self._reception.enter(knock, RetellCodec.platform)
        if entry is None:
            return self._reception.refuse(request, knock)
        if request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
            return self._route_page(request, entry)
        route = entry.route
        if not entry.is_redial:
            if not (route and route.takes(RetellCodec.platform, is_local=knock.is_local)):
                raise CallRefused(404, "This route is not for Retell's protocol.")
            self._let_in()
            if self._leaving >= farewell.MOST_LEAVING and self._is_full(route):
                raise CallRefused(503, FULL)
        socket = WebSocket(request)
        await socket.open()
        # Looked up and opened only now, in one step: a handshake may fail half-way, and while it is answered a call may end or
        # be opened by another socket.
        session = self._calls.live(entry.path, RetellCodec.platform, entry.call_id)
        if session is None and route is not None:
            if self._is_full(route):
                return await self._turn_away(socket, route)
            session = self._calls.open_retell(route, entry.call_id)
        if session is None:
            socket.end()
            return socket.response
        # A person who tries by hand says nothing for long, and on one machine nobody vanishes without a word.
        socket.watch(session, waits=knock.is_local, among=self._lifelines)
        return socket, session

    def _route_page(self, request: web.Request, entry: Entry) -> web.Response:
        if entry.route is None:
            return web.Response(status=426)
        path = pages.dialled_path(entry.route)
        return pages.route_page(entry.route, _url(request, path), self._pasted(request, path))

    def _let_in(self) -> None:
        """Raises CallRefused for a new call during a drain.

        Before the upgrade and with 503, so that a proxy passes it to another server and a platform tries again: Retell does so
        three times, three seconds apart, which is enough for a process that takes over.
        """
        if self._drain.is_on:
            self._drain.refuse()
            raise CallRefused(503, DRAINING)

    def _is_full(self, route: Route) -> bool:
        """Whether a route has as many calls as it may."""
        most = route.config.limits.calls
        if most is None or not self._calls.is_full(route):
            return False
        self._reception.full(route.path, most)
        return True

    async def _turn_away(self, socket: WebSocket, route: Route) -> web.StreamResponse:
        """Nobody has time for a caller: say so, for as long as that takes."""
        self._leaving += 1
        try:
            await farewell.by_socket(socket, route)
        finally:
            self._leaving -= 1
            socket.end()
        return socket.response

    def _pasted(self, request: web.Request, path: str) -> str:
        """The URL for the dashboard: the one this request came by if it came through a tunnel, else what the file says."""
        if not is_local(request):
            return _url(request, path)
        return self._reloader.routes.config.server.dashboard_base + path

    async def _complete(self, request: web.Request, knock: Knock) -> web.StreamResponse:
        entry = self._reception.enter(knock, chat.ChatCodec.platform)
        if entry is None or entry.route is None or not entry.route.takes(chat.ChatCodec.platform, is_local=knock.is_local):
            return self._reception.refuse(request, knock)
        if request.method != hdrs.METH_POST:
            raise CallRefused(405, "Chat completions are asked for with POST.")
        try:
            async with asyncio.timeout(BODY):
                body = await request.read()
        except TimeoutError:
            raise CallRefused(408, "The request did not come to its end.") from None
        # Once more: a reload may have come before the body.
        route = self._reloader.routes.routes.get(entry.path, entry.route)
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
        return await self._answer(request, body, session, route)

    def _chat_session(self, route: Route, call_id: str | None) -> Session | None:
        """The call that a request belongs to, a new one if there is none; None if there is no room for it."""
        if call_id and (live := self._calls.live(route.path, chat.ChatCodec.platform, call_id)):
            return live
        self._let_in()
        if self._is_full(route):
            return None
        codec = _chat_codec()
        if call_id is None:  # nobody can come back to a call without an id
            codec.grace = codec.grace_after_goodbye = 0.0
        return self._calls.open(route, codec, call_id or f"request-{uuid.uuid4().hex[:12]}")

    async def _answer(self, request: web.Request, body: bytes, session: Session | None, route: Route) -> web.StreamResponse:
        codec = _chat_codec() if session is None else session.codec
        assert isinstance(codec, chat.ChatCodec)
        socket = HttpSocket(request, body, codec)
        if session is None:
            await farewell.by_answer(socket, codec, body, route)
        else:
            socket.watch(session, among=self._lifelines)
            try:
                await self._calls.carry(session, socket)
            finally:
                socket.end()
        if socket.response is None:
            return _chat_error(409, "a newer request of this call took the place of this one")
        with contextlib.suppress(ConnectionError):  # who is gone needs no end
            await socket.response.write_eof()
        return socket.response


def _chat_codec() -> chat.ChatCodec:
    return chat.ChatCodec(now=time.time, new_id=lambda: uuid.uuid4().hex)


def _chat_base(knock: Knock) -> Knock | None:
    """What is left of a request for chat completions: what stands before /chat/completions or /v1/chat/completions. None if it
    asks for none."""
    segments = list(knock.segments)
    if segments[-2:] != ["chat", "completions"]:
        return None
    return replace(knock, segments=segments[:-3] if segments[-3:-2] == ["v1"] else segments[:-2])


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
