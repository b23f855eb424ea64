"""A server for calls as people write one by hand, in the manner of the platform's guides: a handler with a loop over frames,
and a task for each answer. It greets, says back what it heard, reminds, books tables, hangs up, and survives lost connections.

Ordered to, it commits one of the faults for which such servers are known.
"""

import asyncio
import json
import time
from typing import Any, Literal, Self, get_args

from aiohttp import WSMsgType, web

Frame = dict[str, Any]

#: What it can be ordered to do wrong.
Fault = Literal[
    # Turns.
    "answers in the loop", "blocks the loop", "works in the loop", "answers no pings", "goes on with old answers",
    "fails before it speaks",
    "fails in mid-answer", "forgets the last frame", "says it all at once", "speaks after the end", "invents ids",
    "stacks the history", "reads the last utterance first", "answers reminders", "ignores reminders",
    # The beginning, and connections.
    "never greets", "greets when details come", "sends config late", "sends no config", "puts more into config",
    "takes a redial for a call", "kills answers with the socket", "gives up after a failed send", "returns after an answer",
    "closes after an answer", "crashes after an answer", "takes small frames only",
    "dies of text", "dies of bytes", "dies of types",
    # What is sent.
    "writes true as text", "writes ids as text", "writes type", "writes no type", "writes to the log", "sends bytes",
    "writes markup", "glues its chunks", "cuts a character in two", "never comes to an end",
    # Actions and tools.
    "hangs up silently", "can be cut off in its goodbye", "does two things", "transfers on the web", "books again",
    "gives up bookings", "books under one id", "waits in silence",
]  # fmt: skip
FAULTS: tuple[Fault, ...] = get_args(Fault)

#: Seconds between two pieces of an answer, as a rule and where it matters that there is time; words of a piece.
QUICK, SLOW, WORDS = 0.02, 1.2, 3
#: Seconds for a booking, and for an order from a slow kitchen.
BOOKING, ORDER = 2.0, 6.5
SLOW_FAULTS = ("answers in the loop", "goes on with old answers", "kills answers with the socket")
#: Texts for what is asked; all else is said back.
ANSWERS = {"when are you open?": "We are open from nine to five.", **dict.fromkeys(("wait", "so", "good"), "Very well.")}
#: Bytes that one who takes small frames takes, and seconds for which one who blocks does.
SMALL, BLOCKED = 32 * 1024, 1.2
#: Seconds for each transcript, of one who works in the loop.
WORK = 1.0


class Call:
    """What is known of one call, whatever connection carries it."""

    def __init__(self) -> None:
        self.socket: web.WebSocketResponse | None = None
        self.reconnected = asyncio.Event()
        self.newest = 0
        self.answers: dict[int, asyncio.Task[None]] = {}
        self.said: dict[int, str] = {}
        self.tools: dict[str, asyncio.Task[str]] = {}
        self.late: list[str] = []
        self.history: list[str] = []
        self.is_greeted = False

    async def send(self, frame: Frame | bytes | str) -> None:
        """Send it on the newest connection; wait for the next one while there is none."""
        while True:
            self.reconnected.clear()
            try:
                if self.socket is not None and not self.socket.closed:
                    return await self._send(self.socket, frame)
            except ConnectionError:
                pass
            await self.reconnected.wait()

    async def _send(self, socket: web.WebSocketResponse, frame: Frame | bytes | str) -> None:
        if isinstance(frame, bytes):
            await socket.send_bytes(frame)
        else:
            await socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))


