"""A platform that asks a model's API: it posts the whole history for each turn, reads the answer as it streams, and closes the
request when the caller cuts in.

Source: OpenAI's "Create chat completion" and "Streaming" references as Vapi, ElevenLabs and others use them with a custom
model, read 2026-11. Such a platform speaks its own first message, sends no reminders and never dials again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal

import msgspec
from aiohttp import ClientError, ClientPayloadError, ClientResponse, ClientSession, ClientTimeout
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from rejoinder.simulator.journal import ActionWord, AskedTurn, ToolSeen
from rejoinder.simulator.platform.answer_stream import AnswerStream, Unreadable, action_of
from rejoinder.simulator.platform.call import LONGEST_TURN, NotPossible, SimulatedCall
from rejoinder.simulator.platform.floor import Floor
from rejoinder.simulator.platform.link import Piece
from rejoinder.simulator.platform.profile import Profile
from rejoinder.testing.dialling import reason_of

#: Seconds until a server must have begun to answer (docs.vapi.ai, `timeoutSeconds`, its default).
ANSWER = 20.0
#: Seconds that a server has for what comes behind what counts: the text of a refusal, the end of the body.
REST = 1.0
#: Characters of a refusal that are told.
TOLD = 200
#: How the journal tells of an answer whose connection was lost.
BROKEN_OFF = "the answer broke off"

#: The tools of Vapi's that end, transfer and press keys.
TOOLS: tuple[Mapping[str, Any], ...] = tuple(
    MappingProxyType(
        {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": properties}}}
    )
    for name, properties in (
        ("endCall", {}),
        ("transferCall", {"destination": {"type": "string"}}),
        ("dtmf", {"dtmf": {"type": "string"}}),
    )
)

_ROLES = {"agent": "assistant"}


class Completions(SimulatedCall):
    """One call. `base_url` is what stands in the platform's dashboard: requests go to `/chat/completions` below it.

    `first_message` is the platform's own, `prompt` a system message before the history, `tools` what is offered with
    each request, and `more` what a vendor adds to its body; by default the call, as Vapi tells of it.
    """

    def __init__(
        self,
        base_url: str,
        session: ClientSession,
        *,
        call_id: str | None = None,
        first_message: str = "",
        prompt: str = "",
        tools: Sequence[Mapping[str, Any]] = TOOLS,
        more: Mapping[str, Any] | None = None,
        api_key: str = "",
        profile: Profile | None = None,
        frames: bool = True,
    ) -> None:
        profile = replace(profile or Profile(), reminders=0)
        super().__init__("chat", call_id, profile, frames=frames)
        base = URL(base_url)
        self.url = base.joinpath("chat/completions").with_query(base.query)
        self.floor = Floor(self.recorder, self.profile, self)
        self._session = session
        self._first_message = first_message
        self._opening = [{"role": "system", "content": prompt}] if prompt else []
        self._tools = [{**tool} for tool in tools]
        self._offered = {tool["function"]["name"] for tool in tools}
        self._more = {"call": {"id": self.call_id, "type": "webCall"}} if more is None else dict(more)
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._asking: tuple[AskedTurn, asyncio.Task[None]] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._reads_from = 0.0
        self._in_vain: AskedTurn | None = None
        self._fault: BaseException | None = None

    # The call.

    def connect(self) -> None:
        """There is nothing to dial yet: the platform speaks first."""
        self.recorder.note("dialled")
        self.floor.take(self.floor.begin(), Piece(self._first_message, complete=True))

    def hang_up(self) -> None:
        self._cut()

    async def gone(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._fault is not None:
            raise self._fault

    # What is asked.

    def changed(self, speaker: Literal["", "agent", "user"]) -> None:
        """Nothing is told: the next request has it all."""

    def unwanted(self, turn: AskedTurn) -> None:
        if self._asking is None or self._asking[0] is not turn:
            return
        self._cut()
        if not turn.is_closed:  # nothing can come for it any more, unlike over a socket
            turn.superseded_at = self.recorder.now
            self.recorder.note("superseded", turn=turn)

    def ask(self, turn: AskedTurn) -> None:
        task = asyncio.create_task(self._request(turn), name="simulated platform: asks")
        self._asking = (turn, task)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _cut(self) -> None:
        """Close the request, if there is one."""
        asking, self._asking = self._asking, None
        if asking is not None and asking[1] is not asyncio.current_task():
            asking[1].cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._fault = self._fault or fault
            self.floor.end("error_unknown")

    def _body(self) -> dict[str, Any]:
        said = [{"role": _ROLES.get(one.role, one.role), "content": one.text} for one in self.floor.transcript.utterances]
        body = {"model": "simulated", "messages": [*self._opening, *said], "stream": True, **self._more}
        return body | ({"tools": self._tools} if self._tools else {})

    async def _request(self, turn: AskedTurn) -> None:
        body = self._body()
        self.recorder.note("sent", turn=turn, frame=body)
        headers = {"Content-Type": "application/json", **self._headers}
        timeout = ClientTimeout(total=None, sock_connect=ANSWER)
        try:
            async with asyncio.timeout(ANSWER) as patience:
                data = msgspec.json.encode(body)
                request = self._session.post(self.url, data=data, headers=headers, timeout=timeout, allow_redirects=False)
                async with request as response:
                    patience.reschedule(None)
                    await self._read(turn, response)
        except TimeoutError:
            self.recorder.note("lost", f"no answer within {ANSWER:g} s", turn=turn)
        except ClientPayloadError:
            self.recorder.note("lost", BROKEN_OFF, turn=turn)
        except ClientError as error:
            self.recorder.note("lost", f"{self.url.origin()} cannot be reached: {reason_of(error)}", turn=turn)
        if turn.completed_at is None:
            self._in_vain = turn
            self.recorder.wake()

    @property
    def _is_asked_in_vain(self) -> bool:
        """Its answer was refused or broke off, and what came of it was spoken."""
        waits = self._in_vain is not None and self.floor.asked is self._in_vain and not self.floor.is_pending
        return waits and not (self.floor.voice.has_more or self.floor.voice.is_audible)

    # What comes.

    async def _read(self, turn: AskedTurn, response: ClientResponse) -> None:
        """An answer that is refused or breaks off is silence: the turn stays open, as the caller hears it."""
        if response.status != 200:
            self.recorder.note("dropped", f"HTTP {response.status}: {await _told_by(response)}", turn=turn)
            return
        stream = AnswerStream()
        try:
            async for line in response.content:
                await asyncio.sleep(max(0.0, self._reads_from - asyncio.get_running_loop().time()))
                self._take(turn, stream, line)
                if stream.is_done:
                    break
        except (ValueError, HttpProcessingError):  # aiohttp's, of a line beyond its buffer
            self.recorder.note("dropped", "it is no server-sent event: a line without end", turn=turn)
            return
        except Unreadable as error:
            self.recorder.note("dropped", str(error), turn=turn)
            return
        for fault in stream.faults():
            self.recorder.note("dropped", fault, turn=turn)
        if stream.is_done or stream.is_finished:
            self._finish(turn, stream)
        if stream.is_done:
            await _let_end(response)

    def _take(self, turn: AskedTurn, stream: AnswerStream, line: bytes) -> None:
        text = stream.take(line)
        if stream.size > LONGEST_TURN:
            raise Unreadable(f"the answer goes on after {LONGEST_TURN:,} characters, and the rest is not kept")
        if text:
            self.recorder.note("received", turn=turn, frame={"content": text})
            self.floor.take(turn, Piece(text, complete=False))

    def _finish(self, turn: AskedTurn, stream: AnswerStream) -> None:
        actions: list[tuple[ActionWord, str]] = []
        for name, arguments in stream.tool_calls:
            self.recorder.note("received", turn=turn, frame={"tool": name, "arguments": arguments})
            try:
                action = action_of(name, arguments)
            except Unreadable as error:
                self.recorder.note("dropped", str(error), turn=turn)
                continue
            if action is not None and name not in self._offered:
                self.recorder.note("dropped", f"a tool call is of {name}, which was not offered", turn=turn)
            elif action is not None:
                actions.append(action)
            else:
                turn.tools.append(ToolSeen(name, name, arguments, self.recorder.now))
        self.floor.take(turn, Piece("", complete=True, actions=tuple(actions)))

    # What happens to the connection.

    def drop(self) -> None:
        """The request in flight is lost, and its answer with it: such a platform asks for it no more."""
        self.recorder.note("fault", "the connection is lost")
        self._cut()

    def read_slowly(self, seconds: float) -> None:
        self.recorder.note("fault", f"nothing is read for {seconds:g} s")
        self._reads_from = asyncio.get_running_loop().time() + seconds

    def lose_keepalive(self) -> None:
        raise NotPossible("chat completions have no keepalive")

    def duplicate(self, count: int) -> None:
        raise NotPossible("chat completions are single requests: none comes twice")

    def reorder(self, count: int) -> None:
        raise NotPossible("chat completions are single requests: none overtakes another")

    async def second_socket(self) -> None:
        raise NotPossible("chat completions have no socket")


async def _told_by(response: ClientResponse) -> str:
    """The first words of a refusal, else the name of its status; the words may never come."""
    told = b""
    with suppress(TimeoutError, ClientError):
        async with asyncio.timeout(REST):
            told = await response.content.read(TOLD)
    return " ".join(told.decode(errors="replace").split()) or response.reason or ""


async def _let_end(response: ClientResponse) -> None:
    """Pass over what comes behind the end: a request that was closed before its body ended would be one that was cut off."""
    with suppress(TimeoutError, ClientError):
        async with asyncio.timeout(REST):
            async for _ in response.content.iter_any():
                pass
