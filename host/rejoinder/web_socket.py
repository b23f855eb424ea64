"""A WebSocket that a platform dialled (see `rejoinder.outbox.Socket`), on aiohttp's connection and with its reader of frames.

Each frame goes from the reader straight into its call. aiohttp's own WebSocketResponse puts it into a queue and wakes a task
for it, which costs as much again as reading it: half of all that an update costs on a busy server.
"""

import asyncio
import base64
import hashlib
import struct
from collections.abc import Callable, Sequence
from typing import Protocol

from aiohttp import WSMsgType, hdrs, web
from aiohttp._websocket.reader import (
    WebSocketDataQueue,  # promised to nobody: pyproject.toml keeps to the versions that were tried
)
from aiohttp.http import WS_KEY, WebSocketError, WebSocketReader, WSCloseCode, WSMessage, WSMessageTextBytes
from aiohttp.web_protocol import RequestHandler

from rejoinder.lifeline import Lifeline, Lifelines
from rejoinder.protocols import Codec

#: Bytes of one frame. A two-hour call with its tool calls repeats 2.9 MB in every frame; aiohttp's own limit is 4 MiB and would
#: end a call with 1009, which no platform promises to survive.
MAX_FRAME = 16 * 2**20
#: From here on a call is warned of.
LARGE_FRAME = MAX_FRAME // 2
TOO_LARGE_SOON = f"a frame of more than {LARGE_FRAME >> 20} MiB came; one of {MAX_FRAME >> 20} closes the socket"
#: What stands for a close frame without a code, and for a connection that ended without one; a fault of ours (RFC 6455, section
#: 7.4.1).
NO_CODE = 1005
ABNORMAL = 1006
INTERNAL_ERROR = 1011
#: Seconds that a peer has to take our close frame and to close in its turn.
CLOSING = 5.0

# Looked up once: members of an enumeration cost as much to reach as all else that is done with a small frame.
_TEXT, _BINARY = WSMsgType.TEXT, WSMsgType.BINARY
_CLOSE, _PING, _PONG = WSMsgType.CLOSE, WSMsgType.PING, WSMsgType.PONG

#: What goes before text frames of fewer bytes than this, by their size (RFC 6455, section 5.2).
SHORT = 126
_SHORT_HEADERS = tuple([bytes((0x81, size)) for size in range(SHORT)])

Message = WSMessage | WSMessageTextBytes


class Carried(Protocol):
    """The call that a socket carries."""

    codec: Codec

    def complain(self, what: str) -> None:
        """Log what is odd about it."""


