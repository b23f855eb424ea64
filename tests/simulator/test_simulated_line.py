"""How the simulated platform dials, keeps alive, dials again, and reads the end of a connection."""

import asyncio
from itertools import pairwise

import pytest

from handwritten import CONFIG, HandWritten, says
from rejoinder.simulator.platform.call import CallOver, NeverCame
from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.platform.retell import Retell
from rejoinder.testing.wire import MemoryWire, Wire

pytestmark = pytest.mark.virtual_time

LONG = "We open at nine on each day of the week and close at five in the evening."


async def ended(call: Retell) -> str:
    """Wait for the end of a call; its reason."""
    with pytest.raises(CallOver):
        await call.silent(10_000)
    return call.journal.reason


def times(call: Retell, *whats: str) -> list[float]:
    return [round(entry.at, 3) for entry in call.journal.entries if entry.what in whats]


async def test_a_server_that_is_slow_to_start_is_dialled_three_times() -> None:
    server = HandWritten(refusing=1, hanging=1)
    async with Retell(server.dial) as call:
        assert (await call.agent_finished()).heard == "Hello."
    assert times(call, "dialled") == [0.0, 10.0, 13.0]
    assert [entry.text for entry in call.journal.of("refused")] == ["no answer within 7 s", "nobody is there"]


async def test_a_call_that_nobody_takes_ends() -> None:
    server = HandWritten(hanging=9)
    async with Retell(server.dial) as call:
        assert await ended(call) == "error_llm_websocket_open"
        with pytest.raises(CallOver, match="error_llm_websocket_open"):
            await call.agent_finished()
    assert server.dialled == 3
    assert (call.journal.ended_at, call.journal.ended_by) == (27.0, "platform")


async def test_a_server_is_pinged_every_two_seconds_once_it_asked_for_it() -> None:
    server, other = HandWritten(), HandWritten(config={"call_details": True})
    async with Retell(server.dial) as call, Retell(other.dial) as unpinged:
        await call.silent(9)
        await unpinged.agent_finished()
    stamps = [frame.timestamp for frame in server.asked("ping_pong")]
    assert [later - earlier for earlier, later in pairwise(stamps)] == [2000, 2000, 2000]
    assert other.asked("ping_pong") == []


async def test_a_server_that_answers_no_ping_is_dialled_twice_more_and_then_given_up() -> None:
    server = HandWritten(answers_pings=False)
    async with Retell(server.dial) as call:
        assert await ended(call) == "error_llm_websocket_lost_connection"
    assert server.dialled == 3
    assert times(call, "keepalive_lost") == [5.0, 10.5, 16.0]


async def test_a_half_dead_connection_is_noticed_by_its_pings_and_by_nothing_else() -> None:
    pinged, unpinged = HandWritten(), HandWritten(config={"call_details": True})
    async with Retell(pinged.dial) as call:
        await call.agent_finished()
        await call.silent(0.1)
        call.lose_keepalive()
        came = len(pinged.came)
        pinged.sends(says(0, "Again."))
        await call.says("When?")
        assert len(pinged.came) == came
        assert call.journal.of("dropped") == []
        assert (await call.agent_finished()).heard == "Yes."
    assert [entry.text for entry in call.journal.of("redialled")] == ["keepalive"]
    async with Retell(unpinged.dial) as call:
        await call.agent_finished()
        call.lose_keepalive()
        await call.says("When?")
        with pytest.raises(NeverCame, match="has said nothing in turn 1"):
            await call.agent_finished()
    assert call.journal.of("redialled") == []


async def test_a_connection_lost_without_a_word_is_dialled_four_times_more() -> None:
    server = HandWritten(config={})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        for _ in range(4):
            server.socket.abort()
            await call.silent(2)
        assert len(call.journal.of("redialled")) == 4
        await call.says("When?")
        assert (await call.agent_finished()).heard == "Yes."
        server.socket.abort()
        assert await ended(call) == "error_llm_websocket_runtime"
    assert server.dialled == 5


async def test_a_redial_that_reaches_nobody_ends_the_call() -> None:
    server = HandWritten()
    async with Retell(server.dial) as call:
        await call.agent_finished()
        server.refusing = 1
        call.drop()
        assert await ended(call) == "error_llm_websocket_lost_connection"


@pytest.mark.parametrize(
    ("code", "reason", "by"),
    [
        (1000, "agent_hangup", "agent"),
        (1005, "error_llm_websocket_open", "platform"),
        (1007, "error_llm_websocket_corrupt_payload", "platform"),
        (1001, "error_llm_websocket_runtime", "platform"),
        (1011, "error_llm_websocket_runtime", "platform"),
    ],
)
async def test_how_a_connection_is_closed_says_why_the_call_ended(code: int, reason: str, by: str) -> None:
    server = HandWritten()
    async with Retell(server.dial) as call:
        await call.agent_finished()
        server.socket.close(code)
        assert await ended(call) == reason
    assert (call.journal.ended_by, [entry.text for entry in call.journal.of("closed")]) == (by, [str(code)])
    assert server.dialled == 1


