"""What carries calls on aiohttp (see `rejoinder.outbox.Socket`): a WebSocket, and an HTTP request whose answer is streamed."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from aiohttp import WSMsgType, web

from rejoinder.lifeline import Lifeline, Lifelines
from rejoinder.protocols import Codec

#: Bytes of one frame. A two-hour call with its tool calls repeats 2.9 MB in every frame; aiohttp's own limit is 4 MiB and would
#: end a call with 1009, which no platform promises to survive.
MAX_FRAME = 16 * 2**20
#: From here on a call is warned of.
LARGE_FRAME = MAX_FRAME // 2
#: What stands for a close frame without a code (RFC 6455, section 7.1.5); aiohttp says 0.
NO_CODE = 1005


class Carried(Protocol):
    """The call that a socket carries."""

    codec: Codec

    def complain(self, what: str) -> None:
        """Log what is odd about it."""


class WebSocket:
    """A platform that dialled in."""

    __slots__ = ("_call", "_lifeline", "_request", "_waits", "response")

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._lifeline: Lifeline | None = None
        self._call: Carried | None = None
        self._waits = False
        # No permessage-deflate: 2.4 times the CPU and 120 instead of 17 KiB for each idle call. Frames stay bytes: the
        # decoder wants them so.
        self.response = web.WebSocketResponse(max_msg_size=MAX_FRAME, compress=False, decode_text=False)

    @property
    def close_code(self) -> int | None:
        code = self.response.close_code
        return NO_CODE if code == 0 else code

    def watch(self, call: Carried, *, waits: bool, among: Lifelines) -> None:
        """From now on give the socket up when its peer is no longer there (see Lifeline), and tell `call` what is odd. With
        `waits` the peer may say nothing for as long as it likes."""
        self._call = call
        self._waits = waits
        self._lifeline = Lifeline(self, waits=waits, among=among)

    @property
    def silence(self) -> float | None:
        return None if self._call is None or self._waits else self._call.codec.longest_silence

    def give_up(self, why: str) -> None:
        self._complain(f"the socket was given up: the platform {why}")
        self.abort()

    def _complain(self, what: str) -> None:
        if self._call is not None:
            self._call.complain(what)

    def end(self) -> None:
        """Nothing more comes or goes. Dropped without a word (1006) if it is still open, so that Retell dials again: a handler
        that returned with its socket open would say 1000, and Retell hang up on the caller."""
        if self._lifeline is not None:
            self._lifeline.end()
        if not self.response.closed:
            self.abort()

    async def receive(self) -> bytes | str | None:
        message = await self.response.receive()
        if message.type is WSMsgType.TEXT or message.type is WSMsgType.BINARY:
            frame: bytes | str = message.data
            if self._lifeline is not None:
                self._lifeline.heard()
            if len(frame) > LARGE_FRAME:
                self._complain(f"a frame of more than {LARGE_FRAME >> 20} MiB came; one of {MAX_FRAME >> 20} closes the socket")
            return frame
        return None

    async def send(self, frame: bytes) -> None:
        if self.response.closed:
            raise ConnectionResetError("the socket is closed")
        if self._lifeline is None:
            await self.response.send_frame(frame, WSMsgType.TEXT)
            return
        self._lifeline.sending()
        await self.response.send_frame(frame, WSMsgType.TEXT)
        self._lifeline.sent()

    @property
    def is_clear(self) -> bool:
        transport = self._request.transport
        if transport is None or self.response.closed or transport.is_closing():
            return False
        return transport.get_write_buffer_size() == 0

    def write(self, frames: Sequence[bytes]) -> None:
        transport = self._request.transport
        assert transport is not None, "a socket without a transport is not clear"
        transport.write(b"".join([part for frame in frames for part in (text_header(len(frame)), frame)]))

    def abort(self) -> None:
        if (transport := self._request.transport) is not None:
            transport.abort()


def text_header(size: int) -> bytes:
    """What goes before a text frame of `size` bytes from a server: whole, without extensions, unmasked (RFC 6455, section 5.2).

    aiohttp's own writer takes one frame at a time, and the kernel with it.
    """
    if size < 126:
        return bytes((0x81, size))
    if size < 2**16:
        return b"\x81\x7e" + size.to_bytes(2)
    return b"\x81\x7f" + size.to_bytes(8)


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
        self.silence = None
        self._call: Carried | None = None
        self._lifeline: Lifeline | None = None

    def watch(self, call: Carried, *, among: Lifelines) -> None:
        """From now on give the request up when its client takes nothing of its answer, and complain to `call` of it."""
        self._call = call
        self._lifeline = Lifeline(self, waits=True, among=among)

    def give_up(self, why: str) -> None:
        if self._call is not None:
            self._call.complain(f"the request was given up: the platform {why}")
        self.abort()

    def end(self) -> None:
        """Nothing more goes out."""
        if self._lifeline is not None:
            self._lifeline.end()

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
        if self._lifeline is not None:
            self._lifeline.sending()
        await self.response.write(frame)
        if self._lifeline is not None:
            self._lifeline.sent()
        self._is_writing = False
        if self._answer.is_final(frame):
            self._over.set()

    @property
    def is_clear(self) -> bool:
        return False  # an answer's head and pieces are written by coroutines alone

    def write(self, frames: Sequence[bytes]) -> None:
        raise ConnectionResetError("an answer takes one frame at a time")

    def abort(self) -> None:
        self._over.set()
        # A client that does not read holds the call's one writer, which the next request is waiting for.
        if self._is_writing and (transport := self._request.transport) is not None:
            transport.abort()
