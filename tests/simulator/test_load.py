"""Many calls at once: how they begin, what is counted, how it ends."""

import asyncio
import contextlib
from collections.abc import Callable

import pytest

from handwritten import Frame, HandWritten
from rejoinder.cli.load import small_talk
from rejoinder.simulator.judging.findings import Play
from rejoinder.simulator.load import crowd
from rejoinder.simulator.load.crowd import Load
from rejoinder.simulator.load.outcome import Outcome, Size
from rejoinder.simulator.playing.target import Network
from rejoinder.simulator.scenarios.expectation import CallExpected, Expected, TextExpectation
from rejoinder.simulator.scenarios.scenario import PlatformSetup, Scenario
from rejoinder.simulator.scenarios.steps import Drops, Says, Silent
from rejoinder.testing.wire import Dialler, Wire

pytestmark = pytest.mark.virtual_time


@pytest.fixture(autouse=True)
def untidy(monkeypatch: pytest.MonkeyPatch) -> None:
    """To look once through all that a run of tests holds takes longer than these loads."""
    monkeypatch.setattr(crowd, "_Tidy", contextlib.nullcontext)


class House:
    """A hand-written server that takes many calls."""

    def __init__(self, answers: dict[str, str | list[Frame]] | None = None, greeting: str | None = "Hello.") -> None:
        self.calls: dict[str, HandWritten] = {}
        self._answers = answers
        self._greeting = greeting

    async def dial(self, call_id: str) -> Wire:
        if call_id not in self.calls:
            self.calls[call_id] = HandWritten(self._answers, greeting=self._greeting)
        return await self.calls[call_id].dial(call_id)


SHORT = Scenario("Short", (Says(text="One two three."),))
ENDLESS = Scenario("Endless", tuple(Says(text="One two three.") for _ in range(100)))


def load_of(size: Size, dial: Dialler, *scenarios: Scenario) -> Load:
    return Load(size, [Play(scenario, "/echo") for scenario in scenarios], Network({"/echo": dial}))


async def play(
    size: Size, dial: Dialler, *scenarios: Scenario, tell: Callable[[Load], object] = lambda load: None, every: float = 1.0
) -> Outcome:
    return await load_of(size, dial, *scenarios).run(tell, every=every)


async def test_calls_are_begun_one_after_the_other_and_all_are_there_for_as_long_as_was_asked_for() -> None:
    seen: dict[float, int] = {}
    size = Size(5, ramp=10.0, lasts=20.0)
    outcome = await play(size, House().dial, ENDLESS, tell=lambda load: seen.setdefault(round(load.now), len(load.live)))
    assert [seen[second] for second in (1, 3, 5, 7, 9, 29)] == [1, 2, 3, 4, 5, 5]
    assert (outcome.tally.calls, round(outcome.took)) == (5, 30)
    assert outcome.tally.ended == {"broken off at the end": 5}


async def test_a_call_that_is_over_is_followed_by_another() -> None:
    outcome = await play(Size(2, ramp=0.0, lasts=20.0), House().dial, SHORT)
    assert outcome.tally.ended["user_hangup"] > 4
    assert outcome.is_well


async def test_who_hangs_up_at_once_is_not_dialled_without_a_pause() -> None:
    house = House(greeting="")
    outcome = await play(Size(1, ramp=0.0, lasts=9.5), house.dial, Scenario("At once", ()))
    assert (outcome.tally.calls, len(house.calls)) == (10, 10)


async def test_scenarios_are_dealt_out_in_turn() -> None:
    asked: list[str] = []
    server = House(answers={"a": "A.", "b": "B.", "c": "C."})
    scenarios = [Scenario(word, (Says(text=word),)) for word in "abc"]
    load = load_of(Size(3, ramp=0.3, lasts=4.0), server.dial, *scenarios)
    outcome = await load.run(lambda load: asked.extend(one.play.scenario.name for one in load.live), every=0.9)
    assert {*asked[:3]} == {"a", "b", "c"}
    assert outcome.tally.turns.asked == outcome.tally.turns.answered