class WebSocket:
    """A platform that dialled in: `open` answers its handshake, `carry` reads from then on."""

    __slots__ = (
        "_call",
        "_closing",
        "_inbox",
        "_lifeline",
        "_lingering",
        "_over",
        "_protocol",
        "_request",
        "_waits",
        "close_code",
        "response",
    )

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._protocol = request.protocol
        self._lifeline: Lifeline | None = None
        self._call: Carried | None = None
        self._waits = False
        self._inbox: _Inbox | None = None
        self._over: asyncio.Future[None] | None = None
        self._closing: asyncio.TimerHandle | None = None
        self._lingering: asyncio.Future[None] | None = None
        self.close_code: int | None = None
        self.response = web.StreamResponse()

    async def open(self) -> None:
        """Answer the handshake (RFC 6455, section 4.2). Raises HTTPBadRequest for one that is broken.

        No permessage-deflate: 2.4 times the CPU and 120 instead of 17 KiB for each idle call.
        """
        handshake = web.WebSocketResponse(compress=False)
        try:
            if not handshake.can_prepare(self._request):
                await handshake.prepare(self._request)  # raises, and says what is wrong with it
        except ValueError:  # of a key that is no text
            raise web.HTTPBadRequest(text="Handshake error: not a key.\n") from None
        key = self._request.headers[hdrs.SEC_WEBSOCKET_KEY].encode()
        accepted = base64.b64encode(hashlib.sha1(key + WS_KEY, usedforsecurity=False).digest()).decode()
        self.response = web.StreamResponse(
            status=101,
            headers={hdrs.UPGRADE: "websocket", hdrs.CONNECTION: "upgrade", hdrs.SEC_WEBSOCKET_ACCEPT: accepted},
        )
        self.response.force_close()
        await self.response.prepare(self._request)
        self._protocol.keep_alive(False)

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
        self.abort()
        self._inbox = self._lifeline = None  # which know the socket: together they would wait for the collector

    # In.

    async def carry(self, hear: Callable[[bytes | str], None]) -> None:
        if self._protocol.transport is None:  # it went away during the handshake, and nothing will ever tell of it again
            return
        loop = asyncio.get_running_loop()
        self._over = loop.create_future()
        self._inbox = _Inbox(self, hear, self._lifeline, self._protocol, loop)
        # What has come since the handshake is read here and now. Frames stay bytes: the decoder wants them so.
        reader = WebSocketReader(self._inbox, MAX_FRAME, compress=False, decode_text=False)
        self._protocol.set_parser(reader)
        if (transport := self._protocol.transport) is not None:
            transport.set_protocol(_Wire(reader, self._protocol))
        await self._over

    def large(self) -> None:
        """A frame came that is nearly too large."""
        self._complain(TOO_LARGE_SOON)

    def controlled(self, message: Message) -> None:
        """A control frame came."""
        if message[0] is _PING:
            self._pong(message[1])
        elif message[0] is _CLOSE:
            code = message[1]
            self._close(code or NO_CODE, _code(code) if code else b"")

    def broke(self, fault: BaseException) -> None:
        """What heard a frame raised, which `carry` is to raise."""
        self._stop_hearing()
        if self._over is not None and not self._over.done():
            self._over.set_exception(RuntimeError("a fault of ours") if isinstance(fault, StopIteration) else fault)

    def _stop_hearing(self) -> None:
        if self._inbox is not None:
            self._inbox.hear = None

    def _pong(self, payload: bytes) -> None:
        transport = self._protocol.transport
        if transport is not None and not self._protocol.writing_paused:  # who pings and reads no pong is not to fill our memory
            transport.write(_control(_PONG, payload))

    def failed(self, error: BaseException) -> None:
        """What came is no frame, or one too large: no more is read, and the peer is told why (RFC 6455, section 7.4)."""
        if self._inbox is not None and self._inbox.hear is not None:
            code = error.code if isinstance(error, WebSocketError) else INTERNAL_ERROR
            self._close(code, _code(code), waits=code == WSCloseCode.MESSAGE_TOO_BIG)

    def gone(self) -> None:
        """The connection has ended."""
        self._stop_hearing()
        self.close_code = self.close_code or ABNORMAL
        if self._closing is not None:
            self._closing.cancel()
        if self._lingering is not None and not self._lingering.done():
            self._lingering.set_result(None)
        self._finish()

    def _finish(self) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(None)

    # Out.

    @property
    def _is_open(self) -> bool:
        transport = self._protocol.transport
        return transport is not None and self.close_code is None and not transport.is_closing()

    async def send(self, frame: bytes) -> None:
        if not self._is_open:
            raise ConnectionResetError("the socket is closed")
        if self._lifeline is not None:
            self._lifeline.sending()
        self.write((frame,))
        await self._request.writer.drain()
        if self._lifeline is not None:
            self._lifeline.sent()

    @property
    def is_clear(self) -> bool:
        transport = self._protocol.transport
        if transport is None or self.close_code is not None or transport.is_closing():
            return False
        return transport.get_write_buffer_size() == 0

    def write(self, frames: Sequence[bytes]) -> None:
        transport = self._protocol.transport
        assert transport is not None, "a socket without a transport is not clear"
        if len(frames) == 1:
            transport.write(text_header(len(frames[0])) + frames[0])
        else:
            parts: list[bytes] = []
            for frame in frames:
                size = len(frame)
                parts += (_SHORT_HEADERS[size] if size < SHORT else text_header(size), frame)
            transport.write(b"".join(parts))

    def abort(self) -> None:
        self._stop_hearing()
        if self.close_code is None and (transport := self._protocol.transport) is not None:
            transport.abort()  # else it is closing, and what was said before is still to be read

    async def linger(self) -> None:
        """Wait until a peer that sent too much has read that, as long as it may take: the connection of one that still sends
        would be reset, and our last word with it."""
        if self._lingering is not None:
            await self._lingering

    def _close(self, code: int, payload: bytes, *, waits: bool = False) -> None:
        """Answer a goodbye, or say one, and close the connection; with `waits` the peer is to close it first."""
        self._stop_hearing()
        self.close_code = code
        if (transport := self._protocol.transport) is not None:
            loop = asyncio.get_running_loop()
            transport.write(_control(_CLOSE, payload))
            self._closing = loop.call_later(CLOSING, transport.abort)
            self._finish()  # before it is closed: aiohttp cancels whoever still waits when a connection ends
            if waits:
                self._lingering = loop.create_future()
            else:
                transport.close()


