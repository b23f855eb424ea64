"""Calls of a host that recorded them, played again: what their callers did, and what is said then and now."""

from typing import Any

import pytest
from aiohttp import ClientSession

from rejoinder.config.tree import Mark
from rejoinder.simulator.platform.call import SimulatedCall
from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.replay import recorded_call
from rejoinder.simulator.replay.side_by_side import as_text
from rejoinder.simulator.scenarios.steps import HangsUp, Mumbles, Point, Presses, Says, Silent
from rejoinder.testing.telephone import calling
from replaying import ACTING, BEGIN, DESK, ECHO, PHONE, Recorded, again, contrasts, kinds, plays, says, scenario
from served import Served


async def test_a_call_that_is_played_again_is_the_same(recorded: Recorded) -> None:
    path = await recorded(DESK, says("When are you open?", "I see", "bye"))
    verdict = again(path)
    assert (verdict.outcome, verdict.word, verdict.findings) == ("passed", "same", ())
    assert verdict.play.route == "/desk"
    assert [(one.step, one.then.text) for one in contrasts(verdict)] == [
        ("hears the first words", BEGIN),
        ("says 'When are you open?'", "We are open from nine to five."),
        ("says 'I see'", "Well, it is as it is."),
        ("says 'bye'", "Goodbye."),
    ]
    assert [one.now.text for one in contrasts(verdict) if one.now] == [one.then.text for one in contrasts(verdict)]
    assert [one.then.action for one in contrasts(verdict)] == ["", "", "", "hang_up"]


async def test_what_is_said_differently_is_shown_word_by_word(recorded: Recorded) -> None:
    path = await recorded(DESK, says("When are you open?"))
    verdict = again(path, DESK.replace("from nine to", "every day from ten to"))
    assert (verdict.outcome, verdict.word) == ("passed", "differs")
    assert verdict.comparison is not None
    told = as_text(verdict.comparison).splitlines()
    assert told[1] == f"same     {BEGIN}"
    assert told[-1] == "differs  We are open {+every day+} from [-nine-] {+ten+} to five."


async def test_a_difference_from_a_past_that_is_binding_is_a_fault(recorded: Recorded) -> None:
    path = await recorded(DESK, says("When are you open?"))
    assert again(path, is_strict=True).outcome == "passed"
    verdict = again(path, DESK.replace("nine", "ten"), is_strict=True)
    assert (verdict.outcome, [one.check for one in verdict.findings]) == ("failed", ["recorded"])
    assert "said was 'We are open from nine to five.', now it is 'We are open from ten to five.'" in verdict.findings[0].what


async def test_other_actions_are_a_difference_and_a_call_that_ends_too_early_fails(recorded: Recorded) -> None:
    path = await recorded(DESK, says("a human please", "bye"))
    verdict = again(path)
    assert (verdict.outcome, verdict.findings[0].check) == ("failed", "ends")  # a telephone is transferred, and gone
    assert contrasts(verdict)[1].is_same
    assert contrasts(verdict)[1].then.target.endswith("99")
    assert contrasts(verdict)[2].now is None
    verdict = again(path, DESK.replace(", transfer: reception", "").replace(", end_call: true", ""))
    assert (verdict.outcome, verdict.word) == ("passed", "differs")
    assert [(one.is_said_the_same, one.is_done_the_same) for one in contrasts(verdict)] == [(True, True), *[(True, False)] * 2]
    assert verdict.comparison is not None
    assert "told the platform to do then: hang up, now: nothing" in as_text(verdict.comparison)


async def test_tools_that_are_called_are_compared(recorded: Recorded) -> None:
    path = await recorded(ACTING.replace("ACT", "tooling"), says("book"))
    verdict = again(path)
    assert verdict.word == "same"
    assert contrasts(verdict)[1].then.tools
    verdict = again(path, ACTING.replace("ACT", "polite"))
    assert not contrasts(verdict)[1].are_tools_the_same


