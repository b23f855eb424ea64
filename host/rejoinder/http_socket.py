"""An HTTP request whose answer is streamed, as what carries a call for one turn (see `rejoinder.outbox.Socket`)."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from aiohttp import web

from rejoinder.lifeline import Lifeline, Lifelines
from rejoinder.web_socket import Carried


class Answer(Protocol):
    """What a streamed answer asks of its codec."""

    @property
    def content_type(self) -> str: ...

    def is_final(self, frame: bytes) -> bool: ...


class HttpSocket:
    """One request as a socket: its body is the only frame in, the answer's pieces are the frames out."""

    def __init__(self, request: web.Request, body: bytes, answer: Answer) -> None:
        self._request = request
        self._body = body
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
            self._lifeline = None  # which knows the socket: together they would wait for the collector

    async def carry(self, hear: Callable[[bytes | str], None]) -> None:
        hear(self._body)
        await self._over.wait()

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
