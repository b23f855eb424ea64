"""The same checks as one line among an author's tests: one test for each, named after it."""

from collections.abc import Callable, Sequence
from typing import Unpack

from rejoinder.conformance.catalogue import CHECKS
from rejoinder.conformance.check import Check
from rejoinder.conformance.suite import Suite
from rejoinder.conformance.trial import SAYS
from rejoinder.errors import RejoinderError
from rejoinder.testing.subject import AgentKeys, Tried


def conformance(
    system: Tried,
    *,
    says: Sequence[str] = SAYS,
    effects: Callable[[], int] | None = None,
    real_time: bool = False,
    **keys: Unpack[AgentKeys],
) -> Callable[[Check], None]:
    """A test for pytest, one for each check: `test_conformance = conformance("shout", options={...})`.

    `system` is the name of an installed one, a class, a spec, a module or a `.py` file; `keys` are what YAML says of an agent
    and its route. `says` are what callers say: give sentences that have your tools run. `effects` counts what these have done
    so far, such as the bookings in a fake of the booking system. `real_time` is for a system whose own threads or servers the
    virtual clock cannot wait for; where it sees that for itself, it takes real time without being told.
    """
    import pytest

    suite = Suite(system, keys, says=says, effects=effects, is_virtual=not real_time)

    @pytest.mark.parametrize("check", CHECKS, ids=[one.name for one in CHECKS])
    def test_conformance(check: Check) -> None:
        try:
            verdict = suite.verdict(check)
        except RejoinderError as error:
            pytest.fail(str(error), pytrace=False)
        if verdict.outcome == "skipped":
            pytest.skip("; ".join(verdict.seen))
        if verdict.outcome == "failed":
            pytest.fail(str(verdict), pytrace=False)

    return test_conformance