async def test_a_caller_cuts_in_after_as_many_words_as_then_however_long_the_answer_is_now(recorded: Recorded) -> None:
    async def script(call: SimulatedCall) -> None:
        await call.heard_words(4)
        await call.says("When are you open?")
        await call.agent_finished()

    path = await recorded(DESK, plays(script, agent_rate=1200))
    (step,) = scenario(path).steps
    assert isinstance(step, Says)
    assert step.interrupts is not None
    assert (step.interrupts.unit, 3 <= step.interrupts.count <= 5) == ("words", True)
    verdict = again(path)
    assert verdict.word == "same"
    assert verdict.journal.turns[0].cut
    longer = again(path, DESK.replace("the old hotel", "the old hotel, and very glad that you have called us today"))
    assert longer.word == "differs"
    assert len(longer.journal.turns[0].heard.split()) < 8
    shorter = again(path, DESK.replace(BEGIN, "Good day."))
    assert (shorter.outcome, shorter.word) == ("passed", "differs")
    assert shorter.comparison is not None
    assert "before the caller cut in" in shorter.comparison.notes[-1]


async def test_a_caller_who_went_on_in_mid_sentence_does_so_again(recorded: Recorded) -> None:
    async def script(call: SimulatedCall) -> None:
        await call.agent_finished()
        await call.says("I would", pauses=[(0.1, "like a table")])
        await call.agent_finished()

    path = await recorded(ECHO, plays(script, voice_delay=0.15))
    (step,) = scenario(path).steps
    assert isinstance(step, Says)
    assert (step.text, [one.then for one in step.pauses]) == ("I would", ["like a table"])
    assert step.pauses[0].seconds > Profile().endpointing
    verdict = again(path)
    assert contrasts(verdict)[1].then.text == "You said: I would like a table"
    assert verdict.word == "same"


async def test_silence_reminders_keys_and_what_nobody_understands_come_again(recorded: Recorded) -> None:
    async def script(call: SimulatedCall) -> None:
        await call.agent_finished()
        await call.presses("12#")
        await call.silent(0.5)
        await call.mumbles()
        await call.agent_finished()

    path = await recorded(ECHO, plays(script))
    one = scenario(path)
    assert kinds(path) == [Presses, Silent, Mumbles]
    assert isinstance(one.steps[0], Presses)
    assert one.steps[0].digits == "555"
    assert one.platform.reminders == 1
    assert one.platform.reminder == pytest.approx(0.3, abs=0.11)
    verdict = again(path)
    assert (verdict.outcome, verdict.word) == ("passed", "same")
    assert [turn.kind for turn in verdict.journal.turns] == ["begin", "reminder", "response"]
    assert verdict.comparison is not None
    assert any("keys" in note for note in verdict.comparison.notes)


async def test_who_speaks_over_an_answer_that_is_still_coming_does_so_again(recorded: Recorded) -> None:
    async def call(served: Served) -> None:
        async with calling(served.ws("/desk"), call_id="call-1", details=PHONE) as caller:
            await caller.hears()
            await caller.says("one")
            async for _ in caller.chunks():
                break
            await caller.says("two")
            async for _ in caller.chunks():
                break

    path = await recorded(ACTING.replace("ACT", "waiting"), call)
    one, two = scenario(path).steps
    assert isinstance(one, Says)
    assert isinstance(two, Says)
    assert (one.interrupts, two.interrupts) == (None, Point("words", 1))
    verdict = again(path)
    assert [(one.then.text, one.then.is_cut) for one in contrasts(verdict)[1:]] == [("First.", True)] * 2
    assert verdict.comparison is not None
    assert verdict.comparison.word == "same"


async def test_who_hung_up_in_mid_sentence_does_so_again(recorded: Recorded) -> None:
    async def script(call: SimulatedCall) -> None:
        await call.heard_words(4)
        await call.silent(0.1)

    path = await recorded(DESK, plays(script, agent_rate=1200))
    step = scenario(path).steps[-1]
    assert isinstance(step, HangsUp)
    assert step.interrupts is not None
    assert step.interrupts.unit == "words"
    verdict = again(path)
    assert (verdict.word, verdict.journal.reason) == ("same", "user_hangup")


