"""What a simulated call leaves behind."""

from rejoinder.simulator.journal import AskedTurn, Entry, Journal, ToolSeen


def journal() -> Journal:
    entries = [
        Entry(0.0, "dialled"),
        Entry(2.00049, "ended", "user_hangup"),
    ]
    turns = [AskedTurn(0, "begin", 0.0), AskedTurn(1, "response", 1.0), AskedTurn(7, "interrupt", 1.5)]
    return Journal("c1", entries=entries, turns=turns, reason="user_hangup")


def test_a_turn_is_closed_by_its_last_chunk_or_by_a_newer_turn() -> None:
    turn = AskedTurn(1, "response", 0.0, chunks=[(0.5, "We "), (0.6, "open.")])
    assert (turn.said, turn.is_closed) == ("We open.", False)
    assert AskedTurn(1, "response", 0.0, completed_at=1.0).is_closed
    assert AskedTurn(1, "response", 0.0, superseded_at=1.0).is_closed


def test_the_newest_turn_is_one_that_was_asked_for() -> None:
    told = journal()
    assert told.newest is told.turns[1]
    assert (told.place(told.turns[2]), told.place(None)) == (2, None)


def test_it_tells_when_it_ended_and_which_tools_ran() -> None:
    told = journal()
    told.turns[1].tools.append(ToolSeen("t1", "book", "{}", 1.2))
    assert [tool.name for tool in told.tools] == ["book"]
    assert told.ended_at == 2.00049
    assert [entry.what for entry in told.of("dialled", "ended")] == ["dialled", "ended"]