class _Wire(asyncio.Protocol):
    """What the transport talks to from now on: aiohttp's handler of the connection, but for what comes in, which it has no
    more to look at."""

    __slots__ = ("_handler", "data_received")

    def __init__(self, reader: WebSocketReader, handler: RequestHandler) -> None:
        self.data_received = reader.feed_data  # type: ignore[method-assign,assignment]  # nobody reads what it returns
        self._handler = handler

    def connection_lost(self, exc: Exception | None) -> None:
        self._handler.connection_lost(exc)

    def pause_writing(self) -> None:
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        self._handler.resume_writing()


class _Inbox(WebSocketDataQueue):
    """What aiohttp's reader takes for its queue. Nothing ever waits in it, so nothing pauses the reader.

    `hear` is None once the socket was dropped, or is closing.
    """

    __slots__ = ("_line", "_socket", "hear")

    def __init__(
        self,
        socket: WebSocket,
        hear: Callable[[bytes | str], None],
        line: Lifeline | None,
        protocol: RequestHandler,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(protocol, 0, loop=loop)
        self._socket = socket
        self._line = line
        self.hear: Callable[[bytes | str], None] | None = hear

    def feed_data(self, data: Message, size: int) -> None:
        """A whole message, or a control frame. Never raises: the reader has nobody to tell. All in one piece: most of what an
        update costs is to come here."""
        hear, kind = self.hear, data[0]
        if hear is None:
            return
        try:
            if kind is not _TEXT and kind is not _BINARY:
                self._socket.controlled(data)
                return
            if (line := self._line) is not None:
                line.heard_at, line.waits = line.now(), True
            if size > LARGE_FRAME:
                self._socket.large()
            hear(data[1])
        except BaseException as fault:  # noqa: BLE001  `carry` raises it
            self._socket.broke(fault)

    def feed_eof(self) -> None:
        self._socket.gone()

    def set_exception(self, exc: BaseException, *_: object) -> None:
        self._socket.failed(exc)


def _code(code: int) -> bytes:
    return struct.pack("!H", code)


def _control(kind: WSMsgType, payload: bytes) -> bytes:
    """A control frame: whole, and of 125 bytes at most (RFC 6455, section 5.5)."""
    return bytes((0x80 | kind, len(payload))) + payload


def text_header(size: int) -> bytes:
    """What goes before a text frame of `size` bytes from a server: whole, without extensions, unmasked (RFC 6455, section 5.2).

    aiohttp's own writer takes one frame at a time, and the kernel with it.
    """
    if size < SHORT:
        return _SHORT_HEADERS[size]
    if size < 2**16:
        return b"\x81\x7e" + size.to_bytes(2)
    return b"\x81\x7f" + size.to_bytes(8)
