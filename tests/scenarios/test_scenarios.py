"""The project's own scenarios, each against every system that it is meant for: what `rejoinder simulate` plays."""

from pathlib import Path

import pytest

from rejoinder.simulator.judging.findings import Play
from rejoinder.simulator.playing.batch import plays_of
from rejoinder.simulator.playing.target import Target
from rejoinder.simulator.playing.virtual import play_in_virtual_time
from rejoinder.simulator.reports.story import story
from rejoinder.simulator.scenarios.reading import read_paths
from silence import Silence
from stage import LONG_STORY, Stage

HERE = Path(__file__).parent


def cast(name: str) -> list[tuple[Play, Target]]:
    """The plays of the scenarios in a folder, against the file of that name."""
    read = read_paths([HERE / name], {"A_LONG_STORY": LONG_STORY})
    assert not read.problems, "\n".join(map(str, read.problems))
    target = Stage(HERE / f"{name}.yaml")
    return [(play, target) for play in plays_of(read.scenarios, target)]


PLAYS = [*cast("everyone"), *cast("special")]


@pytest.mark.parametrize(("play", "target"), PLAYS, ids=[f"{play.route[1:]}: {play.scenario.name}" for play, _ in PLAYS])
def test_a_caller_is_answered(play: Play, target: Target) -> None:
    (verdict,) = play_in_virtual_time([play], target, Silence())
    assert verdict.outcome == "passed", f"{play.scenario.name}\n{story(verdict)}"
