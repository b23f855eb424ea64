"""A caller who never lets the agent finish: thousands of interrupted turns in one call, and nothing stale in any."""

import asyncio
import logging
import re
from collections import Counter
from pathlib import Path

import pytest

from rejoinder.testing.telephone import Caller, calling
from served import Serve

BARGE_INS = 5000
#: Of so many barge-ins one waits until the agent speaks; the others come while it gets ready, or winds up.
LISTENS_EVERY = 3

YAML = """
server: {port: 0}
agents: {talker: {system: talker, begin: ""}}
routes: {/a: talker}
"""

PLUGIN = '''
import asyncio
from rejoinder import *

class Talker(ResponseSystem[Options]):
    """Says its turn's number for ever, and is interrupted in a manner that changes from turn to turn."""

    def respond(self, turn):
        return self._plain(turn) if turn.number % 5 == 4 else self._talk(turn)

    def _plain(self, turn):
        while True:
            yield f"<{turn.text}> "

    async def _talk(self, turn):
        if turn.text == "last":
            yield "Goodbye."
            return
        try:
            while True:
                yield f"<{turn.text}> "
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            if turn.number % 5 == 1:
                yield f"<{turn.text}> "
            if turn.number % 5 == 2:
                raise ValueError("planned")
            raise
        finally:
            if turn.number % 5 == 3:
                await asyncio.sleep(0.01)

@hookimpl
def rejoinder_response_system():
    return per_call(Talker, Options)
'''


async def barge_in(caller: Caller, turn: int, text: str) -> int:
    """Ask for `turn`, and ping: when that is answered the server knows of the turn. How many frames came before."""
    before = len(caller.frames)
    said = [{"role": "user", "content": text, "words": []}]
    await caller.send({"interaction_type": "response_required", "response_id": turn, "transcript": said})
    await caller.send({"interaction_type": "ping_pong", "timestamp": turn})
    return before


async def heard(caller: Caller, turn: int, since: int, *, to_the_end: bool = False) -> None:
    """Wait for words of `turn`, or until it is complete, among the frames since that number of them."""
    while True:
        new = caller.frames[since:]
        since += len(new)
        if any(frame.get("response_id") == turn and (frame["content_complete"] or not to_the_end) for frame in new):
            return
        await asyncio.sleep(0)


@pytest.mark.failure(3)
async def test_nothing_stale_is_heard_in_five_thousand_barge_ins(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "rejoinder.speaker")  # it is told each time that a cancelled reply raised
    caplog.set_level(logging.INFO, "rejoinder.call")
    plugin = tmp_path / "talker.py"
    plugin.write_text(PLUGIN)
    served = await serve(YAML, {"talker": str(plugin)})
    last = BARGE_INS + 1
    async with calling(served.ws("/a")) as caller:
        await caller.hears()
        tasks = len(asyncio.all_tasks())
        for turn in range(1, BARGE_INS + 1):
            since = await barge_in(caller, turn, f"word {turn}")
            if turn % LISTENS_EVERY == 0:
                await heard(caller, turn, since)
        await heard(caller, last, await barge_in(caller, last, "last"), to_the_end=True)
        assert len(asyncio.all_tasks()) <= tasks + 10  # a few are still cleaning up
    nothing_is_stale(caller, last)
    ends = [record for record in caplog.records if getattr(record, "event", "") == "turn ended"]
    assert Counter(getattr(record, "outcome", "") for record in ends) == {"interrupted": BARGE_INS, "finished": 2}


def nothing_is_stale(caller: Caller, last: int) -> None:
    """After the answer to the ping of a turn no frame of an earlier one, and in each turn its own words only."""
    known = 0
    for frame in caller.frames:
        if frame.get("response_type") == "ping_pong":
            known = frame["timestamp"]
        elif frame.get("response_id"):
            assert frame["response_id"] >= known
            said = re.findall(r"<word (\d+)> ", frame["content"])
            assert said == [str(frame["response_id"])] * len(said)
    assert known == last
    assert [frame["response_id"] for frame in caller.frames if frame.get("content_complete")] == [0, last]
