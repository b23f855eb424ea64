"""Calls that nobody has thought of, by the seeds that make them up. More are played by tests/benchmarks/fuzz.py."""

import pytest

from random_calls import ROUTES, random_call
from random_stage import shrunk, wrong_in
from rejoinder.engine import Conversation

#: Played at once, against one house.
TOGETHER = 40


@pytest.mark.parametrize("first", range(0, 200, TOGETHER))
def test_nothing_goes_wrong_in_a_random_call(first: int) -> None:
    assert wrong_in([random_call(seed, ROUTES) for seed in range(first, first + TOGETHER)]) == {}


@pytest.mark.parametrize("first", range(1000, 1040, TOGETHER))
def test_nothing_goes_wrong_in_a_random_call_whose_connection_holds(first: int) -> None:
    assert wrong_in([random_call(seed, ROUTES, calm=True) for seed in range(first, first + TOGETHER)]) == {}


def test_what_goes_wrong_is_found_and_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that does not notice the end of a reply waits for more of it."""
    monkeypatch.setattr(Conversation, "ended", lambda *_: [])
    call = random_call(1, ("/parrot",))
    assert wrong_in([call])
    assert len(shrunk(call).scenario.steps) < len(call.scenario.steps)
