"""What the simulated platform loses of a server's frames, and what it says of it: the real one says nothing."""

import json
from typing import Any

import pytest

from handwritten import HandWritten, cuts_in, says
from rejoinder.simulator.judging.clean_protocol import broken_rules
from rejoinder.simulator.platform import retell
from rejoinder.simulator.platform.call import CallOver
from rejoinder.simulator.platform.frames import decoded
from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.platform.retell import Retell
from rejoinder.testing.wire import BinaryFrame, MemoryWire, Wire


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (says(1, "x"), ""),
        (says(1, "x") | {"response_id": "1"}, "response_id is not an integer"),
        (says(1, "x") | {"content": None}, "content is not a string"),
        (says(1, "x") | {"content_complete": "true"}, "content_complete is not a boolean"),
        (cuts_in(1, "x") | {"interrupt_id": 1.0}, "interrupt_id is not an integer"),
        ({"response_id": 0, "content": "x", "content_complete": True}, ""),
        ({"type": "pong"}, "it has no response_type, so it was taken for a response, and response_id is not an integer"),
        ({"response_type": "session.update"}, "response_type 'session.update' is unknown"),
        ({"response_type": 7}, "response_type 7 is unknown"),
        ({"response_type": "config"}, "config is not an object"),
        ({"response_type": "config", "config": {"auto_reconnect": "yes"}}, "config.auto_reconnect is not a boolean"),
        ({"response_type": "config", "config": {"openai_key": "x"}}, ""),
        ({"response_type": "ping_pong", "timestamp": "1"}, "timestamp is not an integer"),
        ({"response_type": "metadata", "metadata": []}, "metadata is not an object"),
        (
            {"response_type": "update_agent", "agent_config": {"responsiveness": 2}},
            "agent_config.responsiveness is out of its range",
        ),
        (
            {"response_type": "update_agent", "agent_config": {"reminder_max_count": True}},
            "agent_config.reminder_max_count is out of its range",
        ),
        ({"response_type": "update_agent"}, "agent_config is not an object"),
        (
            {"response_type": "tool_call_invocation", "tool_call_id": "1", "name": "n", "arguments": {}},
            "arguments is not a string",
        ),
        (
            {"response_type": "tool_call_invocation", "tool_call_id": "1", "name": "n", "arguments": "[]"},
            "arguments is not the JSON text of an object",
        ),
        ({"response_type": "tool_call_result", "tool_call_id": "1", "content": 5}, "content is not a string"),
        (
            {"response_type": "tool_call_result", "tool_call_id": "1", "content": "", "successful": "yes"},
            "successful is not a boolean",
        ),
    ],
)
def test_types_are_checked(frame: dict[str, Any], fault: str) -> None:
    assert decoded(json.dumps(frame).encode()) == (frame, fault)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"Hello", "it is not JSON: 'Hello'"),
        (rb'{"a": "\ud83d"}', 'it holds half of a character (a lone surrogate): \'{"a": "\\\\ud83d"}\''),
        (rb"Hello \ud83d", "it is not JSON: 'Hello \\\\ud83d'"),
        (b"\xff", "it is not JSON: '\ufffd'"),
        (b"[" * 100_000, f"it is not JSON: {'[' * 80!r}"),
        (b"[1]", "it is not an object: '[1]'"),
    ],
)
def test_what_is_no_object_is_lost(data: bytes, fault: str) -> None:
    assert decoded(data) == ({}, fault)


@pytest.mark.virtual_time
async def test_a_frame_that_is_lost_changes_nothing_and_the_call_goes_on() -> None:
    server = HandWritten()
    async with Retell(server.dial) as call:
        await call.agent_finished()
        server.sends(b"Hello", says(0, "Again."), says(9, "What?"))
        await call.says("When?")
        assert (await call.agent_finished()).heard == "Yes."
    dropped = [entry.text for entry in call.journal.of("dropped")]
    assert dropped == ["it is not JSON: 'Hello'", "turn 0 was complete", "no turn 9 was asked for"]


@pytest.mark.virtual_time
async def test_an_answer_to_an_older_question_is_lost_and_is_a_fault_once_there_was_time_to_notice() -> None:
    server = HandWritten({"One.": [says(1, "First. ", complete=False)], "Two.": [says(2, "Second. ", complete=False)]})
    async with Retell(server.dial) as call:
        await call.agent_finished()
        await call.says("One.")
        await call.silent(2)
        await call.says("Two.")
        await call.silent(0.5)
        server.sends(says(1, "late"))
        await call.silent(3)
        server.sends(says(1, "much too late"))
        await call.silent(1)
    assert [entry.frame["content"] for entry in call.journal.of("overtaken") if entry.frame] == ["late"]
    assert [entry.frame["content"] for entry in call.journal.of("dropped") if entry.frame] == ["much too late"]
    assert call.journal.turns[2].said == "Second. "


