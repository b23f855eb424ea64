"""Each of the known failures that a platform can provoke is provoked by a scenario, which says so in its `about`."""

from pathlib import Path

import pytest

from failures import BEYOND_A_CALL, FAILURES, failures_of
from rejoinder.simulator.scenarios.reading import read_paths

SCENARIOS = read_paths([path for path in Path(__file__).parent.iterdir() if path.is_dir() and path.name[0] not in "._"], {})


SHOWN = [(failure, scenario.name) for scenario in SCENARIOS.scenarios for failure in failures_of(scenario)]


def test_there_are_enough_scenarios_and_no_two_of_one_name() -> None:
    names = [scenario.name for scenario in SCENARIOS.scenarios]
    assert len(set(names)) == len(names) >= 40


@pytest.mark.parametrize("failure", FAILURES.values())
def test_each_failure_is_played_or_said_to_be_beyond_a_call(failure: str) -> None:
    assert (failure in dict(SHOWN)) != (failure in BEYOND_A_CALL)


def test_no_scenario_shows_what_nobody_knows() -> None:
    assert {failure for failure, _ in SHOWN} <= set(FAILURES.values())
    assert set(BEYOND_A_CALL) <= set(FAILURES.values())