async def test_a_connection_that_was_lost_is_not_lost_again_and_nothing_said_twice(recorded: Recorded) -> None:
    async def call(served: Served) -> None:
        async with calling(served.ws("/desk"), call_id="call-1", details=PHONE) as caller:
            await caller.hears()
            await caller.says("When are you open?")
            await caller.hears()
            await caller.drop()
            await caller.dial()
            await caller.says("bye")
            await caller.hears()

    verdict = again(await recorded(DESK, call))
    assert [one.then.text for one in contrasts(verdict)] == [BEGIN, "We are open from nine to five.", "Goodbye."]
    assert verdict.word == "same"
    assert verdict.comparison is not None
    assert "the connection was lost then, which is not played again" in verdict.comparison.notes


def test_an_answer_that_the_platform_asks_for_once_more_is_one_answer() -> None:
    asked = {"transcript": [{"role": "user", "content": "one"}]}
    lines: list[dict[str, Any]] = [
        {"at": 0.0, "what": "turn started", "turn": 0, "kind": "begin"},
        {"at": 0.0, "what": "turn ended", "turn": 0, "outcome": "finished"},
        {"at": 1.0, "what": "received", "frame": asked},
        {"at": 1.0, "what": "turn started", "turn": 1, "kind": "response"},
        {"at": 1.1, "what": "sent", "frame": {"content": "We are"}},
        {"at": 1.2, "what": "received", "frame": asked},
        {"at": 1.2, "what": "turn ended", "turn": 1, "outcome": "interrupted"},
        {"at": 1.2, "what": "turn started", "turn": 2, "kind": "response"},
        {"at": 1.3, "what": "sent", "frame": {"content": "We are open."}},
        {"at": 1.3, "what": "turn ended", "turn": 2, "outcome": "finished"},
    ]
    past = recorded_call.scenario_of({"platform": "retell"}, lines, Mark("a")).past
    assert past is not None
    assert [one.text for one in past.reactions if one] == ["We are open."]


async def test_what_was_redacted_is_not_held_against_anybody(recorded: Recorded) -> None:
    path = await recorded(ECHO, says("My number is 020 7946 0123 ok", "and ann@example.com is my address"))
    assert "7946" not in path.read_text()
    one = scenario(path)
    assert one.call.from_number == "+15555550123"
    assert [step.text for step in one.steps if isinstance(step, Says)] == [
        "My number is 555 5555 5523 ok",
        "and someone@example.com is my address",
    ]
    verdict = again(path)
    assert verdict.word == "same"
    assert verdict.comparison is not None
    assert any("redacted" in note for note in verdict.comparison.notes)
    assert again(path, ECHO.replace("system: echo", 'system: echo, options: {prefix: "He said: "}')).word == "differs"


async def test_what_the_platform_told_of_the_call_is_told_again(recorded: Recorded) -> None:
    details = {**PHONE, "direction": "outbound", "retell_llm_dynamic_variables": {"name": "Ann"}, "metadata": {"tier": 2}}
    call = scenario(await recorded(ECHO, says("hello", details=details))).call
    assert (call.kind, call.direction, call.to_number) == ("phone", "outbound", "+15555550122")
    assert (call.variables, call.metadata) == ({"name": "Ann"}, {"tier": 2})


async def test_a_chat_is_played_as_a_call(recorded: Recorded) -> None:
    async def call(served: Served) -> None:
        messages = [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "Hi."},
            {"role": "user", "content": [{"type": "text", "text": "When are you open?"}]},
        ]
        async with ClientSession() as session:
            url = served.http("/desk/chat/completions")
            async with session.post(url, json={"messages": messages, "stream": True}) as answer:
                assert answer.status == 200
                await answer.read()

    path = await recorded(DESK, call)
    assert [step.text for step in scenario(path).steps if isinstance(step, Says)] == ["hello", "When are you open?"]
    verdict = again(path)
    assert [(one.then.text, one.then.tools) for one in contrasts(verdict)] == [("We are open from nine to five.", None)]
    assert verdict.word == "same"
