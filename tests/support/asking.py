"""Requests as they should be, of a call that gets much else, and whether each was answered once."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable

from rejoinder.testing.hearing import Frame
from rejoinder.testing.telephone import Caller

#: Virtual seconds after which a lost call, and a connection that asks for nothing, are given up.
GIVEN_UP = 125.0
#: More than an id that is taken by mistake for one of the wrong values.
FIRST = 100


def request(number: int, *texts: str) -> Frame:
    said = [{"role": "user", "content": text, "words": []} for text in texts]
    return {"interaction_type": "response_required", "response_id": number, "transcript": said}


def completed(caller: Caller, number: int) -> int:
    return sum(frame.get("response_id") == number and frame["content_complete"] for frame in caller.frames)


def said(caller: Caller, number: int) -> str:
    return "".join(frame["content"] for frame in caller.frames if frame.get("response_id") == number)


async def answers(caller: Caller, number: int, text: str = "hi") -> None:
    """A request that is as it should be is answered once, with its words."""
    await caller.send(request(number, text))
    await caller._until(lambda: completed(caller, number) > 0, 10)
    await caller.ping()
    assert (completed(caller, number), said(caller, number)) == (1, f"You said: {text}")


def tasks() -> int:
    return len(asyncio.all_tasks())


def warned(records: Iterable[logging.LogRecord]) -> Counter[object]:
    """How many warnings and errors there are of each call; of no call under None."""
    return Counter(getattr(record, "call", None) for record in records if record.levelno >= logging.WARNING)
