"""A real chat-completions server for tests: streams, pauses, stalls, refuses, cuts, and sees aborted requests.

    async with FakeLLM() as server:
        server.will_say("Good ", "day.")
        server.will_say("Let me see.", 3.0, "At nine.")
        server.will_say("Well", then=Step.STALL)
        server.will_refuse(429, headers={"Retry-After": "1"})
        ...                                  # options: {base_url: server.base_url, model: any}
        assert server.requests[0].messages[-1] == {"role": "user", "content": "Hello?"}

Answers are given in the order in which they were announced, and the last one again while there is no other; with none
announced it says `Hello.`
"""

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Any, Self

from aiohttp import web


class Step(Enum):
    """What a server can do between two pieces of its answer."""

    STALL = "be silent until the client leaves"
    CUT = "drop the connection without an end"


#: Bytes to send, seconds to wait, or what to do in place of all further pieces.
Piece = bytes | float | Step


@dataclass(frozen=True)
class Asked:
    """A request as it came: the decoded body, and the headers by lower-case name."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]

    @property
    def messages(self) -> list[dict[str, str]]:
        return [dict(message) for message in self.body["messages"]]


@dataclass(frozen=True)
class Script:
    """How one request is answered: with `pieces`, or by doing `before` in place of them."""

    pieces: tuple[Piece, ...]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    before: Step | None = None


def event(payload: object) -> bytes:
    """`payload` as one server-sent event."""
    return b"data: " + json.dumps(payload, ensure_ascii=False).encode() + b"\n\n"


def chunk(content: str | None = None, finish_reason: str | None = None, **delta: object) -> bytes:
    """One chunk of a streamed answer, as OpenAI lays it out."""
    told = {**({} if content is None else {"content": content}), **delta}
    choice = {"index": 0, "delta": told, "logprobs": None, "finish_reason": finish_reason}
    return event({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "fake", "choices": [choice]})


def usage(input_tokens: int, output_tokens: int) -> bytes:
    """The chunk that tells what the answer cost; its `choices` are empty."""
    tokens = {"prompt_tokens": input_tokens, "completion_tokens": output_tokens, "total_tokens": input_tokens + output_tokens}
    return event({"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [], "usage": tokens})


DONE = b"data: [DONE]\n\n"


class FakeLLM:
    """An async context manager; `base_url` is the address to give to the agent under test.

    `requests` holds what was asked, `aborted` counts requests whose client left before their end, `probes` those for
    the list of models, and `connections` the TCP connections that carried any of them.
    """

    def __init__(self) -> None:
        self.base_url = ""
        self.requests: list[Asked] = []
        self.aborted = 0
        self.probes = 0
        self._scripts: deque[Script] = deque()
        self.will_say("Hello.")
        self._last = self._scripts.popleft()
        self._peers: set[object] = set()
        self._changed = asyncio.Condition()
        self._closing = asyncio.Event()
        self._stack = AsyncExitStack()

    @property
    def connections(self) -> int:
        return len(self._peers)

    def will_say(self, *texts: str | float, then: Step | None = None, finish_reason: str = "stop") -> None:
        """Stream `texts`, one chunk each, pausing for as many seconds as stand between them; and end as OpenAI does, or do
        `then` in place of the end."""
        said = (chunk("", role="assistant"), *(chunk(text) if isinstance(text, str) else text for text in texts))
        end = (chunk(finish_reason=finish_reason), usage(10, len(texts)), DONE)
        self.will_send(*said, *((then,) if then else end))

    def will_send(
        self,
        *pieces: Piece,
        status: int = 200,
        content_type: str = "text/event-stream",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send exactly these bytes, each piece on its own, or wait between them, or end in another way."""
        self._scripts.append(Script(pieces, status, {"Content-Type": content_type, **(headers or {})}))

    def will_refuse(
        self, status: int, error: Mapping[str, object] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer with `status` and an OpenAI error object."""
        body = json.dumps({"error": {"message": "no", "type": "error", "param": None, "code": None} | dict(error or {})})
        self.will_send(body.encode(), status=status, content_type="application/json", headers=headers)

    def will_do(self, step: Step) -> None:
        """Do `step` in place of any answer, not even a status."""
        self._scripts.append(Script((), before=step))

    async def until(self, *, requests: int = 0, aborted: int = 0, probes: int = 0) -> None:
        """Wait until so many were counted."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: len(self.requests) >= requests and self.aborted >= aborted and self.probes >= probes
            )

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=2**26)
        application.router.add_post("/v1/chat/completions", self._complete)
        application.router.add_get("/v1/models", self._list_models)
        runner = web.AppRunner(application, handler_cancellation=True, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()  # lets stalled answers end before the server waits for them
        await self._stack.aclose()

    async def _list_models(self, request: web.Request) -> web.Response:
        self._note_peer(request)
        self.probes += 1
        await self._tell()
        return web.json_response({"object": "list", "data": []})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        self._note_peer(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Asked(await request.json(), headers))
        await self._tell()
        script = self._next_script()
        response = web.StreamResponse(status=script.status, headers=script.headers)
        try:
            await self._play(request, response, script)
        except asyncio.CancelledError:
            await self._note_abort()
            raise
        except ConnectionError:
            await self._note_abort()
        return response

    def _next_script(self) -> Script:
        if self._scripts:
            self._last = self._scripts.popleft()
        return self._last

    async def _play(self, request: web.Request, response: web.StreamResponse, script: Script) -> None:
        if script.before is not None:
            await self._do(request, script.before)
            return
        await response.prepare(request)
        for piece in script.pieces:
            if isinstance(piece, Step):
                await self._do(request, piece)
                return
            if isinstance(piece, bytes):
                await response.write(piece)
            # Pieces leave one by one, so that the client sees the seams.
            await asyncio.sleep(0 if isinstance(piece, bytes) else piece)
        await response.write_eof()

    async def _do(self, request: web.Request, step: Step) -> None:
        if step is Step.STALL:
            await self._closing.wait()
        elif request.transport is not None:
            request.transport.abort()

    async def _note_abort(self) -> None:
        if not self._closing.is_set():
            self.aborted += 1
            await self._tell()

    def _note_peer(self, request: web.Request) -> None:
        if request.transport is not None:
            self._peers.add(request.transport.get_extra_info("peername"))

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
