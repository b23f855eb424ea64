"""One call as lines: what is held back, for how long, and what is then written."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rejoinder.events import Details
from rejoinder.recording import tape as tapes
from rejoinder.recording.redaction import Redaction
from rejoinder.recording.tape import Head, Tape

OPTS_OUT = Details(kind="phone", number="+442079460123", raw={"call": {"opt_out_sensitive_data_storage": True}})
HEAD = Head("/echo", "parrot", "retell", "call-1", datetime(2026, 11, 22, tzinfo=UTC), 3600.0)


def make(*, with_words: bool = True) -> Tape:
    return Tape(HEAD, Redaction(), lambda text: f"mark of {len(text)}", with_words=with_words)


def frame(*said: str) -> bytes:
    return json.dumps({"transcript": [{"role": "user", "content": one} for one in said]}).encode()


def chunk(text: str) -> bytes:
    return json.dumps({"content": text}).encode()


def event(text: str) -> bytes:
    return b'data: {"choices":[{"delta":{"content":%b}}]}\n\n' % json.dumps(text).encode()


def ready(tape: Tape) -> list[dict[str, Any]]:
    return [json.loads(line) for line in tape.ready()]


def whats(tape: Tape) -> list[str]:
    return [line["what"] for line in ready(tape)]


def test_nothing_with_words_is_ready_before_the_platform_has_told_of_the_call() -> None:
    tape = make()
    tape.received(0.0, frame("I am Ann"))
    assert tape.ready() == []
    tape.told(0.1, Details())
    assert whats(tape) == ["received", "details"]
    assert json.loads(tape.first)["words"] == "kept"


def test_without_words_nothing_is_held_back() -> None:
    tape = make(with_words=False)
    tape.received(0.0, frame("I am Ann"))
    assert whats(tape) == ["received"]
    assert json.loads(tape.first)["words"] == "off"


def test_a_call_that_opts_out_leaves_nothing_that_leads_to_the_caller() -> None:
    tape = make()
    tape.received(0.0, frame("I am Ann"))
    tape.told(0.1, OPTS_OUT)
    tape.received(0.2, frame("I am Ann", "of London"))
    lines = ready(tape)
    assert lines[1] == {"at": 0.1, "what": "details"}
    assert "Ann" not in json.dumps(lines)
    assert not tape.must_rewrite
    assert json.loads(tape.first)["words"] == "opted out"


def test_a_call_that_has_opted_out_stays_so_whatever_is_told_of_it_later() -> None:
    tape = make()
    tape.told(0.0, OPTS_OUT)
    tape.told(0.1, Details(kind="phone", number="+442079460123"))
    assert [line.keys() for line in ready(tape)] == [{"at", "what"}, {"at", "what"}]


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+442079460123", "+**********23"),
        ("sip:ann@example.com", "sip:***@example.com"),
        ("1234", "**34"),
        ("anonymous", "anonymous"),
    ],
)
def test_who_calls_is_hidden_however_a_platform_names_him(number: str, shown: str) -> None:
    tape = make(with_words=False)
    tape.told(0.0, Details(number=number))
    (line,) = ready(tape)
    assert (line["number"], line["number_mark"]) == (shown, f"mark of {len(number)}")


def test_what_was_given_before_is_called_back_with_what_leans_on_it() -> None:
    tape = make()
    tape.told(0.0, Details())
    tape.received(0.1, frame("I am Ann"))
    given = tape.ready()
    tape.received(0.2, frame("I am Ann", "of London"))
    tape.told(0.3, OPTS_OUT)
    tape.received(0.4, frame("I am Ann", "of London", "yes"))
    assert tape.must_rewrite
    lines = [json.loads(line) for line in (*tape.rewritten(given), *tape.ready())]
    assert [line["what"] for line in lines] == ["details", "received", "received", "details", "received"]
    assert not any(word in json.dumps(lines) for word in ("Ann", "London", "yes"))
    assert not tape.must_rewrite


def test_a_call_is_not_kept_word_by_word_when_nobody_could_read_whether_it_may_be() -> None:
    tape = make()
    tape.received(0.0, b'{"interaction_type": "call_details", "timestamp": "now", "call": {"data_storage_setting": "basic"}}')
    tape.received(0.1, frame("I am Ann"))
    tape.ended(0.2, {})
    lines = ready(tape)
    assert "Ann" not in json.dumps(lines)
    assert [line["what"] for line in lines] == ["received", "received", "ended"]
    assert json.loads(tape.first)["words"] == "not told"


def test_a_long_call_of_which_nothing_is_told_loses_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tapes, "MOST_HELD", 500)
    tape = make()
    for number in range(20):
        tape.received(float(number), frame(f"I am Ann {number}"))
    assert "Ann" not in json.dumps(ready(tape))
    assert json.loads(tape.first)["words"] == "not told"


def test_a_turn_in_which_too_much_waits_loses_its_words_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tapes, "MOST_HELD", 500)
    tape = make()
    tape.noted(0.0, "turn started", {"turn": 1})
    for number in range(20):
        tape.received(float(number), frame(f"I am Ann {number}"))
    tape.sent(20.0, [chunk("Hello Ann")])
    tape.noted(21.0, "turn ended", {"turn": 1})
    lines = ready(tape)
    assert "Ann" not in json.dumps(lines)
    assert len(lines) == 23


def test_an_opt_out_takes_back_what_was_told_of_a_call_without_words() -> None:
    tape = make(with_words=False)
    tape.told(0.0, Details(kind="phone", number="+442079460123"))
    tape.received(0.1, frame("I am Ann"))
    given = tape.ready()
    assert b"number_mark" in given[0]
    tape.told(0.2, OPTS_OUT)
    assert tape.must_rewrite
    lines = [json.loads(line) for line in (*tape.rewritten(given), *tape.ready())]
    assert [line["what"] for line in lines] == ["details", "received", "details"]
    assert lines[0] == {"at": 0.0, "what": "details"}
    assert lines[1]["frame"]["transcript"][0]["content"] == len("I am Ann")


@pytest.mark.parametrize(("put", "words"), [(chunk, "content"), (event, "delta")])
def test_a_number_in_pieces_is_hidden_in_each(put: Any, words: str) -> None:
    tape = make(with_words=True)
    tape.told(0.0, Details())
    tape.noted(0.0, "turn started", {"turn": 1})
    for at, piece in enumerate(("Call 0", "20 79", "46 01", "23.")):
        tape.sent(float(at), [put(piece)])
    assert whats(tape) == ["details"], "what is said in a turn waits for its end"
    tape.noted(4.0, "turn ended", {"turn": 1})
    sent = [line for line in ready(tape) if line["what"] == "sent"]
    said = [
        line["frame"]["content"] if words == "content" else line["events"][0]["choices"][0]["delta"]["content"] for line in sent
    ]
    assert said == ["Call *", "** **", "** **", "23."]


def test_a_number_is_hidden_around_what_a_tool_gave_meanwhile() -> None:
    tape = make()
    tape.told(0.0, Details())
    tape.noted(0.0, "turn started", {"turn": 1})
    tape.sent(0.1, [chunk("Call 020 79"), b'{"tool_call_id": "t1", "content": "two rows"}', chunk("46 0123.")])
    tape.noted(0.2, "turn ended", {"turn": 1})
    assert "0123" not in json.dumps(ready(tape))


def test_a_turn_without_an_end_holds_so_many_lines_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tapes, "MOST_IN_A_TURN", 10)
    tape = make(with_words=False)
    tape.noted(0.0, "turn started", {"turn": 1})
    for _ in range(25):
        tape.received(0.0, frame("x"))
    assert len(ready(tape)) == 20


def test_what_could_not_be_written_is_counted_once_however_often_it_fails() -> None:
    tape = make(with_words=False)
    tape.received(0.0, frame("a"))
    assert tape.take_back(tape.ready()) == 1
    tape.received(0.1, frame("a", "b"))
    assert tape.take_back(tape.ready()) == 1
    tape.received(0.2, frame("a", "b", "c"))
    gap, whole = ready(tape)
    assert (gap["what"], gap["entries"]) == ("lost", 2)
    assert "grown" not in whole


def test_what_waits_for_its_turn_to_end_does_not_lean_on_what_could_not_be_written() -> None:
    tape = make(with_words=False)
    tape.received(0.0, frame("a"))
    tape.noted(0.1, "turn started", {"turn": 1})
    tape.received(0.2, frame("a", "b"))
    tape.sent(0.3, [chunk("Hello")])
    assert tape.take_back(tape.ready()) == 2
    tape.received(0.4, frame("a", "b", "c"))
    tape.noted(0.5, "turn ended", {"turn": 1})
    lines = ready(tape)
    assert [line["what"] for line in lines] == ["lost", "turn started", "sent", "received", "turn ended"]
    assert lines[0]["entries"] == 2
    assert "grown" not in lines[3]


def test_a_number_of_which_the_end_is_lost_is_hidden_too() -> None:
    tape = make()
    tape.told(0.0, Details())
    tape.noted(0.0, "turn started", {"turn": 1})
    tape.sent(0.1, [chunk("Call 0"), chunk("20 79")])
    tape.lose(1)
    sent = [line["frame"]["content"] for line in ready(tape) if line["what"] == "sent"]
    assert sent == ["Call *", "** **"]


def test_data_that_is_nested_too_deeply_costs_its_turn_nothing_else() -> None:
    tape = make()
    tape.told(0.0, Details())
    tape.noted(0.0, "turn started", {"turn": 1})
    tape.sent(0.1, [chunk("Hello")])
    tape.sent(0.2, [b'{"metadata": %b}' % (b"[" * 600 + b"]" * 600)])
    tape.noted(0.3, "turn ended", {"turn": 1})
    assert whats(tape) == ["details", "turn started", "sent", "sent", "turn ended"]


def test_an_end_brings_out_everything() -> None:
    tape = make()
    tape.noted(0.0, "turn started", {"turn": 1})
    tape.sent(0.1, [chunk("Hello")])
    tape.ended(0.2, {"ended_by": "platform"})
    assert whats(tape) == ["turn started", "sent", "ended"]
    assert tape.is_over


def test_an_id_that_is_a_number_is_hidden_too() -> None:
    head = Head("/echo", "parrot", "chat", "+442079460123", datetime(2026, 11, 22, tzinfo=UTC), 3600.0)
    first = json.loads(Tape(head, Redaction(), lambda _: "mark", with_words=False).first)
    assert (first["call"], first["call_mark"]) == ("+**********23", "mark")


def test_of_an_endless_id_a_part_is_written() -> None:
    """A file whose first line does not fit in what is read of it would be no recording: not listed, and never deleted."""
    head = Head("/echo", "parrot", "chat", "\x01" * 100_000, datetime(2026, 11, 22, tzinfo=UTC), 3600.0)
    first = Tape(head, Redaction(), lambda text: f"mark of {len(text)}", with_words=False).first
    assert len(first) < 2000
    assert json.loads(first)["call_mark"] == "mark of 100000"
