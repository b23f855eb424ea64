"""One call as a story: who said what when, what the platform did, and where it went wrong."""

from collections.abc import Iterator
from dataclasses import dataclass

from rejoinder.simulator.journal import AskedTurn, Entry, Journal
from rejoinder.simulator.judging.findings import Finding, Verdict

#: Kinds of lines, for whoever colours or places them.
CALLER, AGENT, PLATFORM, WRONG = "caller", "agent", "platform", "wrong"

_WIDTH = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a story: at which second (None: of the call as a whole), by whom, and what."""

    at: float | None
    who: str
    text: str

    def __str__(self) -> str:
        at = "" if self.at is None else f"{self.at:.1f}"
        return f"{at:>8}  {self.who:<{_WIDTH}}  {self.text}"


def lines(verdict: Verdict) -> list[Line]:
    """The story of a verdict, what is wrong standing where it shows."""
    journal = verdict.journal
    story = [line for entry in journal.entries for line in _lines_of(entry, journal)]
    story += [*_unheard(journal), *_tools(journal)]
    wrong = [_wrong(finding) for finding in verdict.findings]
    whole = [line for line in wrong if line.at is None]
    placed = [line for line in wrong if line.at is not None]
    return [*sorted([*story, *placed], key=_order), *whole]


def _order(line: Line) -> tuple[float, bool, float]:
    """By time; what is wrong comes after all that is shown with the same time."""
    at = line.at or 0.0
    return round(at, 1), line.who == WRONG, at


def story(verdict: Verdict) -> str:
    """The same as one text."""
    return "\n".join(map(str, lines(verdict)))


def _wrong(finding: Finding) -> Line:
    where = f"  [{place_of(finding)}]" if finding.place.file else ""
    return Line(finding.at, WRONG, f"{finding.title}: {finding.what}{where}")


def place_of(finding: Finding) -> str:
    """Where the expectation was written, "" for what is always expected."""
    place = finding.place
    return f"{place.file}:{place.line}:{place.column}" if place.line else place.file


def _lines_of(entry: Entry, journal: Journal) -> Iterator[Line]:
    who, text = _told(entry, journal)
    if text:
        yield Line(entry.at, who, text)


def _told(entry: Entry, journal: Journal) -> tuple[str, str]:
    """By whom a line is, and what it says; "" for what is no part of a story."""
    match entry.what:
        case "caller_stops":
            return CALLER, entry.text
        case "caller_presses":
            return CALLER, f"presses {entry.text}"
        case "agent_stops":
            return AGENT, f"{entry.text} -- cut off" if entry.cut and entry.text else entry.text
        case "asked":
            return PLATFORM, _asked(journal, entry)
        case "hang_up":
            return AGENT, "hangs up"
        case "transfer":
            return AGENT, f"transfers the call to {entry.text}"
        case "digits":
            return AGENT, f"presses {entry.text}"
        case _:
            return PLATFORM, _happened(entry)


def _asked(journal: Journal, entry: Entry) -> str:
    turn = journal.turns[entry.turn] if entry.turn is not None and entry.turn < len(journal.turns) else None
    if turn is None or turn.kind == "begin":
        return ""
    return f"asks for {'a reminder' if turn.kind == 'reminder' else 'an answer'} (turn {turn.number})"


_EVENTS = {
    "dialled": "dials", "redialled": "dials again", "refused": "is refused", "lost": "has lost the connection",
    "closed": "the connection is closed", "keepalive_lost": "gets no answer to its pings",
    "fault": "(scenario)", "discarded": "throws away", "ended": "ends the call",
}  # fmt: skip


def _happened(entry: Entry) -> str:
    if entry.what not in _EVENTS or (entry.what == "discarded" and ":" not in entry.text and "type" not in entry.text):
        return ""  # that somebody was cut off is told where it was
    return f"{_EVENTS[entry.what]}: {entry.text}" if entry.text else _EVENTS[entry.what]


def _unheard(journal: Journal) -> Iterator[Line]:
    """Turns for which words came that nobody heard."""
    for turn in journal.turns:
        if turn.said.strip() and not turn.heard.strip():
            yield Line(_over(turn), AGENT, f"({turn.said.strip()!r}, unheard)")


def _tools(journal: Journal) -> Iterator[Line]:
    for tool in journal.tools:
        yield Line(tool.called_at, AGENT, f"runs {tool.name}({tool.arguments})")
        if tool.returned_at is not None:
            failed = " (failed)" if tool.successful is False else ""
            yield Line(tool.returned_at, AGENT, f"{tool.name} gave{failed}: {tool.result}")


def _over(turn: AskedTurn) -> float:
    ends = [at for at in (turn.superseded_at, turn.completed_at) if at is not None]
    return max([turn.chunks[-1][0], *ends[:1]])
