"""How the simulated platform decides whose turn it is, against servers as people write them."""

import pytest

from handwritten import HandWritten, cuts_in, says
from rejoinder.simulator.platform.call import CallOver, NeverCame
from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.platform.retell import Retell
from rejoinder.simulator.platform.transcript import UNINTELLIGIBLE

pytestmark = pytest.mark.virtual_time

LONG = "We open at nine on each day of the week and close at five in the evening."


def told(call: Retell) -> list[tuple[str, str]]:
    """The transcript at the end."""
    return [(said.role, said.text) for said in call.journal.transcript]


async def test_a_question_is_answered() -> None:
    server = HandWritten({"When are you open?": "At nine."})
    async with Retell(server.dial) as call:
        assert (await call.agent_finished()).heard == "Hello."
        await call.says("When are you open?")
        turn = await call.agent_finished()
    assert (turn.number, turn.kind, turn.asked_for, turn.heard) == (1, "response", "When are you open?", "At nine.")
    assert (call.journal.reason, call.journal.ended_by) == ("user_hangup", "caller")
    assert told(call) == [("agent", "Hello."), ("user", "When are you open?"), ("agent", "At nine.")]


async def test_nothing_is_said_before_the_begin_message_came() -> None:
    server = HandWritten(greeting=None)
    async with Retell(server.dial) as call:
        await call.says("Hello?")
        await call.silent(5)
        assert call.journal.of("agent_starts") == []
        assert call.journal.turns[1].discarded == "nothing is said before the begin message came"
        server.sends(says(0, "Hello."))  # too late to be heard, and yet it opens the mouth
        await call.says("Hello?")
        assert (await call.agent_finished()).heard == "Yes."
    assert [entry.text for entry in call.journal.of("agent_stops")] == ["Yes."]


async def test_an_empty_begin_message_lets_the_caller_speak_first() -> None:
    server = HandWritten(greeting="")
    async with Retell(server.dial) as call:
        assert (await call.agent_finished()).heard == ""
        await call.says("Hello?")
        assert (await call.agent_finished()).heard == "Yes."


async def test_updates_grow_two_to_five_times_a_second_while_somebody_speaks_and_never_in_silence() -> None:
    server = HandWritten()
    async with Retell(server.dial) as call:
        await call.agent_finished()
        before = len(server.asked("update_only"))
        await call.says("one two three four five six seven eight nine ten eleven twelve")  # four seconds
        grown = server.asked("update_only")[before:]
        assert 2 * 4 <= len(grown) <= 5 * 4
        lengths = [len(update.last) for update in grown if update.transcript[-1].role == "user"]
        assert lengths == sorted(lengths)
        await call.agent_finished()
        await call.silent(0.1)
        spoken = len(server.asked("update_only"))
        await call.silent(9)
        assert len(server.asked("update_only")) == spoken


async def test_each_word_has_its_time() -> None:
    server = HandWritten({"One two.": "Three."})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("One two.")
        await call.agent_finished()
        sent = [entry.frame for entry in call.journal.of("sent") if entry.frame is not None]
    last = [frame["transcript"] for frame in sent if frame["interaction_type"] == "update_only"][-1]
    times = [(word["word"], word["end"] - word["start"]) for said in last for word in said["words"]]
    assert [word for word, _ in times] == ["Hello.", "One", "two.", "Three."]
    assert all(abs(length - 1 / 3) < 0.002 for _, length in times)


async def test_agent_words_may_come_without_their_times() -> None:
    server = HandWritten()
    async with Retell(server.dial, profile=Profile(agent_words=False)) as call:
        await call.agent_finished()
        last = [entry.frame for entry in call.journal.of("sent") if entry.frame is not None][-1]
    assert last["transcript"] == [{"role": "agent", "content": "Hello.", "words": []}]


async def test_the_speaker_is_told_when_it_changes() -> None:
    server = HandWritten()
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("Hi.")
        await call.agent_finished()
    assert [frame.turntaking for frame in server.came if frame.turntaking] == ["agent_turn", "user_turn", "agent_turn"]


