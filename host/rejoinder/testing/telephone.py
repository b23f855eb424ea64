"""Retell's side of one call, over a real socket: dials a route, talks, and hears what Retell would let its caller hear.

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
from collections.abc import AsyncIterator, Callable, Mapping
from types import MappingProxyType
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType
from yarl import URL

from rejoinder.dialogue import Utterance
from rejoinder.errors import RejoinderError
from rejoinder.testing.dialling import CannotDial, call_url, dial
from rejoinder.testing.hearing import Frame, Heard, Hearing

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

    def __init__(self, session: ClientSession, url: URL, call_id: str, details: Mapping[str, Any] | None) -> None:
        self.url = url
        self.call_id = call_id
        self.details = details
        self.config: Mapping[str, Any] = {}
        self._session = session
        self._hearing = Hearing()
        self._turn = 0
        self._fault = ""
        self._news = asyncio.Event()
        self._socket: ClientWebSocketResponse | None = None
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
        return self._socket.close_code if self._socket is not None else None

    # The socket.

    async def dial(self) -> None:
        """Connect, or connect again as Retell does when a socket was lost: ids and transcript go on. Raises CannotDial."""
        socket = await dial(self._session, self.url)
        self._socket, self._fault = socket, ""
        self._reader = asyncio.create_task(self._read(socket), name=f"reader of {self.call_id}")

    async def _read(self, socket: ClientWebSocketResponse) -> None:
        async for message in socket:
            frame = _decoded(message.data) if message.type is WSMsgType.TEXT else None
            if frame is None:
                self._fault = "a frame came that is not a JSON object in a text frame"
            else:
                self._hearing.take(frame)
                if frame.get("response_type") == "config":
                    await self._configure(frame.get("config") or {})
            self._tell()
        self._tell()

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

    async def chunks(self, within: float = PATIENCE) -> AsyncIterator[str]:
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
        if self._socket is None or self._socket.closed:
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
        await self.send({"interaction_type": "update_only", "transcript": self._wired(), "turntaking": "user_turn"})
        return await self._ask("response_required")

    async def is_silent(self) -> int:
        """The caller has said nothing for long: a request for a reminder; its id."""
        return await self._ask("reminder_required")

    async def _ask(self, kind: str) -> int:
        self._turn += 1
        self._hearing.expects(self._turn)
        await self.send({"interaction_type": kind, "response_id": self._turn, "transcript": self._wired()})
        return self._turn

    def _wired(self) -> list[Frame]:
        return [{"role": said.role, "content": said.text, "words": []} for said in self.transcript]

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
        assert self._socket is not None
        try:
            if isinstance(frame, bytes):
                await self._socket.send_bytes(frame)
            else:
                await self._socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))
        except ConnectionError as error:
            raise self._not_heard(f"the call was lost: {error}") from error

    # The end.

    async def hang_up(self) -> None:
        """End the call as a platform does: close with 1000."""
        if self._socket is not None:
            await self._socket.close()
        await self._read_out()

    async def drop(self) -> None:
        """Lose the connection without a word; the other side sees 1006."""
        connection = self._socket._response.connection if self._socket is not None else None  # noqa: SLF001  no other way in
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        await self._read_out()

    async def _read_out(self) -> None:
        if self._reader is not None:
            await asyncio.wait([self._reader])


def _decoded(text: str) -> Frame | None:
    try:
        frame = json.loads(text)
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
        url_of_call = call_url(url, given)
        if session is None:
            session = await stack.enter_async_context(ClientSession())
        caller = Caller(session, url_of_call, given, details)
        await caller.dial()
        stack.push_async_callback(caller.hang_up)
        yield caller
