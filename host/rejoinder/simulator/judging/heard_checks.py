"""What the agent said about a step, and when, beside what was expected of it."""

from collections.abc import Iterator, Sequence

from rejoinder.simulator.journal import AskedTurn, Journal
from rejoinder.simulator.judging.findings import Answer, Finding
from rejoinder.simulator.scenarios.expectation import ActionExpectation, Expected, TextExpectation, TimeExpectation

_ACTIONS = {"hang_up": "hang up", "transfer": "transfer the call", "digits": "press keys", "": "do nothing but speak"}


def heard(turns: Sequence[AskedTurn]) -> str:
    """All that the caller heard in these turns."""
    return " ".join(turn.heard.strip() for turn in turns if turn.heard.strip())


def judge_answer(journal: Journal, answer: Answer) -> Iterator[Finding]:
    """What is wrong with what the agent did about one step."""
    turns, expected = answer.of(journal), answer.step.expected
    yield from judge_heard(journal, turns, expected, answer.at)
    if expected.first_sentence and not any(turn.first_sentence_at is not None for turn in turns):
        what = "the agent said nothing" if turns else "the platform had nothing to ask"
        yield Finding("first_sentence", what, answer.at, place=expected.first_sentence.place)


def judge_heard(journal: Journal, turns: Sequence[AskedTurn], expected: Expected, at: float = 0.0) -> Iterator[Finding]:
    """What is wrong with these turns of the agent. `at` is where to show what is missing if there are none."""
    text, place = heard(turns), journal.place(turns[-1]) if turns else None
    shown = max([at, *(turn.spoken_to for turn in turns if turn.spoken_to is not None)])
    for rule in expected.texts:
        if fault := _fault_of(rule, text, turns):
            yield Finding(rule.rule, fault, shown, place, rule.place)
    if expected.action and (fault := _fault_of_action(expected.action, turns)):
        yield Finding("action", fault, shown, place, expected.action.place)
    if expected.first_sentence:
        yield from _late_sentences(journal, turns, expected.first_sentence)


# Words.


def _fault_of(rule: TextExpectation, text: str, turns: Sequence[AskedTurn]) -> str:
    if rule.rule == "absent":
        return f"never to be heard: {rule.text!r}, in {text!r}" if _plain(rule.text) in _plain(text) else ""
    if _fits(rule, text):
        return ""
    wanted = {"is": "", "contains": "something with ", "matches": "something that matches "}[rule.rule]
    return f"expected to hear {wanted}{rule.text!r}, heard {_shown(text)}{_unheard(turns)}"


def _fits(rule: TextExpectation, text: str) -> bool:
    if rule.rule == "matches":
        import re2  # type: ignore[import-untyped]

        return re2.search(rule.text, text) is not None
    wanted, found = _plain(rule.text), _plain(text)
    return wanted == found if rule.rule == "is" else wanted in found


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _shown(text: str) -> str:
    return repr(text) if text else "nothing"


def _unheard(turns: Sequence[AskedTurn]) -> str:
    """What the newest of the turns held beyond what was heard."""
    last = turns[-1] if turns else None
    cut = last.said.strip() if last and (last.cut or not last.heard.strip()) else ""
    return f" (it meant to say {cut!r})" if cut else ""


# Actions.


def _fault_of_action(expected: ActionExpectation, turns: Sequence[AskedTurn]) -> str:
    told = [turn for turn in turns if turn.action]
    wanted = f"expected the agent to {_ACTIONS[expected.action]}{_with(expected.target)}"
    if not expected.action:
        return f"{wanted}, but it wants to {_told(told[0])}" if told else ""
    fitting = [turn for turn in told if turn.action == expected.action and expected.target in ("", turn.target)]
    if any(turn.done_at is not None for turn in fitting):
        return ""
    if fitting:
        return f"{wanted}; it was told to, and the call was over first"
    if why := next((turn.discarded for turn in turns if turn.discarded.startswith(f"{expected.action}:")), ""):
        return f"{wanted}; it was told to, and the platform threw it away ({why})"
    return f"{wanted}; it wants to {_told(told[0])}" if told else f"{wanted}; it does nothing of the kind"


def _told(turn: AskedTurn) -> str:
    return f"{_ACTIONS[turn.action]}{_with(turn.target)}"


def _with(target: str) -> str:
    return f" ({target})" if target else ""


# Time.


def _late_sentences(journal: Journal, turns: Sequence[AskedTurn], limit: TimeExpectation) -> Iterator[Finding]:
    for turn in turns:
        waited, came = waiting_for_a_sentence(journal, turn)
        if waited > limit.seconds:
            what = f"came {waited:.2f} s after the request" if came else f"had not come {waited:.2f} s after the request"
            at = turn.asked_at + limit.seconds
            told = f"the first sentence {what}, expected within {limit.seconds:g} s"
            yield Finding("first_sentence", told, at, journal.place(turn), limit.place)


def waiting_for_a_sentence(journal: Journal, turn: AskedTurn) -> tuple[float, bool]:
    """How long the caller waited for the first sentence of a turn, and whether it came. What the agent says out of turn and the
    choice to say nothing let nobody wait."""
    if turn.first_sentence_at is not None:
        return turn.first_sentence_at - turn.asked_at, True
    if turn.kind == "interrupt":
        return 0.0, False
    ends = [at for at in (turn.completed_at, turn.superseded_at, journal.ended_at) if at is not None]
    last = journal.entries[-1].at if journal.entries else turn.asked_at
    return min(ends, default=last) - turn.asked_at, False
