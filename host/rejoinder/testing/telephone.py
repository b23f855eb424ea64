"""Retell's side of one call, by hand: dials a route, talks, and hears what Retell would let its caller hear.

async with calling("ws://127.0.0.1:8080/llm-websocket") as caller:
    greeting = await caller.hears()
    await caller.says("When are you open?")
    answer = await caller.hears()
"""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from types import MappingProxyType
from typing import Any

from aiohttp import ClientSession

from rejoinder.dialogue import Utterance
from rejoinder.errors import RejoinderError
from rejoinder.testing.dialling import CannotDial
from rejoinder.testing.hearing import Frame, Heard, Hearing
from rejoinder.testing.wire import BinaryFrame, Dialler, Wire, socket_dialler

__all__ = ["PATIENCE", "PHONE_CALL", "WEB_CALL", "Caller", "CannotDial", "Heard", "NotHeard", "calling"]

#: Seconds to wait for whatever must come, unless told otherwise.
PATIENCE = 10.0
#: Seconds between two pings of Retell's.
KEEPALIVE = 2.0

#: The `call` of `call_details` where none is given: a call from a web page, which has no telephone numbers.
WEB_CALL: Mapping[str, Any] = MappingProxyType({"call_type": "web_call", "call_status": "registered"})
#: The same for a call by telephone that withholds its numbers: what transfers is heard to transfer here alone.
PHONE_CALL: Mapping[str, Any] = MappingProxyType(
    {"call_type": "phone_call", "call_status": "registered", "direction": "inbound"}
)


class NotHeard(RejoinderError):
    """What had to come did not come in time, or can no longer come."""


