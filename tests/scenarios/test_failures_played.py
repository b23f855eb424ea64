"""Each of the known failures that a platform can provoke is provoked by a scenario, which says so in its `about`."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from failures import FAILURES
from rejoinder.simulator.reading import read_paths
from rejoinder.simulator.scenario import Scenario

#: Those that show in no call, and why.
BEYOND_A_CALL = {
    "open endpoint": "who may dial is decided before there is a call, and the platform shows no credentials either way",
    "webhook handled wrongly": "webhooks are requests of their own beside the call",
    "several live calls of one user": "each call is right by itself; which are one user's the platform does not say",
    "per-process state lost on deploy": "the platform cannot have the server replaced; a connection it loses is played",
    "no upgrade at all": "a server that never takes a call has none to be played: its scenarios are broken, not failed",
}

SCENARIOS = read_paths([path for path in Path(__file__).parent.iterdir() if path.is_dir() and path.name[0] not in "._"], {})


def shown(scenario: Scenario) -> Iterator[str]:
    """The failures that a scenario says it shows."""
    for told in re.findall(r"Shows: ([^.]*)\.", scenario.about):
        yield from told.split("; ")


SHOWN = [(failure, scenario.name) for scenario in SCENARIOS.scenarios for failure in shown(scenario)]


def test_there_are_enough_scenarios_and_no_two_of_one_name() -> None:
    names = [scenario.name for scenario in SCENARIOS.scenarios]
    assert len(set(names)) == len(names) >= 40


@pytest.mark.parametrize("failure", FAILURES.values())
def test_each_failure_is_played_or_said_to_be_beyond_a_call(failure: str) -> None:
    assert (failure in dict(SHOWN)) != (failure in BEYOND_A_CALL)


def test_no_scenario_shows_what_nobody_knows() -> None:
    assert {failure for failure, _ in SHOWN} <= set(FAILURES.values())
    assert set(BEYOND_A_CALL) <= set(FAILURES.values())