async def test_a_pause_makes_it_ask_early_and_ask_anew_for_the_whole_sentence() -> None:
    server = HandWritten({"I would like": "What?", "I would like a table": "Gladly."})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("I would like", pauses=[(0.6, "a table")])
        turn = await call.agent_finished()
    assert [(frame.response_id, frame.last) for frame in server.asked()] == [(1, "I would like"), (2, "I would like a table")]
    assert call.journal.turns[1].discarded == "the caller went on"
    assert turn.heard == "Gladly."
    assert told(call) == [("agent", "Hello."), ("user", "I would like a table"), ("agent", "Gladly.")]


async def test_an_answer_that_is_discarded_just_before_its_first_sound_leaves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    server = HandWritten()
    async with Retell(server.dial, profile=Profile(voice_delay=1.0)) as call:
        await call.agent_finished()
        await call.says("I would like", pauses=[(0.8, "a table for two, tomorrow at eight")])
        assert call.journal.turns[1].chunks != []
        assert call.journal.turns[1].spoken_from is None
        await call.agent_finished()
    assert [record.getMessage() for record in caplog.records] == []
    assert [entry.text for entry in call.journal.of("agent_stops")] == ["Hello.", "Yes."]


async def test_a_short_pause_is_none() -> None:
    server = HandWritten()
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("I would like", pauses=[(0.3, "a table")])
        await call.agent_finished()
    assert [frame.last for frame in server.asked()] == ["I would like a table"]


async def test_a_responsiveness_of_0_waits_longer() -> None:
    server = HandWritten()
    async with Retell(server.dial) as call:
        await call.agent_finished()
        server.sends({"response_type": "update_agent", "agent_config": {"responsiveness": 0}})
        await call.says("I would like", pauses=[(1.2, "a table")])
        await call.agent_finished()
    assert [frame.last for frame in server.asked()] == ["I would like a table"]


async def test_a_caller_who_speaks_over_the_agent_silences_it() -> None:
    server = HandWritten({"When?": LONG})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("When?")
        await call.heard_words(4)
        await call.says("Stop it.")
        await call.agent_finished()
    assert call.journal.turns[1].cut
    assert call.journal.turns[1].heard == "We open at nine"
    assert [said.content for said in server.asked()[-1].transcript] == ["Hello.", "When?", "We open at nine", "Stop it."]
    assert [entry.text for entry in call.journal.of("agent_stops") if entry.cut] == ["We open at nine"]


async def test_a_barge_in_may_begin_at_a_time_or_a_chunk() -> None:
    server = HandWritten({"When?": [says(1, "We open at nine. ", complete=False), says(1, LONG)]})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("When?")
        await call.chunk(2)
        assert not call.floor.voice.is_audible
        await call.after_speech_began(1.0)
        began = call.journal.turns[1].spoken_from
        assert began is not None
        assert call.recorder.now == pytest.approx(began + 1.0)
        with pytest.raises(NeverCame, match="waited for 3 chunks"):
            await call.chunk(3)
        await call.says("When is that?")
        for wait in (call.heard_words(1), call.after_speech_began(0.4)):
            with pytest.raises(NeverCame, match="had finished"):
                await wait


async def test_a_line_that_may_not_be_interrupted_is_heard_to_its_end_and_the_caller_is_answered_then() -> None:
    server = HandWritten({"When?": [says(1, LONG, no_interruption_allowed=True)]})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("When?")
        await call.after_speech_began(0.5)
        await call.says("Stop it.")
        turn = await call.agent_finished()
    assert (call.journal.turns[1].heard, call.journal.turns[1].cut) == (LONG, False)
    assert (turn.number, turn.asked_for) == (2, "Stop it.")
    assert turn.asked_at >= (call.journal.turns[1].spoken_to or 0)


