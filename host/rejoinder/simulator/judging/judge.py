"""From a call that was played to the verdict on it. Pure: whoever has a journal can judge it, also one from elsewhere."""

from collections.abc import Iterator

from rejoinder.simulator.journal import Journal
from rejoinder.simulator.judging.call_checks import judge_answers, judge_end, judge_silence, judge_tool, judge_turns
from rejoinder.simulator.judging.clean_completions import bad_completions
from rejoinder.simulator.judging.clean_connection import bad_endings
from rejoinder.simulator.judging.clean_protocol import broken_rules
from rejoinder.simulator.judging.clean_speech import unclean_speech
from rejoinder.simulator.judging.findings import Finding, Outcome, Played, Verdict
from rejoinder.simulator.judging.heard_checks import judge_answer, judge_heard
from rejoinder.simulator.judging.sensible_turns import senseless_turns
from rejoinder.simulator.replay.comparison import compared, unlike
from rejoinder.simulator.scenarios.telling import told

#: How the journal tells that nobody was reached with a request for chat completions, and what may be done about it.
_NOT_REACHED = (("does not speak HTTP", "is it the port of something else?"), ("cannot be reached", "is the server running?"))
#: How it begins to tell of a refusal, behind which are the server's own words.
_REFUSED = (
    ("HTTP 30", "name the URL behind the redirect: a platform need not follow"),
    ("HTTP 401", "is --key the key that it asks for?"),
    ("HTTP 404", "is its route for chat completions, 'platforms: [retell, chat]', and is --key the route's secret?"),
)


def judge(played: Played, took: float = 0.0) -> Verdict:
    """The verdict on a call. `took` is how long it was played, in real seconds."""
    if why := _unplayable(played):
        findings = [Finding("played", why)]
        return Verdict(played.play, "broken", tuple(findings), played.journal, took)
    found = sorted(_findings(played), key=lambda finding: float("inf") if finding.at is None else finding.at)
    outcome: Outcome = "failed" if found else "passed"
    return Verdict(played.play, outcome, tuple(found), played.journal, took, compared(played))


def _unplayable(played: Played) -> str:
    """Why there was nobody to play with, "" if there was: then whatever went wrong went wrong in a call."""
    journal = played.journal
    if played.fault:
        return played.fault
    if is_understood(journal):
        return ""
    if journal.platform == "chat":
        return _unanswered(journal)
    refusals = [entry.text for entry in journal.of("refused")]
    if refusals:
        return f"nobody takes the call: {refusals[-1]} (tries: {len(refusals)})"
    dropped = [entry.text for entry in journal.of("dropped")]
    if dropped:
        return f"what answers does not speak the platform's protocol: {dropped[0]}"
    if journal.reason == "error_llm_websocket_corrupt_payload":
        return "what answers does not speak the platform's protocol: it sends binary frames, or no UTF-8"
    closed = [entry.text for entry in journal.of("closed", "lost")]
    return f"the call was taken, and {f'closed with {closed[0]}' if closed else 'then nothing ever came'}"


def _unanswered(journal: Journal) -> str:
    """Why no request for chat completions was answered, "" if nothing was asked."""
    if all(turn.kind == "begin" for turn in journal.turns):
        return ""
    first = next(iter(journal.of("lost", "dropped")), None)
    if first is None:
        return "no request is answered: nothing ever came"
    if first.what == "lost":
        remedies = [remedy for words, remedy in _NOT_REACHED if words in first.text]
    else:
        remedies = [remedy for words, remedy in _REFUSED if first.text.startswith(words)]
    remedy = f" ({remedies[0]})" if remedies else ""
    return f"no request is answered: {first.text}{remedy}"


def is_understood(journal: Journal) -> bool:
    """Whether anything came from the server that a platform can make sense of."""
    if journal.platform == "chat":  # where the first words are the platform's own
        return any(turn.kind != "begin" and (turn.chunks or turn.completed_at is not None) for turn in journal.turns)
    known = (entry for entry in journal.entries if entry.what in ("received", "configured", "completed", "tuned"))
    return any(not (entry.what == "received" and entry.text) for entry in known) or any(turn.chunks for turn in journal.turns)


def _findings(played: Played) -> Iterator[Finding]:
    journal, expected = played.journal, played.play.scenario.expected
    yield from played.missed if played.play.scenario.past is None else unlike(played)
    for answer in played.answers:
        yield from judge_answer(journal, answer)
    yield from judge_heard(journal, journal.turns, expected.heard)
    for tool in expected.tools:
        yield from judge_tool(journal, tool)
    if expected.silence:
        yield from judge_silence(journal, expected.silence)
    yield from _standing(played, journal)
    yield from _end(played)


def _standing(played: Played, journal: Journal) -> Iterator[Finding]:
    """What is checked whether a scenario says so or not."""
    expected = played.play.scenario.expected
    if expected.turns_closed:
        yield from judge_turns(journal)
    if expected.turns_answered:
        yield from judge_answers(journal, played.host_turns)
    if expected.turns_sensible:
        yield from senseless_turns(journal)
    if expected.protocol_clean:
        yield from bad_completions(journal) if journal.platform == "chat" else _lost_on_retell(journal)
    if expected.speech_clean:
        yield from unclean_speech(journal)


def _lost_on_retell(journal: Journal) -> Iterator[Finding]:
    yield from broken_rules(journal)
    yield from bad_endings(journal)


def _end(played: Played) -> Iterator[Finding]:
    journal = played.journal
    yield from judge_end(journal, played.play.scenario.expected.ends)
    if played.left:
        what = f"the call was over ({journal.reason or 'lost'}) before the caller {told(played.left[0])}"
        yield Finding("ends", what, journal.ended_at, place=played.left[0].place)
