"""The platform's end of one connection: over a real socket, or to a host in this process without any.

What plays a platform is written against `Wire` and `Dialler` alone, and so runs on both: in real time against any URL, and on
the virtual clock (`rejoinder.testing.clock`) with no TCP, no thread and no chance in it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from rejoinder.errors import RejoinderError
from rejoinder.lifeline import Lifeline
from rejoinder.testing.dialling import call_url, dial

#: Codes of RFC 6455, section 7.4.1: a goodbye, a goodbye without a code, and no goodbye at all.
NORMAL, NO_CODE, ABNORMAL = 1000, 1005, 1006

#: Seconds for the other side to say goodbye too, once we have.
GOODBYE = 5.0

#: Bytes that may be under way in each direction of a memory wire before a send waits; what aiohttp's own buffer holds.
ROOM = 64 * 1024


class BinaryFrame(RejoinderError):
    """A binary frame came, which no voice platform's protocol has."""


class Wire(Protocol):
    """One connection as the platform holds it. One task at a time may receive."""

    @property
    def close_code(self) -> int | None:
        """How it ended as the platform sees it (1006: without a word); None while it is open."""
        ...

    async def send(self, frame: bytes) -> None:
        """Send a text frame, and wait while the host takes nothing more; ConnectionError if the connection is gone."""
        ...

    async def send_binary(self, frame: bytes) -> None:
        """The same as a binary frame, which no voice platform sends: for what must be borne all the same."""
        ...

    async def receive(self) -> bytes | None:
        """The next text frame, None once the connection is closed. Raises BinaryFrame for a binary one."""
        ...

    async def close(self, code: int = NORMAL) -> None:
        """Say goodbye. Nothing happens if the connection is closed already."""
        ...

    def abort(self) -> None:
        """Lose it without a word: both sides see 1006."""
        ...


#: From a call's id to an open connection of that call. Raises CannotDial.
Dialler = Callable[[str], Awaitable[Wire]]


class SocketWire:
    """A WebSocket over TCP."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._close_code: int | None = None  # aiohttp's own is there as soon as a `receive` was cancelled
        self._is_closing = False

    @property
    def close_code(self) -> int | None:
        return self._close_code

    async def send(self, frame: bytes) -> None:
        await self._socket.send_frame(frame, WSMsgType.TEXT)

    async def send_binary(self, frame: bytes) -> None:
        await self._socket.send_frame(frame, WSMsgType.BINARY)

    async def receive(self) -> bytes | None:
        message = await self._socket.receive()
        if message.type is WSMsgType.TEXT:
            text: str = message.data
            return text.encode()
        if message.type is WSMsgType.BINARY:
            raise BinaryFrame(f"a binary frame of {len(message.data)} bytes came")
        if not self._is_closing:
            self._ended(self._socket.close_code)
        return None

    async def close(self, code: int = NORMAL) -> None:
        self._is_closing = True  # a `receive` that waits ends at once, and knows no code yet
        try:
            async with asyncio.timeout(GOODBYE):  # aiohttp's own patience begins anew with each frame that comes
                await self._socket.close(code=code)
        except TimeoutError:
            self.abort()
        self._ended(self._socket.close_code)

    def _ended(self, code: int | None) -> None:
        if self._close_code is None:
            self._close_code = code or NO_CODE

    def abort(self) -> None:
        self._ended(ABNORMAL)
        connection = self._socket._response.connection  # noqa: SLF001  no other way in
        if connection is not None:
            if connection.transport is not None:
                connection.transport.abort()
            connection.close()  # a reader that was cancelled will not give it back


def socket_dialler(url: str, session: ClientSession) -> Dialler:
    """Dials a real server. `url` is a route, as it stands in the platform's dashboard. Raises CannotDial if it is no URL."""
    call_url(url, "")

    async def open_wire(call_id: str) -> Wire:
        return SocketWire(await dial(session, call_url(url, call_id)))

    return open_wire