async def test_one_who_goes_on_over_such_a_line_is_answered_when_all_is_said() -> None:
    server = HandWritten({"When?": [says(1, LONG, no_interruption_allowed=True)]})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("When?")
        await call.after_speech_began(0.5)
        await call.says("Stop it.")
        await call.silent(2.0)  # long enough to be asked about, were it not for the line
        await call.says("I said that you should stop it at once, if you please.")
        assert (call.journal.turns[1].heard, len(server.asked())) == (LONG, 1)
        await call.agent_finished()
    assert [frame.last for frame in server.asked()[1:]] == ["Stop it. I said that you should stop it at once, if you please."]


async def test_such_a_line_is_spoken_also_if_the_caller_begins_just_before_it() -> None:
    server = HandWritten({"When?": [says(1, "One moment.", no_interruption_allowed=True)]})
    async with Retell(server.dial, profile=Profile(voice_delay=1.0)) as call:
        await call.agent_finished()
        await call.says("When?", pauses=[(0.7, "Or not?")])
        await call.agent_finished()
    assert call.journal.turns[1].heard == "One moment."


async def test_a_line_that_is_not_all_of_its_answer_is_answered_over_as_soon_as_it_was_heard() -> None:
    server = HandWritten({"When?": [says(1, "Let me have a look. ", complete=False, no_interruption_allowed=True)]})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("When?")
        await call.after_speech_began(0.2)
        await call.says("Stop.")
        await call.agent_finished()
    holding, answer = call.journal.turns[1:]
    assert (holding.heard, holding.cut, holding.is_closed) == ("Let me have a look.", False, True)
    assert answer.asked_at == holding.spoken_to


async def test_what_comes_of_an_answer_while_the_caller_speaks_over_its_beginning_is_not_spoken() -> None:
    line = [says(1, "One moment. ", complete=False, no_interruption_allowed=True)]
    server = HandWritten({"When?": line})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("When?")
        await call.after_speech_began(0.3)
        await call.says("Stop it, please, and listen to me.")
        server.sends(says(1, "At nine."))
        await call.agent_finished()
    assert (call.journal.turns[1].heard, call.journal.turns[1].said) == ("One moment.", "One moment. At nine.")


async def test_a_sensitivity_of_0_never_lets_the_caller_in() -> None:
    server = HandWritten({"When?": LONG})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        server.sends({"response_type": "update_agent", "agent_config": {"interruption_sensitivity": 0}})
        await call.says("When?")
        await call.after_speech_began(0.5)
        await call.says("Stop it now, I have heard enough of that.")
        await call.agent_finished()
    assert call.journal.turns[1].heard == LONG
    assert [entry.text for entry in call.journal.of("tuned")] == ["interruption_sensitivity 0"]


async def test_speech_begins_with_the_first_sentence_and_waits_for_no_other() -> None:
    server = HandWritten({"When?": [says(1, "One ", complete=False)]})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("When?")
        await call.silent(2)
        turn = call.journal.turns[1]
        assert (turn.chunks[0][1], turn.first_sentence_at) == ("One ", None)
        server.sends(says(1, "moment. Then ", complete=False))
        await call.silent(3)
        assert turn.heard == "One moment."
        server.sends(says(1, "this."))
        await call.agent_finished()
        assert turn.heard == "One moment. Then this."
    stops = [entry.text for entry in call.journal.of("agent_stops")]
    assert stops == ["Hello.", "One moment.", "Then this."]
    assert told(call)[-1] == ("agent", "One moment. Then this.")


async def test_chunks_are_put_together_as_they_are() -> None:
    server = HandWritten({"When?": [says(1, "One moment.", complete=False), says(1, "At nine.")]})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("When?")
        assert (await call.agent_finished()).heard == "One moment.At nine."


async def test_an_answer_that_is_never_completed_leaves_the_caller_in_silence() -> None:
    server = HandWritten({"When?": [says(1, "At nine.", complete=False)]})
    async with Retell(server.dial, profile=Profile(end_after_silence=20)) as call:
        await call.agent_finished()
        await call.says("When?")
        with pytest.raises(NeverCame, match=r"did not complete turn 1, 'At nine\.'"):
            await call.agent_finished(within=15)
        assert server.asked("reminder_required") == []
        with pytest.raises(CallOver):
            await call.silent(20)
    assert (call.journal.reason, call.journal.ended_by) == ("inactivity", "platform")


