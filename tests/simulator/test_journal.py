"""What a simulated call leaves behind."""

import json

from rejoinder.dialogue import Utterance
from rejoinder.simulator.journal import AskedTurn, Entry, Journal, ToolSeen, spoken


def journal() -> Journal:
    asked = [{"role": "user", "content": str(number), "words": [{"word": "a"}]} for number in range(5)]
    entries = [
        Entry(0.0, "dialled"),
        Entry(1.0, "sent", turn=1, frame={"interaction_type": "response_required", "transcript": asked}),
        Entry(2.0, "agent_stops", "We open at", 1, cut=True),
        Entry(2.00049, "ended", "user_hangup"),
    ]
    turns = [AskedTurn(0, "begin", 0.0), AskedTurn(1, "response", 1.0), AskedTurn(7, "interrupt", 1.5)]
    return Journal("c1", entries=entries, turns=turns, transcript=[Utterance("user", "4")], reason="user_hangup")


def test_each_line_is_one_thing_that_happened() -> None:
    lines = [json.loads(line) for line in journal().to_lines()]
    assert [line["line"] for line in lines] == ["call", *["turn"] * 3, *["entry"] * 4]
    assert lines[0]["transcript"] == [{"role": "user", "content": "4"}]
    assert lines[-1] == {"line": "entry", "at": 2.0, "what": "ended", "text": "user_hangup"}
    assert lines[-2]["cut"] is True


def test_a_frame_is_written_with_the_end_of_its_transcript_only() -> None:
    lines = [json.loads(line) for line in journal().to_lines()]
    frame = lines[5]["frame"]
    assert frame["transcript"] == [{"role": "user", "content": "3"}, {"role": "user", "content": "4"}]
    assert frame["transcript_length"] == 5


def test_a_turn_is_closed_by_its_last_chunk_or_by_a_newer_turn() -> None:
    turn = AskedTurn(1, "response", 0.0, chunks=[(0.5, "We "), (0.6, "open.")])
    assert (turn.said, turn.is_closed) == ("We open.", False)
    assert AskedTurn(1, "response", 0.0, completed_at=1.0).is_closed
    assert AskedTurn(1, "response", 0.0, superseded_at=1.0).is_closed


def test_the_newest_turn_is_one_that_was_asked_for() -> None:
    told = journal()
    assert told.newest is told.turns[1]
    assert (told.place(told.turns[2]), told.place(None)) == (2, None)


def test_it_tells_what_was_heard_when_it_ended_and_which_tools_ran() -> None:
    told = journal()
    told.turns[1].tools.append(ToolSeen("t1", "book", "{}", 1.2))
    assert spoken(told.entries) == ["We open at"]
    assert [tool.name for tool in told.tools] == ["book"]
    assert told.ended_at == 2.00049
    assert [entry.what for entry in told.of("dialled", "ended")] == ["dialled", "ended"]