class _Lane:
    """Frames on their way in one direction, `room` bytes of them; more only if it is one frame alone, or put without asking."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._frames: deque[bytes] = deque()
        self._size = 0
        self._is_closed = False
        self._moved: asyncio.Future[None] | None = None

    @property
    def has_room(self) -> bool:
        return self._size < self._room and not self._is_closed

    def put(self, frame: bytes) -> None:
        self._frames.append(frame)
        self._size += len(frame)
        self._tell()

    async def send(self, frame: bytes) -> None:
        while not self.has_room:
            if self._is_closed:
                raise ConnectionResetError("the connection is closed")
            await self._next_move()
        self.put(frame)

    async def take(self) -> bytes | None:
        """The next frame, None when there will be no more."""
        while not self._frames:
            if self._is_closed:
                return None
            await self._next_move()
        frame = self._frames.popleft()
        self._size -= len(frame)
        self._tell()
        return frame

    def close(self, *, lose: bool = False) -> None:
        """Take no more, and forget what is under way if that is to be lost."""
        self._is_closed = True
        if lose:
            self._frames.clear()
        self._tell()

    async def _next_move(self) -> None:
        if self._moved is None or self._moved.done():
            self._moved = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._moved)

    def _tell(self) -> None:
        if self._moved is not None and not self._moved.done():
            self._moved.set_result(None)


class MemoryWire:
    """A connection to a host in this process and on this loop. `far` is the host's end of it: a `rejoinder.outbox.Socket`.

    `room` is how many bytes may be under way in each direction: a platform that reads slowly makes the host's sends wait.
    """

    def __init__(self, room: int = ROOM) -> None:
        self._out = _Lane(room)
        self._in = _Lane(room)
        self._close_code: int | None = None
        self.far = FarEnd(self._out, self._in)

    @property
    def close_code(self) -> int | None:
        return self._close_code

    async def send(self, frame: bytes) -> None:
        await self._out.send(frame)

    async def send_binary(self, frame: bytes) -> None:
        await self._out.send(frame)  # the host's end makes no difference either

    async def receive(self) -> bytes | None:
        frame = await self._in.take()
        if frame is None and self._close_code is None:
            self._close_code = self.far.close_code
        return frame

    async def close(self, code: int = NORMAL) -> None:
        self._end(code)

    def abort(self) -> None:
        self._end(ABNORMAL)

    def _end(self, code: int) -> None:
        self.far.close(code)
        self._in.close(lose=True)
        if self._close_code is None:
            self._close_code = self.far.close_code


class FarEnd:
    """The host's end of a memory wire. Whoever serves a call over it calls `end` at the end, as a handler's return would."""

    def __init__(self, incoming: _Lane, outgoing: _Lane) -> None:
        self._in = incoming
        self._out = outgoing
        self._lifeline: Lifeline | None = None
        self.close_code: int | None = None

    def watch(self, silence: Callable[[], float | None], complain: Callable[[str], None], *, waits: bool) -> None:
        """From now on give the wire up when its platform is no longer there (see Lifeline), and `complain` of it."""
        self._silence, self._complain = silence, complain
        self._lifeline = Lifeline(self, waits=waits)

    @property
    def silence(self) -> float | None:
        return self._silence()

    def give_up(self, why: str) -> None:
        self._complain(f"the socket was given up: the platform {why}")
        self.abort()

    async def receive(self) -> bytes | str | None:
        frame = await self._in.take()
        if frame is not None and self._lifeline is not None:
            self._lifeline.heard()
        return frame

    async def carry(self, hear: Callable[[bytes | str], None]) -> None:
        while (frame := await self.receive()) is not None and self.close_code != ABNORMAL:
            hear(frame)

    async def send(self, frame: bytes) -> None:
        if self._lifeline is not None:
            self._lifeline.sending()
        await self._out.send(frame)
        if self._lifeline is not None:
            self._lifeline.sent()

    @property
    def is_clear(self) -> bool:
        return self._out.has_room

    def write(self, frames: Sequence[bytes]) -> None:
        for frame in frames:
            self._out.put(frame)

    def abort(self) -> None:
        """What was sent before can still be read, as the system's buffers are; what came before is not heard any more."""
        self.close(ABNORMAL)
        self._in.close(lose=True)

    def close(self, code: int) -> None:
        """Closed with `code`, from either end: the first word counts."""
        if self.close_code is None:
            self.close_code = code
        self._in.close()
        self._out.close()

    def end(self) -> None:
        """Nobody serves it any more: dropped without a word if it is still open."""
        if self._lifeline is not None:
            self._lifeline.end()
        self.abort()
