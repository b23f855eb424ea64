"""Those of the project's own scenarios that a platform of chat completions can play, each against every system that it is meant
for: what `rejoinder simulate --platform chat` plays."""

from pathlib import Path

import pytest

from rejoinder.simulator.judging.findings import Play
from rejoinder.simulator.playing.batch import plays_of
from rejoinder.simulator.playing.virtual import play_in_virtual_time
from rejoinder.simulator.reports.story import story
from rejoinder.simulator.scenarios.over_chat import over_chat, why_not
from rejoinder.simulator.scenarios.reading import read_paths
from silence import Silence
from stage import LONG_STORY, Stage

HERE = Path(__file__).parent

#: What a platform of chat completions plays, and what is not so there.
OTHERWISE = {
    "A goodbye that is spoken over is said to its end": "an answer cannot be protected from the caller",
}

TARGET = Stage(HERE / "everyone.yaml", "chat")
READ = read_paths([HERE / "everyone"], {"A_LONG_STORY": LONG_STORY})
SCENARIOS = [over_chat(one) for one in READ.scenarios if not why_not(one) and one.name not in OTHERWISE]
PLAYS = plays_of(SCENARIOS, TARGET)


@pytest.mark.parametrize("play", PLAYS, ids=[f"{play.route[1:]}: {play.scenario.name}" for play in PLAYS])
def test_a_caller_is_answered_over_chat_completions(play: Play) -> None:
    (verdict,) = play_in_virtual_time([play], TARGET, Silence())
    assert verdict.outcome == "passed", f"{play.scenario.name}\n{story(verdict)}"