class Caller:
    """One call, made by `calling`.

    `config` is what the server asked for when it was dialled; `details` the `call` that it is given if it asks (None: never).
    """

    def __init__(self, dial_wire: Dialler, call_id: str, details: Mapping[str, Any] | None) -> None:
        self.call_id = call_id
        self.details = details
        self.config: Mapping[str, Any] = {}
        self._dial_wire = dial_wire
        self._hearing = Hearing()
        self._presses: list[tuple[int, str]] = []  # each behind how many utterances it came
        self._turn = 0
        self._fault = ""
        self._news = asyncio.Event()
        self._wire: Wire | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def frames(self) -> list[Frame]:
        """Everything that came, in order."""
        return self._hearing.frames

    @property
    def unheard(self) -> list[Frame]:
        """Those of `frames` that Retell would have dropped without a word: an old id, a wrong type, after completion."""
        return self._hearing.unheard

    @property
    def transcript(self) -> tuple[Utterance, ...]:
        """What was said so far, as Retell would put it into its next request."""
        return self._hearing.transcript

    @property
    def close_code(self) -> int | None:
        """How the socket ended (1006: without a word), None while it is open."""
        return self._wire.close_code if self._wire is not None else None

    # The socket.

    async def dial(self) -> None:
        """Connect, or connect again as Retell does when a socket was lost: ids and transcript go on. Raises CannotDial."""
        wire = self._wire = await self._dial_wire(self.call_id)
        self._fault = ""
        self._reader = asyncio.create_task(self._read(wire), name=f"reader of {self.call_id}")

    async def _read(self, wire: Wire) -> None:
        while True:
            try:
                received = await wire.receive()
            except BinaryFrame:
                received = b""
            if received is None:
                break
            await self._take(_decoded(received))
            self._tell()
        self._tell()

    async def _take(self, frame: Frame | None) -> None:
        if frame is None:
            self._fault = "a frame came that is not a JSON object in a text frame"
            return
        self._hearing.take(frame)
        if frame.get("response_type") == "config":
            await self._configure(frame.get("config") or {})

    async def _configure(self, config: Mapping[str, Any]) -> None:
        self.config = config
        if config.get("call_details") and self.details is not None:
            with contextlib.suppress(NotHeard):
                await self.send({"interaction_type": "call_details", "call": {"call_id": self.call_id, **self.details}})

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    # Hearing.

    @property
    def now(self) -> Heard:
        """What the agent says now, or said last, complete or not."""
        return self._hearing.now

    async def hears(self, within: float = PATIENCE) -> Heard:
        """What the agent says to the newest request (first of all: the begin message), once it is complete.

        Raises NotHeard with what came instead.
        """
        await self._until(lambda: self._hearing.now.complete, within)
        return self._hearing.now

    async def chunks(self, within: float = PATIENCE) -> AsyncGenerator[str, None]:
        """The same piece by piece as it comes, `within` seconds at most for each; with what it says out of turn meanwhile."""
        heard, told = self._hearing.now, 0
        while True:
            while told < len(heard.chunks):
                told += 1
                yield heard.chunks[told - 1]
            now = self._hearing.now
            if heard is not now and now.is_interrupt:
                heard, told = now, 0
            elif heard is not now or heard.complete:
                return
            else:
                await self._more(heard, told, within)

    async def _more(self, heard: Heard, told: int, within: float) -> None:
        await self._until(lambda: len(heard.chunks) > told or heard.complete or heard is not self._hearing.now, within)

    async def beyond(self, heard: Heard, within: float | None = None) -> None:
        """Wait until the agent says something else than `heard`: out of turn, if nothing else was asked for. Raises NotHeard
        when it can no longer come, or not within that many seconds (None: for ever)."""
        await self._until(lambda: heard is not self._hearing.now, within)

    async def closed(self, within: float = PATIENCE) -> int:
        """Wait until the call is closed, by whomever; the close code."""
        await self._until(lambda: self.close_code is not None, within)
        return self.close_code or 0

    async def _until(self, come: Callable[[], bool], within: float | None) -> None:
        try:
            async with asyncio.timeout(within):
                while not come():
                    self._fail_if_over()
                    await self._news.wait()
        except TimeoutError:
            raise self._not_heard(f"nothing more came within {within:g} s") from None

    def _fail_if_over(self) -> None:
        if self._fault:
            raise self._not_heard(self._fault)
        if self._wire is None or self._wire.close_code is not None:
            raise self._not_heard(f"the call was closed with {self.close_code}")

    def _not_heard(self, what: str) -> NotHeard:
        now = self._hearing.now
        said = f"so far it has said {now.text!r}" if now.chunks else "it has said nothing"
        turn = "its begin message" if not now.turn else f"turn {now.turn}"
        return NotHeard(f"{what}; the agent has not finished {turn}, {said}; frames received: {len(self.frames)}")

    # Talking.

    async def says(self, text: str) -> int:
        """The caller has spoken: an update, then a request to answer; its id. Barges in if the agent still speaks."""
        self._hearing.says(text)
        await self.send({"interaction_type": "update_only", **self._told(), "turntaking": "user_turn"})
        return await self._ask("response_required")

    async def presses(self, digits: str) -> None:
        """The caller has pressed keys. As with Retell nobody is told unless the server asked for it (`retell:
        {transcript_with_tool_calls: true}` of a route)."""
        self._presses += [(len(self.transcript), digit) for digit in digits]
        await self.send({"interaction_type": "update_only", **self._told()})

    async def is_silent(self) -> int:
        """The caller has said nothing for long: a request for a reminder; its id."""
        return await self._ask("reminder_required")

    async def _ask(self, kind: str) -> int:
        self._turn += 1
        self._hearing.expects(self._turn)
        await self.send({"interaction_type": kind, "response_id": self._turn, **self._told()})
        return self._turn

    def _told(self) -> Frame:
        """The transcript, with the keys pressed between its utterances in a second one for a server that asked for it."""
        said: list[Frame] = [{"role": one.role, "content": one.text, "words": []} for one in self.transcript]
        if not self.config.get("transcript_with_tool_calls"):
            return {"transcript": said}
        whole = [*said]
        for place, digit in reversed(self._presses):
            whole.insert(place, {"role": "dtmf", "digit": digit})
        return {"transcript": said, "transcript_with_tool_calls": whole}

    async def ping(self, within: float = PATIENCE) -> float:
        """Ask whether the server lives, as Retell does every two seconds; the seconds until it answered."""
        begun, seen = time.perf_counter(), len(self.frames)
        stamp = time.time_ns() // 1_000_000
        await self.send({"interaction_type": "ping_pong", "timestamp": stamp})
        await self._until(lambda: {"response_type": "ping_pong", "timestamp": stamp} in self.frames[seen:], within)
        return time.perf_counter() - begun

    async def keep_alive(self) -> None:
        """Ping a server that asked for it every two seconds, for as long as the call lives."""
        with contextlib.suppress(NotHeard):
            while True:
                await asyncio.sleep(KEEPALIVE)
                if self.config.get("auto_reconnect"):
                    await self.ping()

    async def send(self, frame: str | bytes | Mapping[str, Any]) -> None:
        """Send a frame as it is: text, bytes (a binary frame), or a mapping as JSON. Raises NotHeard if the call is closed."""
        self._fail_if_over()
        assert self._wire is not None
        try:
            if isinstance(frame, bytes):
                await self._wire.send_binary(frame)
            else:
                await self._wire.send((frame if isinstance(frame, str) else json.dumps(frame)).encode())
        except ConnectionError as error:
            raise self._not_heard(f"the call was lost: {error}") from error

    # The end.

    async def hang_up(self) -> None:
        """End the call as a platform does: close with 1000."""
        if self._wire is not None:
            await self._wire.close()
        await self._read_out()

    async def drop(self) -> None:
        """Lose the connection without a word; the other side sees 1006."""
        if self._wire is not None:
            self._wire.abort()
        await self._read_out()

    async def _read_out(self) -> None:
        if self._reader is not None:
            await asyncio.wait([self._reader])


def _decoded(received: bytes) -> Frame | None:
    try:
        frame = json.loads(received)
    except ValueError:
        return None
    return frame if isinstance(frame, dict) else None


@contextlib.asynccontextmanager
async def calling(
    url: str,
    *,
    call_id: str | None = None,
    details: Mapping[str, Any] | None = WEB_CALL,
    session: ClientSession | None = None,
) -> AsyncIterator[Caller]:
    """Dial `url` and hang up at the end. Raises CannotDial.

    The call's id is always added behind the URL's path, as Retell does: `url` is a route, as it stands in the dashboard.
    None makes an id up, "" adds none. `details` is given when asked for, None never.
    """
    given = f"call_{uuid.uuid4().hex}" if call_id is None else call_id
    async with contextlib.AsyncExitStack() as stack:
        if session is None:
            session = await stack.enter_async_context(ClientSession())
        caller = Caller(socket_dialler(url, session), given, details)
        await caller.dial()
        stack.push_async_callback(caller.hang_up)
        yield caller