async def test_an_unexpected_code_may_be_dialled_again() -> None:
    server = HandWritten()
    async with Retell(server.dial, profile=Profile(redials_unexpected=True)) as call:
        await call.agent_finished()
        server.socket.close(1001)
        await call.silent(2)
    assert server.dialled == 2


async def test_speech_goes_on_while_the_connection_is_lost_and_ids_go_on_after_it() -> None:
    server = HandWritten({"When?": LONG})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("When?")
        await call.after_speech_began(1)
        call.drop()
        before = len(server.came)
        assert (await call.agent_finished()).heard == LONG
        assert server.came[before].last.startswith("We open at")
        await call.says("Thanks.")
        await call.agent_finished()
    assert [frame.response_id for frame in server.asked()] == [1, 2]
    assert len(server.asked("call_details")) == 2
    assert len(call.journal.of("configured")) == 2


async def test_a_question_asked_while_there_was_no_connection_is_asked_on_the_next() -> None:
    server = HandWritten()
    async with Retell(server.dial, profile=Profile(redial_pause=5, after_redial="waits")) as call:
        await call.agent_finished()
        call.drop()
        await call.says("When?")
        assert (await call.agent_finished()).heard == "Yes."
    assert [frame.response_id for frame in server.asked()] == [1]


@pytest.mark.parametrize(("after", "ids"), [("repeats", [1, 1]), ("asks anew", [1, 2]), ("waits", [1])])
async def test_an_open_question_is_asked_again_as_the_profile_has_it(after: str, ids: list[int]) -> None:
    server = HandWritten({"When?": [says(1, "One moment. ", complete=False)]})
    profile = Profile(after_redial=after)  # type: ignore[arg-type]
    async with Retell(server.dial, profile=profile) as call:
        await call.agent_finished()
        await call.says("When?")
        await call.silent(3)
        call.drop()
        await call.silent(3)
    assert [frame.response_id for frame in server.asked()] == ids


async def test_a_question_is_not_asked_again_while_the_caller_has_gone_on() -> None:
    server = HandWritten({"When?": [says(1, "One moment. ", complete=False)]})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("When?")
        await call.silent(3)
        call.drop()
        await call.says("Or rather, tell me where you are and how I can find you.")
        assert (await call.agent_finished()).heard == "Yes."
    assert [frame.response_id for frame in server.asked()] == [1, 2]


async def test_a_connection_that_did_not_ask_for_pings_has_none() -> None:
    server = HandWritten()
    async with Retell(server.dial) as call:
        await call.silent(3)
        server.config = {}
        call.drop()
        await call.silent(1)
        pinged = len(server.asked("ping_pong"))
        await call.silent(20)
    assert call.journal.of("keepalive_lost") == []
    assert len(server.asked("ping_pong")) == pinged


async def test_what_a_new_connection_remembers_is_in_the_profile() -> None:
    server = HandWritten()
    profile = Profile(keeps_config=True, details_again=False, begins_again=True, ids_go_on=False)
    async with Retell(server.dial, profile=profile) as call:
        await call.agent_finished()
        await call.says("When?")
        await call.agent_finished()
        server.config, server.greeting = {}, None
        call.drop()
        await call.silent(4)
        assert [turn.kind for turn in call.journal.turns] == ["begin", "response", "begin"]
        server.sends(says(0, "Hello again."))
        assert (await call.agent_finished()).heard == "Hello again."
        await call.says("When?")
        await call.agent_finished()
    assert [frame.response_id for frame in server.asked()] == [1, 1]
    assert len(server.asked("call_details")) == 1
    assert server.came[-1].interaction_type == "ping_pong" or len(server.asked("ping_pong")) > 1


async def test_an_empty_begin_message_after_a_redial_does_no_harm() -> None:
    server = HandWritten()
    async with Retell(server.dial) as call:
        await call.agent_finished()
        call.drop()
        await call.silent(2)
        server.sends(says(0, ""))
        await call.silent(1)
    assert call.journal.of("dropped") == []
    assert [entry.text for entry in call.journal.of("overtaken")] == ["an empty begin message once more"]


async def test_a_second_connection_takes_over_before_the_first_dies() -> None:
    server = HandWritten()
    async with Retell(server.dial) as call:
        await call.agent_finished()
        first = server.socket
        await call.second_socket()
        assert first.close_code is None
        first.write([b"Hello"])
        await call.says("When?")
        assert (await call.agent_finished()).heard == "Yes."
    assert first.close_code == 1006
    assert call.journal.of("dropped") == []
    assert server.dialled == 2


