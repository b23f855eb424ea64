"""A platform's end of one call, driven frame by frame: what it asks, and what it would let its caller hear."""

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rejoinder.testing.hearing import Frame, Heard, Hearing
from rejoinder.testing.wire import Wire


def details_of(name: str) -> Mapping[str, Any]:
    """What the platform says of a call by telephone of somebody called `name`."""
    return {
        "call_type": "phone_call",
        "direction": "inbound",
        "from_number": "+15550100001",
        "to_number": "+15550100002",
        "retell_llm_dynamic_variables": {"name": name},
    }


#: Of a call from which nothing is to be learned.
DETAILS = details_of("Marrowby")


class Line:
    """One call. `details` is what the platform says of it, `details_after` so many seconds when asked; None: never."""

    def __init__(self, wire: Wire, call_id: str, details: Mapping[str, Any] | None, details_after: float = 0.0) -> None:
        self.call_id = call_id
        self.hearing = Hearing()
        #: every tool that was told of: name and arguments
        self.tools: list[tuple[str, str]] = []
        self._wire = wire
        self._details = details
        self._details_after = details_after
        self._turn = 0
        self._news = asyncio.Event()
        self._tasks = {asyncio.create_task(self._read(), name=f"line of {call_id}")}

    @property
    def now(self) -> Heard:
        return self.hearing.now

    @property
    def is_over(self) -> bool:
        """Whether the platform would end the call now, or it has ended."""
        now = self.now
        return self._wire.close_code is not None or (now.complete and (now.end_call or bool(now.transfer_to)))

    async def _read(self) -> None:
        while (received := await self._wire.receive()) is not None:
            frame: Frame = json.loads(received)
            self.hearing.take(frame)
            self._news.set()
            kind = frame.get("response_type")
            if kind == "tool_call_invocation":
                self.tools.append((str(frame.get("name")), str(frame.get("arguments"))))
            if kind == "config" and self._details is not None:
                self._tasks.add(asyncio.create_task(self._tell_details(self._details), name=f"details of {self.call_id}"))

        self._news.set()

    async def _tell_details(self, details: Mapping[str, Any]) -> None:
        await asyncio.sleep(self._details_after)
        await self._send({"interaction_type": "call_details", "call": {"call_id": self.call_id, **details}})

    async def says(self, text: str) -> None:
        """The caller has spoken, perhaps over the agent: an update, then a request to answer."""
        self.hearing.says(text)
        await self.updates()
        await self.asks()

    async def updates(self, transcript: Sequence[Mapping[str, Any]] | None = None) -> None:
        """The transcript as it stands, while nobody asks for an answer."""
        given = self._wired() if transcript is None else list(transcript)
        await self._send({"interaction_type": "update_only", "transcript": given, "turntaking": "user_turn"})

    async def asks(self, transcript: Sequence[Mapping[str, Any]] | None = None, kind: str = "response_required") -> None:
        """A request to answer `transcript`, as it is; None: what was said so far."""
        self._turn += 1
        self.hearing.expects(self._turn)
        given = self._wired() if transcript is None else list(transcript)
        await self._send({"interaction_type": kind, "response_id": self._turn, "transcript": given})

    async def is_silent(self, transcript: Sequence[Mapping[str, Any]] | None = None) -> None:
        """The caller has said nothing for long: a request for a reminder."""
        await self.asks(transcript, "reminder_required")

    async def presses(self, digit: str) -> None:
        """The caller presses a key."""
        pressed = [*self._wired(), {"role": "dtmf", "digit": digit}]
        await self._send(
            {"interaction_type": "update_only", "transcript_with_tool_calls": pressed, "transcript": self._wired()}
        )

    async def completed(self, within: float) -> bool:
        """Wait until what was asked last is answered whole; whether it was."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while not self.now.complete and self._wire.close_code is None:
                    self._news.clear()
                    await self._news.wait()
        return self.now.complete

    async def hang_up(self) -> None:
        await self._wire.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    def _wired(self) -> list[dict[str, Any]]:
        return [{"role": said.role, "content": said.text, "words": []} for said in self.hearing.transcript]

    async def _send(self, frame: Mapping[str, Any]) -> None:
        with contextlib.suppress(ConnectionError):  # the host has closed the call: who waits for an answer sees it
            await self._wire.send(json.dumps(frame).encode())