async def test_a_silent_caller_is_reminded_as_often_as_the_agent_has_it() -> None:
    server = HandWritten()
    async with Retell(server.dial, profile=Profile(reminders=2)) as call:
        await call.agent_finished()
        await call.silent(60)
        assert [frame.response_id for frame in server.asked("reminder_required")] == [1, 2]
        await call.says("Yes, I am here.")
        await call.agent_finished()
        await call.silent(60)
    assert [frame.response_id for frame in server.asked("reminder_required")] == [1, 2, 4, 5]
    began = call.journal.turns[0].spoken_to
    assert began is not None
    assert call.journal.turns[1].asked_at == pytest.approx(began + 10.0)


async def test_reminders_can_be_turned_off_while_one_is_due() -> None:
    server = HandWritten()
    async with Retell(server.dial) as call:
        await call.agent_finished()
        server.sends({"response_type": "update_agent", "agent_config": {"reminder_max_count": 0}})
        await call.silent(60)
        assert server.asked("reminder_required") == []
        server.sends({"response_type": "update_agent", "agent_config": {"reminder_max_count": 1, "reminder_trigger_ms": 2500}})
        await call.silent(3)
    assert len(server.asked("reminder_required")) == 1


async def test_reminders_without_words_do_not_count_as_speech() -> None:
    server = HandWritten()
    server.reminder = ""
    async with Retell(server.dial, profile=Profile(reminders=1000)) as call:
        with pytest.raises(CallOver, match="inactivity"):
            await call.silent(1000)
    spoken = call.journal.turns[0].spoken_to
    assert spoken is not None
    assert call.journal.ended_at == pytest.approx(spoken + 600)
    assert len(call.journal.turns) > 50


async def test_a_call_ends_after_long_silence_and_after_its_longest_time() -> None:
    silent, long = HandWritten(), HandWritten()
    async with Retell(silent.dial) as call:
        with pytest.raises(CallOver, match="inactivity"):
            await call.silent(1000)
    reminded = call.journal.turns[-1].spoken_to
    assert reminded is not None
    assert call.journal.ended_at == pytest.approx(reminded + 600)
    async with Retell(long.dial, profile=Profile(end_after_silence=5000)) as call:
        with pytest.raises(CallOver, match="max_duration_reached"):
            await call.silent(5000)
    assert call.journal.ended_at == pytest.approx(3600)


async def test_a_call_in_which_nobody_ever_speaks_ends() -> None:
    server = HandWritten(greeting=None)
    async with Retell(server.dial) as call:
        with pytest.raises(CallOver, match="inactivity"):
            await call.silent(1000)
    assert call.journal.ended_at == pytest.approx(600)


async def test_nobody_is_reminded_while_the_agent_speaks_out_of_turn() -> None:
    server = HandWritten()
    async with Retell(server.dial) as call:
        await call.agent_finished()
        server.sends(cuts_in(1, "Listen.", complete=False))
        await call.silent(30)
        assert server.asked("reminder_required") == []
        server.sends(cuts_in(1, ""))
        await call.silent(11)
    assert len(server.asked("reminder_required")) == 1


async def test_a_begin_message_may_be_held_back() -> None:
    server = HandWritten({"Are you open?": "Yes."})
    async with Retell(server.dial, profile=Profile(begin_delay=3.0)) as call:
        await call.agent_finished()
        await call.says("Are you open?")
        answer = await call.agent_finished()
    begun = call.journal.turns[0].spoken_from
    assert begun == pytest.approx(3.0)
    assert answer.spoken_from == pytest.approx(answer.asked_at + 0.2)


async def test_speech_of_which_nothing_is_understood_is_asked_about_too() -> None:
    server = HandWritten({UNINTELLIGIBLE: "Pardon?"})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.mumbles()
        assert (await call.agent_finished()).heard == "Pardon?"


