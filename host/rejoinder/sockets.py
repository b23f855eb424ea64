"""What carries calls on aiohttp (see `rejoinder.outbox.Socket`): a WebSocket, and an HTTP request whose answer is streamed."""

import asyncio
from typing import Protocol

from aiohttp import WSMsgType, web

#: Bytes of one frame. A two-hour call with its tool calls repeats 2.9 MB in every frame; aiohttp's own limit is 4 MiB and would
#: end a call with 1009, which no platform promises to survive.
MAX_FRAME = 16 * 2**20
#: What stands for a close frame without a code (RFC 6455, section 7.1.5); aiohttp says 0.
NO_CODE = 1005


class WebSocket:
    """A platform that dialled in."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        # No permessage-deflate: 2.4 times the CPU and 120 instead of 17 KiB for each idle call. Frames stay bytes: the
        # decoder wants them so.
        self.response = web.WebSocketResponse(max_msg_size=MAX_FRAME, compress=False, decode_text=False)

    @property
    def close_code(self) -> int | None:
        code = self.response.close_code
        return NO_CODE if code == 0 else code

    async def receive(self) -> bytes | str | None:
        message = await self.response.receive()
        if message.type is WSMsgType.TEXT or message.type is WSMsgType.BINARY:
            frame: bytes | str = message.data
            return frame
        return None

    async def send(self, frame: bytes) -> None:
        if self.response.closed:
            raise ConnectionResetError("the socket is closed")
        await self.response.send_frame(frame, WSMsgType.TEXT)

    def abort(self) -> None:
        if (transport := self._request.transport) is not None:
            transport.abort()


class Answer(Protocol):
    """What a streamed answer asks of its codec."""

    @property
    def content_type(self) -> str: ...

    def is_final(self, frame: bytes) -> bool: ...


class HttpSocket:
    """One request as a socket: its body is the only frame in, the answer's pieces are the frames out."""

    def __init__(self, request: web.Request, body: bytes, answer: Answer) -> None:
        self._request = request
        self._body: bytes | None = body
        self._answer = answer
        self._over = asyncio.Event()
        self._is_writing = False
        # Whoever ends a request, no call is lost by it: a client closes it when its caller interrupts or hangs up.
        self.close_code: int | None = 1000
        self.response: web.StreamResponse | None = None

    async def receive(self) -> bytes | str | None:
        body, self._body = self._body, None
        if body is None:
            await self._over.wait()
        return body

    async def send(self, frame: bytes) -> None:
        if self._over.is_set():
            raise ConnectionResetError("the answer is over")
        if self.response is None:
            self.response = web.StreamResponse(
                headers={"Content-Type": self._answer.content_type, "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
            )
            await self.response.prepare(self._request)
        self._is_writing = True
        await self.response.write(frame)
        self._is_writing = False
        if self._answer.is_final(frame):
            self._over.set()

    def abort(self) -> None:
        self._over.set()
        # A client that does not read holds the call's one writer, which the next request is waiting for.
        if self._is_writing and (transport := self._request.transport) is not None:
            transport.abort()