@pytest.mark.virtual_time
async def test_a_binary_frame_ends_the_call() -> None:
    class Binary(MemoryWire):
        async def receive(self) -> bytes | None:
            raise BinaryFrame("a binary frame of 3 bytes came")

    wires: list[Binary] = []

    async def dial(call_id: str) -> Wire:
        wires.append(Binary())
        return wires[-1]

    async with Retell(dial) as call:
        with pytest.raises(CallOver, match="error_llm_websocket_corrupt_payload"):
            await call.silent(5)
    assert wires[0].far.close_code == 1007


@pytest.mark.virtual_time
async def test_a_late_config_acts_from_then_on() -> None:
    server = HandWritten(config={})
    async with Retell(server.dial) as call:
        await call.silent(5)
        server.sends({"response_type": "config", "config": {"auto_reconnect": True, "call_details": True}})
        await call.silent(5)
    assert [entry.text for entry in call.journal.of("configured")] == ["late: auto_reconnect, call_details"]
    assert [frame.timestamp % 100_000 for frame in server.asked("ping_pong")] == [7000, 9000]
    assert len(server.asked("call_details")) == 1


@pytest.mark.virtual_time
async def test_a_config_sent_over_and_over_puts_no_ping_off() -> None:
    server = HandWritten()
    async with Retell(server.dial) as call:
        for _ in range(5):
            await call.silent(1)
            server.sends({"response_type": "config", "config": {"auto_reconnect": True}})
    assert len(server.asked("ping_pong")) == 2


@pytest.mark.virtual_time
@pytest.mark.parametrize(("after", "at"), [(0.0, 0.0), (3.0, 3.0), (None, None)])
async def test_details_come_if_asked_for_at_once_late_or_never(after: float | None, at: float | None) -> None:
    server = HandWritten()
    async with Retell(
        server.dial, call_id="c1", details={"call_type": "web_call"}, profile=Profile(details_after=after)
    ) as call:
        await call.silent(5)
    given = [entry for entry in call.journal.of("sent") if entry.frame and entry.frame["interaction_type"] == "call_details"]
    assert [entry.at for entry in given] == ([] if at is None else [at])
    assert all(
        entry.frame == {"interaction_type": "call_details", "call": {"call_id": "c1", "call_type": "web_call"}}
        for entry in given
    )


@pytest.mark.virtual_time
async def test_details_that_nobody_asked_for_never_come() -> None:
    server = HandWritten(config={"auto_reconnect": True})
    async with Retell(server.dial) as call:
        await call.silent(5)
    assert server.asked("call_details") == []


@pytest.mark.virtual_time
async def test_a_journal_without_frames_still_tells_what_happened() -> None:
    server = HandWritten()
    async with Retell(server.dial, frames=False) as call:
        await call.agent_finished()
        server.sends(says(0, "Again."))
        await call.says("When?")
        await call.agent_finished()
    assert call.journal.of("sent", "received", "agent_says", "caller_says") == []
    assert [entry.text for entry in call.journal.of("caller_stops", "agent_stops")] == ["Hello.", "When?", "Yes."]
    assert [entry.frame for entry in call.journal.of("dropped")] == [None]
    assert len(call.journal.turns) == 2


@pytest.mark.virtual_time
@pytest.mark.parametrize("keeps_frames", [True, False])
async def test_of_an_answer_without_end_a_part_is_kept_and_told_once_and_its_end_still_counts(
    monkeypatch: pytest.MonkeyPatch, *, keeps_frames: bool
) -> None:
    monkeypatch.setattr(retell, "LONGEST_TURN", 100)
    server = HandWritten({"When?": [says(1, "Soon. " * 10, complete=False)] * 50})
    async with Retell(server.dial, frames=keeps_frames) as call:
        await call.agent_finished()
        await call.says("When?")
        await call.recorder.until(lambda: bool(call.journal.of("dropped")))
        await call.says("Stop.")
        server.sends(*[says(1, "Soon. " * 10, complete=False)] * 50)
        await call.agent_finished()
    assert call.journal.turns[1].said == "Soon. " * 20
    endless = [entry.text for entry in call.journal.of("dropped") if "goes on" in entry.text]
    assert endless == ["turn 1 goes on after 100 characters, and the rest is not kept"]
    assert len(call.journal.of("received")) < 20
    assert [one.fault for one in broken_rules(call.journal)] == ["endless_answer"]
    assert call.journal.turns[2].said == "Yes."
