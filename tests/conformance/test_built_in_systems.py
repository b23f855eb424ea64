"""The four systems that come with the host pass, each as an author's tests would ask it."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from rejoinder.conformance.catalogue import CHECKS
from rejoinder.conformance.check import Verdict
from rejoinder.conformance.suite import Suite
from rejoinder.testing import FakeLLM, Step, conformance
from rejoinder.testing.subject import AgentKeys

RULES = {
    "rules": [
        {"when": ["when are you open"], "say": "From nine to five."},
        {"when": ["goodbye"], "say": "Goodbye.", "end_call": True},
    ],
    "default": "I can tell you our opening hours.",
}

test_dummy = conformance("dummy")
test_echo = conformance("echo")
test_echo_by_word = conformance("echo", options={"by_word": True, "pause": 0.2, "reminder": "Still there?"})
test_rules = conformance("rules", options=RULES)


@pytest.fixture
def llm() -> Iterator[FakeLLM]:
    """A model's server on a loop of its own, as it is anywhere but in tests."""
    opened: Future[FakeLLM] = Future()
    leave: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        async with FakeLLM() as server:
            leave.append((asyncio.get_running_loop(), asyncio.Event()))
            opened.set_result(server)
            await leave[0][1].wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="model")
    thread.start()
    yield opened.result(10)
    loop, event = leave[0]
    loop.call_soon_threadsafe(event.set)
    thread.join()


def at(server: FakeLLM) -> AgentKeys:
    return {"options": {"base_url": server.base_url, "model": "any", "begin": "Good day."}}


def failed(verdicts: list[Verdict]) -> list[str]:
    return [str(one) for one in verdicts if one.outcome == "failed"]


def test_a_model_elsewhere_passes_in_real_time(llm: FakeLLM) -> None:
    llm.will_say("We are ", "open from ", "nine to five.")
    suite = Suite("llm", at(llm), says=["Hello?", "When are you open?"])
    verdicts = list(suite.verdicts())
    assert failed(verdicts) == []
    assert not suite.is_virtual
    assert len(verdicts) == len(CHECKS)


def test_a_model_that_stalls_is_let_go_of_when_the_caller_speaks(llm: FakeLLM) -> None:
    llm.will_say("Well", then=Step.STALL)
    (verdict,) = Suite("llm", at(llm), says=["Hello?"]).verdicts(["cancels-within-bound"])
    assert verdict.outcome == "passed"
    assert llm.aborted