async def test_frames_can_be_sent_twice_and_in_the_wrong_order() -> None:
    server = HandWritten(config={})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.silent(0.1)
        before = len(server.came)
        call.duplicate(1)
        await call.says("One.")
        await call.silent(0.1)
        assert len(server.came) == len(call.journal.of("sent")) + 1
        assert server.came[before] == server.came[before + 1]
        await call.agent_finished()
        await call.silent(0.1)
        call.reorder(2)
        before = len(server.came)
        await call.says("One two three.")
    assert [frame.turntaking for frame in server.came[before : before + 2]] == ["", "user_turn"]


async def test_a_frame_that_waits_for_a_neighbour_is_sent_alone_in_the_end() -> None:
    server = HandWritten(config={})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("One.")
        call.reorder(2)
        await call.silent(0.6)
        assert server.asked() == []
        await call.silent(1.0)
        assert [frame.response_id for frame in server.asked()] == [1]


async def test_a_platform_that_reads_slowly_hears_later() -> None:
    server = HandWritten()
    async with Retell(server.dial) as call:
        await call.agent_finished()
        call.read_slowly(4)
        begun = call.recorder.now
        await call.says("One.")
        turn = await call.agent_finished()
    assert turn.chunks[0][0] == pytest.approx(begun + 4)


async def test_what_is_read_late_is_not_held_against_a_server_that_sent_it_in_time() -> None:
    server = HandWritten({"One.": [says(1, "Let me", complete=False)]}, config={})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("One.")
        await call.chunk(1)
        call.read_slowly(4)
        server.sends(says(1, "see."))
        await call.says("Two.")
        await call.agent_finished()
    assert call.journal.of("dropped") == []
    assert [entry.text for entry in call.journal.of("overtaken")] == ["turn 1 had been replaced for 3.167 s"]


async def test_a_second_connection_waits_for_the_first() -> None:
    server = HandWritten()
    async with Retell(server.dial, profile=Profile(begins_again=True)) as call:
        await call.second_socket()
        await call.silent(1)
    assert [entry.what for entry in call.journal.of("dialled", "redialled")] == ["dialled", "redialled"]
    assert [turn.is_closed for turn in call.journal.turns] == [True, True]


async def test_a_call_that_ends_while_its_caller_speaks_is_over() -> None:
    server = HandWritten()
    async with Retell(server.dial, profile=Profile(max_duration=2.0, caller_rate=60.0)) as call:
        await call.silent(1)
        with pytest.raises(CallOver):
            await call.says("Yes.")
    assert call.journal.reason == "max_duration_reached"


@pytest.mark.parametrize("asked_while_lost", [True, False])
async def test_where_ids_begin_again_the_open_request_is_the_first(asked_while_lost: bool) -> None:
    server = HandWritten({"Two.": []})
    async with Retell(server.dial, profile=Profile(ids_go_on=False)) as call:
        await call.agent_finished()
        await call.says("One.")
        await call.agent_finished()
        await call.says("Two.")
        if asked_while_lost:
            call.drop()
            await call.silent(2)
        else:
            await call.silent(1)
            call.drop()
            await call.silent(1)
        server.sends(says(1, "I said nothing."))
        assert (await call.agent_finished()).heard == "I said nothing."
        await call.says("One.")
        assert (await call.agent_finished()).heard == "Yes."
    assert [frame.response_id for frame in server.asked()][-2:] == [1, 2]


async def test_a_caller_who_hangs_up_while_nobody_is_reached_leaves_nothing_behind() -> None:
    server = HandWritten(hanging=9)
    async with Retell(server.dial) as call:
        await call.silent(3)
        await call.hangs_up()
    assert (call.journal.reason, server.dialled) == ("user_hangup", 1)


async def test_a_call_played_twice_sends_the_same_frames() -> None:
    frames = []
    for _ in range(2):
        server = HandWritten(config=CONFIG)
        async with Retell(server.dial, call_id="c1") as call:
            await call.agent_finished()
            await call.says("When?")
            await call.agent_finished()
        frames.append([entry.frame for entry in call.journal.of("sent")])
    assert frames[0] == frames[1]


async def test_a_server_that_answers_no_goodbye_is_left() -> None:
    class Clinging(MemoryWire):
        async def close(self, code: int = 1000) -> None:
            await asyncio.sleep(3600)

    wire = Clinging()

    async def dial(call_id: str) -> Wire:
        return wire

    async with Retell(dial) as call:
        await call.silent(1)
    assert wire.far.close_code == 1006
    assert call.recorder.now == pytest.approx(3.0)


async def test_what_goes_wrong_in_the_simulator_itself_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    server = HandWritten()

    def breaks(data: bytes) -> None:
        raise ZeroDivisionError

    call = Retell(server.dial)
    monkeypatch.setattr(call._line, "_came", breaks)
    with pytest.raises(ZeroDivisionError):
        await call.run(lambda played: played.silent(60))
    assert call.journal.reason == "error_unknown"


async def test_no_two_calls_have_one_id() -> None:
    server = HandWritten()
    assert Retell(server.dial).call_id != Retell(server.dial).call_id
