"""When the simulated platform does what a server wishes for."""

import pytest

from handwritten import HandWritten, says
from rejoinder.simulator.platform.call import CallOver
from rejoinder.simulator.platform.retell import Retell

pytestmark = pytest.mark.virtual_time

PHONE = {"call_type": "phone_call", "direction": "inbound", "from_number": "+15550001111", "to_number": "+15550002222"}


async def test_it_hangs_up_when_the_last_words_were_spoken_and_not_before() -> None:
    server = HandWritten({"Bye.": [says(1, "Thank you and goodbye.", end_call=True)]})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("Bye.")
        turn = await call.agent_finished()
    assert turn.heard == "Thank you and goodbye."
    assert (turn.action, turn.done_at) == ("hang_up", turn.spoken_to)
    assert (call.journal.reason, call.journal.ended_by) == ("agent_hangup", "agent")


async def test_without_words_it_hangs_up_at_once() -> None:
    server = HandWritten({"Bye.": [says(1, "", end_call=True)]})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("Bye.")
        with pytest.raises(CallOver):
            await call.silent(1)
    assert call.journal.ended_at == call.journal.turns[1].asked_at
    assert call.journal.entries[-1].what == "ended"


@pytest.mark.parametrize("wish", [{"end_call": True}, {"transfer_number": "+15550003333"}])
async def test_an_action_whose_line_was_cut_is_discarded(wish: dict[str, object]) -> None:
    server = HandWritten({"Bye.": [says(1, "Thank you for calling and goodbye.") | wish]})
    async with Retell(server.dial, details=PHONE) as call:
        await call.agent_finished()
        await call.says("Bye.")
        await call.after_speech_began(0.5)
        await call.says("Wait!")
        await call.agent_finished()
    assert call.journal.turns[1].discarded.endswith(": the caller cut in")
    assert call.journal.turns[1].done_at is None
    assert call.journal.reason == "user_hangup"


async def test_a_line_that_may_not_be_interrupted_keeps_its_action() -> None:
    server = HandWritten({"Bye.": [says(1, "Thank you for calling.", end_call=True, no_interruption_allowed=True)]})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("Bye.")
        await call.after_speech_began(0.5)
        with pytest.raises(CallOver):
            await call.says("Wait! I have another question for you.")
    assert call.journal.reason == "agent_hangup"
    assert len(server.asked()) == 1
    assert call.journal.of("caller_stops")[-1].text.startswith("Wait!")


async def test_a_phone_call_is_transferred_and_over() -> None:
    server = HandWritten({"A person.": [says(1, "One moment.", transfer_number="+15550003333")]})
    async with Retell(server.dial, details=PHONE) as call:
        await call.agent_finished()
        await call.says("A person.")
        turn = await call.agent_finished()
    assert (turn.action, turn.target) == ("transfer", "+15550003333")
    assert (call.journal.reason, call.journal.ended_by) == ("call_transfer", "agent")


async def test_a_web_call_cannot_be_transferred() -> None:
    server = HandWritten({"A person.": [says(1, "One moment.", transfer_number="+15550003333")]})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("A person.")
        assert (await call.agent_finished()).action == ""
    assert [entry.text for entry in call.journal.of("discarded")] == ["transfer: a web call has no line to transfer"]


async def test_keys_are_pressed_and_the_call_goes_on() -> None:
    server = HandWritten({"Go on.": [says(1, "", digit_to_press="12#")]})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("Go on.")
        await call.agent_finished()
        await call.says("And?")
        assert (await call.agent_finished()).heard == "Yes."
    assert [entry.text for entry in call.journal.of("digits")] == ["12#"]


async def test_of_two_actions_of_one_turn_the_first_by_precedence_is_done() -> None:
    frames = [
        says(1, "Goodbye. ", complete=False, digit_to_press="1", transfer_number="+15550003333"),
        says(1, "And thanks.", end_call=True),
    ]
    server = HandWritten({"Bye.": frames})
    async with Retell(server.dial, details=PHONE) as call:
        await call.agent_finished()
        await call.says("Bye.")
        await call.agent_finished()
    assert call.journal.reason == "agent_hangup"
    assert [entry.text for entry in call.journal.of("discarded")] == [
        "digits: transfer of the same turn comes first",
        "transfer: hang_up of the same turn comes first",
    ]


async def test_a_wish_of_a_wrong_type_is_not_seen_and_its_words_are_spoken() -> None:
    server = HandWritten({"Bye.": [says(1, "Goodbye.", end_call="true", transfer_number=7)]})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("Bye.")
        turn = await call.agent_finished()
    assert (turn.heard, turn.action) == ("Goodbye.", "")
    assert [entry.text for entry in call.journal.of("discarded")] == [
        "end_call has the wrong type",
        "transfer_number has the wrong type",
    ]


async def test_tools_are_told_of_in_the_transcript_that_was_asked_for() -> None:
    called = {"response_type": "tool_call_invocation", "tool_call_id": "t1", "name": "book", "arguments": '{"day":"Monday"}'}
    result = {"response_type": "tool_call_result", "tool_call_id": "t1", "content": "booked", "successful": True}
    server = HandWritten({"Book it.": [says(1, "One moment. ", complete=False)]}, config={"transcript_with_tool_calls": True})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("Book it.")
        await call.silent(1)
        server.sends(called, result, says(1, "Done."))
        await call.agent_finished()
        await call.says("Thanks.")
        await call.agent_finished()
    (tool,) = call.journal.turns[1].tools
    assert (tool.name, tool.arguments, tool.result, tool.successful) == ("book", '{"day":"Monday"}', "booked", True)
    told = server.asked()[-1].transcript_with_tool_calls
    assert told is not None
    assert [item["role"] for item in told] == ["agent", "user", "agent", "tool_call_invocation", "tool_call_result", "user"]
    assert told[3]["arguments"] == '{"day":"Monday"}'
    assert [said.role for said in server.asked()[-1].transcript] == ["agent", "user", "agent", "user"]
