"""Any sequence of frames, waits and lost sockets through a session, in virtual time: no exception, each turn ended once."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from any_json import json_values
from asking import request
from rejoinder.call import CallFacts
from rejoinder.contract import CallReport, TurnReport
from rejoinder.host import Host
from rejoinder.protocols.retell import RetellCodec
from rejoinder.registry import Registry
from served import ACTING_FILE
from spoilt import EVENTS, event, spoilt

AGENTS = ("polite", "slow", "silent", "interrupting", "tooling", "failing", "stubborn", "pressing")
#: The largest id there is: a request that no other has overtaken.
LAST = 2**53 - 1
#: Virtual seconds in which any turn has come to its end, the last rung of its ladder being due after 60.
LONGEST = 70.0

#: A frame; seconds to wait; the code with which the socket ends, or 0 for another that takes over from it.
Step = bytes | str | float | int


class Pipe:
    """A socket in memory."""

    def __init__(self, *, is_clear: bool) -> None:
        self.close_code: int | None = None
        self.is_clear = is_clear
        self.written: list[bytes] = []
        self._frames: asyncio.Queue[bytes | str | None] = asyncio.Queue()

    def bring(self, frame: bytes | str) -> None:
        self._frames.put_nowait(frame)

    def close(self, code: int) -> None:
        self.close_code = code
        self._frames.put_nowait(None)

    async def carry(self, hear: Callable[[bytes | str], None]) -> None:
        while self.close_code is None and (frame := await self._frames.get()) is not None:
            hear(frame)

    async def send(self, frame: bytes) -> None:
        await asyncio.sleep(0)
        if self.close_code is not None:
            raise ConnectionResetError("closed")
        self.written.append(frame)

    def write(self, frames: Sequence[bytes]) -> None:
        self.written += frames

    def abort(self) -> None:
        self.close(1006)


class Judge:
    """Counts what the host reports of one call after another under one id."""

    def __init__(self) -> None:
        self.ended: list[int] = []
        self.is_over = True

    def call_started(self, call: CallFacts) -> None:
        assert self.is_over
        self.ended, self.is_over = [], False

    def turn_ended(self, report: TurnReport) -> None:
        assert report.number not in self.ended, "a turn ended twice"
        self.ended.append(report.number)

    def call_ended(self, report: CallReport) -> None:
        assert len(self.ended) == report.turns, "a turn did not end"
        self.is_over = True


class House:
    """A host that is dialled in memory, and the one call to it."""

    def __init__(self, host: Host, judge: Judge) -> None:
        self._host = host
        self._judge = judge
        self._serving: list[asyncio.Task[None]] = []
        self.pipe = Pipe(is_clear=True)

    def dial(self, path: str, *, is_clear: bool) -> None:
        """Dial the call, again if it lives."""
        session = self._host.calls.live(path, "retell", "c")
        if session is None:
            codec = RetellCodec(transcript_with_tool_calls=True)
            session = self._host.calls.open(self._host.routes.routes[path], codec, "c")
        self.pipe = Pipe(is_clear=is_clear)
        self._serving.append(asyncio.create_task(session.serve(self.pipe)))

    async def play(self, path: str, steps: Sequence[Step], *, is_clear: bool) -> None:
        self.dial(path, is_clear=is_clear)
        for step in steps:
            if isinstance(step, float):
                await asyncio.sleep(step)
            elif isinstance(step, int):
                if step:
                    self.pipe.close(step)
                self.dial(path, is_clear=is_clear)
            else:
                self.pipe.bring(step)

    async def end(self) -> None:
        """Hang up, and wait until the call is over."""
        self.pipe.close(1000)
        await asyncio.gather(*self._serving)
        self._serving.clear()
        await asyncio.sleep(RetellCodec.grace)
        assert self._judge.is_over
        assert not len(self._host.calls)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    file = tmp_path / "rejoinder.yaml"
    agents = "".join(f"  {act}: {{system: acting, options: {{act: {act}}}}}\n" for act in AGENTS)
    routes = "".join(f"  /{act}: {act}\n" for act in AGENTS)
    file.write_text(f"agents:\n{agents}routes:\n{routes}")
    judge = Judge()
    registry = Registry({"acting": str(ACTING_FILE)})
    host = Host(file, registry, environ={}, agent_loop=asyncio.get_running_loop(), witness=judge)
    await host.start()
    yield House(host, judge)
    await host.close()


numbers = st.integers(1, 5)
texts = st.lists(st.sampled_from(["hi", "what", "I want", "I want a table"]), max_size=3)
events = st.builds(event, st.sampled_from([*EVENTS]), numbers)
requests = st.builds(lambda number, said: request(number, *said), numbers, texts)
wrong = events.flatmap(lambda valid: st.sampled_from([*spoilt(valid)])).flatmap(lambda field: st.sampled_from(field[1]))
frames = (requests | events | json_values()).map(json.dumps) | wrong | st.text(max_size=8) | st.binary(max_size=8)
steps = st.lists(frames | st.sampled_from([0.0, 0.5, 3.0, 5.0, 65.0]) | st.sampled_from([0, 1000, 1001, 1006]), max_size=25)


@pytest.mark.failure(3)
@pytest.mark.virtual_time
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(act=st.sampled_from(AGENTS), steps=steps, is_clear=st.booleans())
async def test_whatever_comes_each_turn_ends_once_and_the_next_request_is_answered(
    house: House, act: str, steps: list[Step], is_clear: bool, caplog: pytest.LogCaptureFixture
) -> None:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    try:
        await house.play(f"/{act}", steps, is_clear=is_clear)
        house.pipe.bring(json.dumps(request(LAST, "last")))
        await asyncio.sleep(LONGEST)
        assert completed_once(house.pipe.written)
    finally:
        await house.end()
    assert faults == []
    assert not [record for record in caplog.records if record.exc_info]
    caplog.clear()


def completed_once(written: list[bytes]) -> bool:
    """Whether the last frames answer the last request: one of them completes it, or the agent spoke out of turn instead."""
    sent = [json.loads(frame) for frame in written]
    answers = [frame["content_complete"] for frame in sent if frame.get("response_id") == LAST]
    cut = any(frame["response_type"] == "agent_interrupt" for frame in sent)
    return (answers[-1:] == [True] and sum(answers) == 1) or (cut and not any(answers))