async def test_every_time_is_taken() -> None:
    outcome = await play(Size(2, ramp=1.0, lasts=30.0), House().dial, ENDLESS)
    tally = outcome.tally
    assert (len(tally.times["connect"]), len(tally.times["begin message"])) == (2, 2)
    assert len(tally.times["first chunk"]) == len(tally.times["first sentence"]) == tally.turns.answered > 5
    assert len(tally.times["pong"]) == 2 * 15
    assert len(outcome.late) > 100


async def test_what_is_wrong_is_counted_by_its_kind() -> None:
    expected = Expected(texts=(TextExpectation("contains", "nine"),))
    wrong = Scenario("Wrong", (Says(text="Hm?", expected=expected),), expected=CallExpected())
    outcome = await play(Size(3, ramp=0.0, lasts=6.0), House().dial, wrong)
    fault = outcome.tally.faults["contains"]
    assert (fault.count >= 3, "'nine'" in fault.example, outcome.is_well) == (True, True, False)


async def test_a_turn_that_nobody_answers_is_told_apart_from_one_that_is_not_over() -> None:
    mute = House(answers={"Hm?": []})
    waiting = Scenario("Waiting", (Says(text="Hm?"),))
    outcome = await play(Size(2, ramp=0.0, lasts=20.0), mute.dial, waiting)
    assert (outcome.tally.turns.asked, outcome.tally.turns.unanswered, outcome.is_well) == (2, 2, False)
    outcome = await play(Size(2, ramp=0.0, lasts=5.0), mute.dial, waiting)
    assert (outcome.tally.turns.open, outcome.tally.turns.unanswered, outcome.is_well) == (2, 0, True)


async def test_redials_are_counted_with_their_reason() -> None:
    drops = Scenario("Drops", (Says(text="One."), Drops(what="connection"), Says(text="Two."), Silent(seconds=60.0)))
    outcome = await play(Size(3, ramp=0.0, lasts=20.0), House().dial, drops)
    assert outcome.tally.redials == {"abnormal": 3}


async def test_once_nobody_takes_a_call_the_load_is_over() -> None:
    outcome = await play(Size(50, ramp=0.0, lasts=600.0), HandWritten(refusing=10_000).dial, SHORT)
    assert (outcome.took < 20, outcome.was_stopped, outcome.is_well) == (True, False, False)
    assert "nobody takes the call: nobody is there" in outcome.tally.faults["played"].example


async def test_a_load_that_is_stopped_tells_of_what_there_was() -> None:
    load = load_of(Size(4, ramp=0.0, lasts=600.0), House().dial, ENDLESS)
    asyncio.get_running_loop().call_later(10.0, load.stop)
    outcome = await load.run(lambda load: None)
    assert (outcome.was_stopped, round(outcome.took), outcome.tally.calls) == (True, 10, 4)
    assert outcome.tally.turns.answered > 4


async def test_turns_are_counted_while_it_lasts() -> None:
    seen: list[int] = []
    outcome = await play(Size(1, ramp=0.0, lasts=30.0), House().dial, SHORT, tell=lambda load: seen.append(load.turns))
    assert seen == sorted(seen)
    assert seen[-1] in (outcome.tally.turns.asked, outcome.tally.turns.asked - 1)


async def test_a_fault_of_ours_in_one_call_is_counted_and_the_others_go_on() -> None:
    server = House()
    dialled = 0

    async def dial(call_id: str) -> Wire:
        nonlocal dialled
        dialled += 1
        if dialled == 2:
            raise ValueError("a bad day")
        return await server.dial(call_id)

    outcome = await play(Size(3, ramp=0.0, lasts=5.0), dial, SHORT)
    assert outcome.tally.faults["played"].example == "ValueError: a bad day"
    assert outcome.tally.turns.answered >= 2


async def test_the_small_talk_that_is_played_without_a_file_passes_with_any_agent() -> None:
    (talk,) = small_talk()
    assert talk.platform == PlatformSetup()
    outcome = await play(Size(1, ramp=0.0, lasts=60.0), House().dial, talk)
    assert outcome.tally.ended["user_hangup"] == 1
    assert (outcome.tally.turns.answered > 7, outcome.is_well) == (True, True)
