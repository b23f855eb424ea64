"""Servers as people write them for a voice platform, on a wire in memory: a good one, and the means to spoil it."""

import asyncio
import json
from typing import Any

from msgspec import Struct
from msgspec.json import Decoder

from rejoinder.testing.dialling import CannotDial
from rejoinder.testing.wire import FarEnd, MemoryWire, Wire

Frame = dict[str, Any]

CONFIG: Frame = {"auto_reconnect": True, "call_details": True}


def says(number: int, text: str, *, complete: bool = True, **wishes: object) -> Frame:
    return {"response_type": "response", "response_id": number, "content": text, "content_complete": complete, **wishes}


def cuts_in(number: int, text: str, *, complete: bool = True, **wishes: object) -> Frame:
    return {"response_type": "agent_interrupt", "interrupt_id": number, "content": text, "content_complete": complete, **wishes}


class Said(Struct):
    role: str
    content: str


class Came(Struct):
    """A frame of the platform, without word timings: a long call brings them by the million."""

    interaction_type: str
    response_id: int = -1
    timestamp: int = 0
    turntaking: str = ""
    transcript: list[Said] = []
    transcript_with_tool_calls: list[dict[str, Any]] | None = None
    call: dict[str, Any] | None = None

    @property
    def last(self) -> str:
        return self.transcript[-1].content if self.transcript else ""


_CAME = Decoder(Came)


class HandWritten:
    """Greets and answers each request with `answers[its words]`, or "Yes." Frames may be given instead of a text. A request for
    a reminder is answered with `reminder`.

    `came` holds every frame that came, `dialled` counts connections; the connection that is served is `socket`. A dialler
    that is `refusing` lets so many attempts fail first; one that is `hanging` never answers so many.
    """

    def __init__(
        self,
        answers: dict[str, str | list[Frame]] | None = None,
        *,
        greeting: str | None = "Hello.",
        config: Frame | None = None,
        refusing: int = 0,
        hanging: int = 0,
        answers_pings: bool = True,
    ) -> None:
        self.answers = answers or {}
        self.greeting = greeting
        self.config = CONFIG if config is None else config
        self.refusing = refusing
        self.hanging = hanging
        self.answers_pings = answers_pings
        self.reminder = "Still there?"
        self.came: list[Came] = []
        self.dialled = 0
        self._socket: FarEnd | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def socket(self) -> FarEnd:
        assert self._socket is not None
        return self._socket

    async def dial(self, call_id: str) -> Wire:
        self.dialled += 1
        if self.hanging:
            self.hanging -= 1
            await asyncio.sleep(3600)
        if self.refusing:
            self.refusing -= 1
            raise CannotDial("nobody is there")
        wire = MemoryWire()
        self._socket = wire.far
        self._tasks.append(asyncio.create_task(self._serve(wire.far, first=len(self._tasks) == 0)))
        return wire

    def asked(self, kind: str = "response_required") -> list[Came]:
        return [frame for frame in self.came if frame.interaction_type == kind]

    def sends(self, *frames: Frame | bytes) -> None:
        self.socket.write([frame if isinstance(frame, bytes) else json.dumps(frame).encode() for frame in frames])

    async def _serve(self, socket: FarEnd, *, first: bool) -> None:
        if self.config:
            self.sends({"response_type": "config", "config": self.config})
        if first and self.greeting is not None:
            self.sends(says(0, self.greeting))
        while (data := await socket.receive()) is not None:
            frame = _CAME.decode(data)
            self.came.append(frame)
            match frame.interaction_type:
                case "ping_pong" if self.answers_pings:
                    self.sends({"response_type": "ping_pong", "timestamp": frame.timestamp})
                case "response_required" | "reminder_required":
                    self._answer(frame)
                case _:
                    pass

    def _answer(self, frame: Came) -> None:
        if frame.interaction_type == "reminder_required":
            self.sends(says(frame.response_id, self.reminder))
            return
        answer = self.answers.get(frame.last, "Yes.")
        if isinstance(answer, str):
            self.sends(says(frame.response_id, answer))
        else:
            self.sends(*[{"response_id": frame.response_id, **one} for one in answer])