async def test_key_presses_are_in_the_transcript_with_tools_alone_and_ask_for_nothing() -> None:
    server = HandWritten(config={"transcript_with_tool_calls": True})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.presses("5#")
        await call.silent(3)
        assert server.asked() == []
    assert server.came[-1].transcript_with_tool_calls is not None
    assert server.came[-1].transcript_with_tool_calls[1:] == [{"role": "dtmf", "digit": "5"}, {"role": "dtmf", "digit": "#"}]
    assert [said.role for said in server.came[-1].transcript] == ["agent"]


async def test_a_platform_may_ask_after_key_presses() -> None:
    server = HandWritten()
    async with Retell(server.dial, profile=Profile(digits_ask=True)) as call:
        await call.agent_finished()
        await call.presses("5")
        await call.silent(3)
    assert len(server.asked()) == 1


async def test_the_agent_may_speak_out_of_turn_and_cancels_its_answer_with_it() -> None:
    server = HandWritten({"When?": [says(1, f"{LONG} ", complete=False)]})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("When?")
        await call.after_speech_began(1.05)
        server.sends(cuts_in(1, "Listen! ", complete=False), cuts_in(1, "It burns."), says(1, "And so on."))
        await call.silent(4)
    answer, out_of_turn = call.journal.turns[1:]
    assert (answer.heard, answer.cut, answer.is_closed) == ("We open at", True, True)
    assert (out_of_turn.kind, out_of_turn.number, out_of_turn.heard) == ("interrupt", 1, "Listen! It burns.")
    assert [entry.turn for entry in call.journal.of("overtaken")] == [1]


async def test_another_number_out_of_turn_discards_the_earlier_and_the_same_one_again_is_lost() -> None:
    server = HandWritten()
    async with Retell(server.dial) as call:
        await call.agent_finished()
        server.sends(cuts_in(1, LONG))
        await call.silent(1.0)
        server.sends(cuts_in(2, "Stop."))
        await call.silent(2)
        server.sends(cuts_in(2, "Stop again."))
        await call.silent(2)
    assert [(turn.number, turn.heard) for turn in call.journal.turns[1:]] == [(1, "We open"), (2, "Stop.")]
    assert [entry.text for entry in call.journal.of("dropped")] == ["interrupt 2 was complete"]


async def test_what_was_begun_out_of_turn_is_closed_by_the_next_question() -> None:
    server = HandWritten()
    async with Retell(server.dial) as call:
        await call.agent_finished()
        server.sends(cuts_in(1, "Listen! ", complete=False))
        await call.silent(2)
        await call.says("What?")
        await call.agent_finished()
    assert [(turn.kind, turn.heard, turn.cut) for turn in call.journal.turns[1:]] == [
        ("interrupt", "Listen!", False),
        ("response", "Yes.", False),
    ]
    assert all(turn.is_closed for turn in call.journal.turns)


@pytest.mark.parametrize(("protected", "heard"), [(True, "It burns."), (False, "")])
async def test_the_agent_loses_when_both_talk_at_once_unless_it_may_not_be_interrupted(protected: bool, heard: str) -> None:
    server = HandWritten()
    async with Retell(server.dial) as call:
        await call.agent_finished()
        server.sends(cuts_in(1, "It burns.", no_interruption_allowed=protected))
        await call.says("I wanted to ask something long about tables.")
        await call.agent_finished()
    assert call.journal.turns[1].heard == heard


async def test_a_call_that_is_over_can_do_nothing_more() -> None:
    server = HandWritten()
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.hangs_up()
        for move in (call.says("Hi."), call.mumbles(), call.presses("1"), call.silent(1)):
            with pytest.raises(CallOver, match="user_hangup"):
                await move
    assert len(call.journal.of("ended")) == 1


async def test_a_script_ends_with_its_call() -> None:
    server = HandWritten({"Bye.": [says(1, "Goodbye.", end_call=True)]})

    async def script(call: object) -> None:
        assert isinstance(call, Retell)
        await call.agent_finished()
        await call.says("Bye.")
        await call.silent(60)
        raise AssertionError("the call was over")

    journal = await Retell(server.dial).run(script)
    assert (journal.reason, journal.ended_by) == ("agent_hangup", "agent")
