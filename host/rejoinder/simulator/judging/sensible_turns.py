"""Turns sensible: what the platform allows, and no caller forgives."""

from collections.abc import Iterator

from rejoinder.simulator.journal import AskedTurn, Journal
from rejoinder.simulator.judging.findings import FaultName, Finding

#: Words that a turn begins with once more before it counts as begun anew: short answers begin alike.
WORDS = 3


def senseless_turns(journal: Journal) -> Iterator[Finding]:
    """What is wrong with the turns of a call, in order."""
    for turn in journal.turns:
        if turn.kind == "reminder" and (answer := _answer_before(journal, turn)) is not None:
            what = f"the reminder repeats the answer to turn {answer.number}: {turn.said.strip()!r}"
            yield _found(journal, turn, "reminder_answers", what)
        if turn.action == "hang_up" and turn.done_at is not None and not turn.said.strip():
            yield _found(journal, turn, "silent_hang_up", "the agent hangs up without a word")
        if again := _said_again(journal, turn):
            yield _found(journal, turn, "starts_over", f"the answer begins anew after a redial: {again!r} was heard already")


def _found(journal: Journal, turn: AskedTurn, fault: FaultName, what: str) -> Finding:
    return Finding("turns_sensible", what, turn.asked_at, journal.place(turn), fault=fault)


def _answer_before(journal: Journal, reminder: AskedTurn) -> AskedTurn | None:
    """The newest answer, if the reminder says just that; None for an agent that answers everything alike."""
    answers = [turn for turn in journal.turns if turn.kind == "response" and turn.said.strip()]
    before = [turn for turn in answers if turn.asked_at < reminder.asked_at]
    repeats = before and before[-1].said.strip() == reminder.said.strip()
    return before[-1] if repeats and len({turn.said.strip() for turn in answers}) > 1 else None


def _said_again(journal: Journal, turn: AskedTurn) -> str:
    """What was said of a turn before the line was lost, if it is said once more behind."""
    for redial in journal.of("redialled"):
        before = "".join(text for at, text in turn.chunks if at < redial.at).strip()
        after = "".join(text for at, text in turn.chunks if at >= redial.at).strip()
        if len(before.split()) >= WORDS and after.startswith(before):
            return before
    return ""
