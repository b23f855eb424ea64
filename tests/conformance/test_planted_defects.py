"""Each check finds the defect that it is meant for, and nobody else does."""

import threading
from collections.abc import Iterator

import pytest

import defects
from defects import DEFECTS, Defect
from rejoinder import ResponseSystem
from rejoinder.conformance import guard
from rejoinder.conformance.catalogue import BLOCKS, CHECKS, ENDS, OPENS
from rejoinder.conformance.check import Verdict
from rejoinder.conformance.suite import Suite


@pytest.fixture(autouse=True)
def release() -> Iterator[None]:
    """Ends the threads that a defect leaves behind."""
    before = set(threading.enumerate())
    defects.RELEASE.clear()
    yield
    defects.RELEASE.set()
    for thread in set(threading.enumerate()) - before:
        if not thread.name.startswith("agent "):  # those of a pool end when they are collected
            thread.join()


def found(verdicts: list[Verdict]) -> list[str]:
    return [one.check.name for one in verdicts if one.outcome == "failed"]


@pytest.mark.parametrize("defect", DEFECTS, ids=[f"{one.check}-{one.name}" for one in DEFECTS])
def test_a_defect_is_seen_by_the_check_for_it_and_by_no_other(defect: Defect) -> None:
    verdicts = list(Suite(defect.spec, {}, effects=defect.effects).verdicts())
    assert found(verdicts) == [defect.check], "\n".join(map(str, verdicts))


def test_every_check_has_a_defect_planted_for_it() -> None:
    assert {one.name for one in CHECKS} == {one.check for one in DEFECTS}


@pytest.mark.parametrize("system", [defects.Polite, defects.PoliteInThreads, defects.BooksForTwo])
def test_a_good_system_passes(system: type[ResponseSystem[None]]) -> None:
    assert found(list(Suite(defects.spec(system), {}).verdicts())) == []


def test_a_step_that_never_ends_is_left_behind_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "LONGEST_RUN", 0.5)
    verdicts = [one for one in Suite(defects.spec(defects.NeverEndsAStep), {}).verdicts() if one.check.name != OPENS]
    (never,) = (one for one in verdicts if one.outcome == "failed")
    assert never.check.name == ENDS  # its loop was never held
    assert "NeverEndsAStep.respond" in never.seen[0]
    assert "selectors" not in never.seen[0]
    assert {one.outcome for one in verdicts[verdicts.index(never) + 1 :]} == {"skipped"}


def test_a_loop_that_is_held_for_ever_ends_with_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "LONGEST_HOLD", 0.4)
    verdicts = list(Suite(defects.spec(defects.BlocksForever), {}).verdicts())
    assert found(verdicts) == [BLOCKS]
    (held,) = (one for one in verdicts if one.check.name == BLOCKS)
    assert "defects.py" in held.seen[0]
    assert "BlocksForever.respond" in held.seen[0]
    assert all(held.seen[0] in one.seen[0] for one in verdicts[verdicts.index(held) + 1 :])