class GuideServer:
    """An async context manager; `url` is its one route. `greeting` are its first words."""

    def __init__(self, fault: Fault | None = None, *, greeting: str = "Hello, this is the guide.") -> None:
        self.fault = fault
        self.greeting = greeting
        self.pace = SLOW if fault in SLOW_FAULTS else QUICK * 10 if fault == "gives up after a failed send" else QUICK
        self.url = ""
        self._calls: dict[str, Call] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/guide/{id}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"ws://127.0.0.1:{self._runner.addresses[0][1]}/guide"
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._runner.cleanup()

    # Connections.

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=SMALL if self.fault == "takes small frames only" else 0)
        await socket.prepare(request)
        known = self._calls.get(request.match_info["id"])
        call = Call() if known is None or self.fault == "takes a redial for a call" else known
        self._calls[request.match_info["id"]] = call
        call.socket = socket
        call.reconnected.set()
        await self._open(call)
        try:
            async for message in socket:
                if await self._read(call, message.type, message.data):
                    break  # and so return, which closes the socket
        finally:
            if self.fault == "kills answers with the socket":
                for answer in call.answers.values():
                    answer.cancel()
        return socket

    async def _open(self, call: Call) -> None:
        config: Frame = {"auto_reconnect": True, "call_details": True}
        frame: Frame = {"response_type": "config", "config": config}
        if self.fault == "puts more into config":
            frame |= {"response_id": 0, "config": config | {"api_key": "not-for-the-platform", "vad": True}}
        if self.fault not in ("sends config late", "sends no config"):
            await call.send(frame)
        if self.fault not in ("never greets", "greets when details come"):
            await self._greet(call)
        if self.fault == "sends config late":
            await call.send(frame)

    async def _greet(self, call: Call) -> None:
        if not call.is_greeted:
            call.is_greeted = True
            await self._say(call, 0, self.greeting, complete=True)

    async def _read(self, call: Call, kind: WSMsgType, data: Any) -> bool:
        """Take a frame; whether the handler is to return."""
        if kind is WSMsgType.BINARY and self.fault == "dies of bytes":
            raise ValueError("bytes")
        if kind is not WSMsgType.TEXT:
            return False
        try:
            frame = json.loads(data)
            said = frame.get("interaction_type")
        except (ValueError, AttributeError):
            if self.fault == "dies of text":
                raise
            return False
        if said in ("response_required", "reminder_required"):
            return await self._asked(call, frame)
        await self._told(call, said, frame)
        return False

    async def _told(self, call: Call, kind: str | None, frame: Frame) -> None:
        match kind:
            case "ping_pong" if self.fault != "answers no pings":
                await call.send({"response_type": "ping_pong", "timestamp": frame.get("timestamp")})
            case "call_details":
                if self.fault == "greets when details come":
                    await self._greet(call)
            case "update_only":
                if self.fault == "works in the loop":
                    await asyncio.sleep(WORK)
            case _:
                if self.fault == "dies of types":
                    raise LookupError(kind)

    # Turns.

    async def _asked(self, call: Call, frame: Frame) -> bool:
        if "response_id" not in frame or (
            self.fault == "ignores reminders" and frame["interaction_type"] == "reminder_required"
        ):
            return False
        number = frame["response_id"]
        former = call.answers.get(number)
        if former is not None and not (former.cancelled() and self.fault == "kills answers with the socket"):
            if former.done() and former.exception() is None:  # asked again after a redial
                await self._say(call, number, call.said.get(number, ""), complete=True)
            return False
        call.newest = max(call.newest, number)
        if self.fault == "answers in the loop":
            await self._answer(call, frame)
            return False
        if self.fault != "goes on with old answers":
            for answer in call.answers.values():
                answer.cancel()
        call.answers[number] = task = self._keep(self._answer(call, frame))
        return await self._ends_after(call, task)

    async def _ends_after(self, call: Call, answer: asyncio.Task[None]) -> bool:
        if self.fault not in ("returns after an answer", "closes after an answer", "crashes after an answer"):
            return False
        await answer
        if self.fault == "crashes after an answer":
            raise RuntimeError("planned")
        if self.fault == "closes after an answer" and call.socket is not None:
            await call.socket.close(code=1011)
        return True

    def _keep(self, coroutine: Any) -> asyncio.Task[Any]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        return task

    async def _answer(self, call: Call, frame: Frame) -> None:
        number, transcript = frame["response_id"], frame["transcript"]
        last = transcript[-1]["content"] if transcript or self.fault == "reads the last utterance first" else ""
        heard = [said["content"] for said in transcript if said["role"] == "user"]
        question = heard[-1].lower() if heard else ""
        if self.fault == "blocks the loop":
            time.sleep(BLOCKED)  # noqa: ASYNC251  the fault
        if self.fault == "fails before it speaks":
            raise RuntimeError(f"planned, for {last}")
        if frame["interaction_type"] == "reminder_required" and self.fault != "answers reminders":
            await self._stream(call, number, "Are you still there?")
        elif "book" in question:
            await self._use(call, number, "book", {"seats": 2}, BOOKING, "a table for 2 is booked")
        elif "order" in question:
            await self._use(call, number, "order", {"dish": "soup"}, ORDER, "the soup is ordered")
        elif "goodbye" in question:
            await self._take_leave(call, number)
        elif "reception" in question:
            is_refused = self.fault != "transfers on the web"
            await self._say(
                call, number, "One moment.", complete=True, **({} if is_refused else {"transfer_number": "+442079460000"})
            )
        else:
            await self._stream(call, number, self._words(call, heard))

    def _words(self, call: Call, heard: list[str]) -> str:
        said = heard[-1] if heard else "nothing"
        if self.fault == "stacks the history":
            call.history.append(said)
            said = " ".join(call.history)
        if self.fault == "writes markup":
            said = f"**{said}**"
        late, call.late = call.late, []
        return "".join(f"By the way, {one}. " for one in late) + ANSWERS.get(said.lower(), f"You said: {said}")

    async def _stream(self, call: Call, number: int, text: str) -> None:
        """In pieces, as they come from a model."""
        call.said[number] = text
        if self.fault == "says it all at once":
            await asyncio.sleep(SLOW * 4)
            await self._say(call, number, text, complete=True)
            return
        words = text.split(" ")
        pieces = [" ".join(words[at : at + WORDS]) for at in range(0, len(words), WORDS)]
        for place, piece in enumerate(pieces):
            await self._say(call, number, piece if place == len(pieces) - 1 else f"{piece} ")
            if self.fault == "fails in mid-answer":
                raise RuntimeError("planned")
            await asyncio.sleep(self.pace)
        if self.fault != "forgets the last frame":
            await self._say(call, number, "", complete=True)
        if self.fault == "speaks after the end":
            await self._say(call, number, "And so on.")

    # Tools and actions.

    async def _use(self, call: Call, number: int, name: str, given: Frame, seconds: float, result: str) -> None:
        if self.fault != "waits in silence":
            await self._say(call, number, "One moment." if self.fault == "glues its chunks" else "One moment. ")
        key = str(number) if self.fault == "books again" else name
        tool = call.tools.get(key)
        if tool is None:
            tool = call.tools[key] = self._keep(self._run(call, name, given, seconds, result))
        try:
            done = await (tool if self.fault == "gives up bookings" else asyncio.shield(tool))
        except asyncio.CancelledError:
            tool.add_done_callback(lambda ended: None if ended.cancelled() else call.late.append(ended.result()))
            raise
        if done in call.late:
            call.late.remove(done)
        await self._stream(call, number, f"Done, {done}.")

    async def _run(self, call: Call, name: str, given: Frame, seconds: float, result: str) -> str:
        identity = "tool" if self.fault == "books under one id" else f"tool-{len(call.tools)}"
        told = {"tool_call_id": identity, "name": name, "arguments": json.dumps(given)}
        await call.send({"response_type": "tool_call_invocation", **told})
        await asyncio.sleep(seconds)
        await call.send({"response_type": "tool_call_result", "tool_call_id": identity, "content": result})
        return result

    async def _take_leave(self, call: Call, number: int) -> None:
        wishes: Frame = {"end_call": True, "no_interruption_allowed": self.fault != "can be cut off in its goodbye"}
        if self.fault == "does two things":
            wishes["digit_to_press"] = "1"
        text = "" if self.fault == "hangs up silently" else "Thank you for calling. Goodbye."
        await self._say(call, number, text, complete=True, **wishes)

    # Frames.

    async def _say(self, call: Call, number: int, text: str, *, complete: bool = False, **wishes: object) -> None:
        frame: Frame = {
            "response_type": "response",
            "response_id": number,
            "content": text,
            "content_complete": complete,
            **wishes,
        }
        for sent in self._written(frame):
            if self.fault == "gives up after a failed send":
                await self._send_once(call, sent)
            else:
                await call.send(sent)

    async def _send_once(self, call: Call, frame: Frame | bytes | str) -> None:
        assert call.socket is not None
        if call.socket.closed:
            raise ConnectionResetError("nobody is there")
        await call._send(call.socket, frame)

    def _written(self, frame: Frame) -> list[Frame | bytes | str]:
        """A frame of speech as this server writes it."""
        number = frame["response_id"]
        match self.fault:
            case "writes true as text":
                return [frame | {"content_complete": str(frame["content_complete"]).lower()}]
            case "writes ids as text":
                return [frame | {"response_id": str(number)}]
            case "writes type":
                return [
                    {"type" if name == "response_type" else name: value for name, value in frame.items()}
                    | {"content": [frame["content"]]}
                ]
            case "writes no type":
                return [{name: value for name, value in frame.items() if name != "response_type"}]
            case "writes to the log":
                return [f"sending {number}", frame]
            case "cuts a character in two" if number:
                return [frame | {"content": frame["content"] + "\ud83d"}]
            case "never comes to an end" if number:
                return [frame | {"content": "and so on " * 40_000, "content_complete": False}] * 4
            case "sends bytes" if number:
                return [json.dumps(frame).encode()]
            case "invents ids" if number:
                return [frame | {"response_id": number + 100}]
            case _:
                return [frame]
