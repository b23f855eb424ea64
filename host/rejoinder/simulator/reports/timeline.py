"""The timeline of one call, for the eye: who spoke when, how answers came, what happened, what is wrong."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from rejoinder.lines import BUILT_IN
from rejoinder.simulator.journal import AskedTurn, Entry, Journal
from rejoinder.simulator.judging.findings import Finding, Verdict
from rejoinder.simulator.reports.staff import GUTTER, WIDTH, Label, Row, clock, inert, labels, number, rows, titled

#: The top of each lane, and how high a bar is.
CALLER, AGENT, ANSWERS, EVENTS, BAR = 20.0, 46.0, 74.0, 98.0, 22.0

_EVENTS: Mapping[str, str] = {
    "dialled": "dials", "redialled": "dials again", "refused": "refused", "lost": "connection lost",
    "closed": "connection closed", "keepalive_lost": "no pong", "fault": "fault", "caller_presses": "keys",
    "hang_up": "hangs up", "transfer": "transfers", "digits": "presses", "dropped": "frame dropped", "ended": "ends",
}  # fmt: skip

#: What a host says when a deadline has passed, and what it is.
DEADLINE_LINES: Mapping[str, str] = {
    text: what
    for own in BUILT_IN.values()
    for what, texts in (("filler", own.filler), ("apology", (own.apology, own.regret)))
    for text in texts
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of somebody's voice."""

    begin: float
    end: float
    text: str
    kind: str
    title: str


def timeline(verdict: Verdict, own: Mapping[str, str] = DEADLINE_LINES) -> str:
    """The rows of a call, each an SVG of its own. A call of which nothing is known has none. `own` is what the host says when a
    deadline has passed: the text, and what it is."""
    journal, over = verdict.journal, verdict.lasted
    if not journal.entries:
        return ""
    bars = [*_caller_bars(journal, over), *_agent_bars(journal, over)]
    paper = rows(over)
    last = paper[-1].end - 0.001  # what ends with its row stands in that row
    told = [*_happened(journal), *_deadlines(journal, own), *_tools(journal), *_wrong(verdict.findings)]
    found = [replace(one, at=min(max(one.at, 0.0), last)) for one in told]
    return "".join([_row(row, journal, bars, found, over) for row in paper])


def _row(row: Row, journal: Journal, bars: Sequence[Bar], found: Sequence[Label], over: float) -> str:
    events, height = labels(row, found, EVENTS)
    bottom = EVENTS + max(height, 13.0)
    lanes = "".join(
        [
            f'<text x="{number(GUTTER - 8)}" y="{number(top + 15)}">{name}</text>'
            for top, name in ((CALLER, "caller"), (AGENT, "agent"), (ANSWERS - 4, "answer"))
        ]
    )
    drawn = "".join([*_bars(row, bars), *(_answer(row, turn, over) for turn in journal.turns)])
    label = f"Timeline from {clock(row.begin)} to {clock(min(row.end, over))}; the transcript below tells the same"
    return (
        f'<svg viewBox="0 0 {number(WIDTH)} {number(bottom + 4)}" role="img" aria-label="{label}">'
        f'{row.grid(bottom, over)}<g class="lane">{lanes}</g>{drawn}{events}</svg>'
    )


# Voices.


def _bars(row: Row, bars: Sequence[Bar]) -> Iterator[str]:
    for bar in bars:
        part = row.part(bar.begin, bar.end)
        if part is None:
            continue
        top = CALLER if bar.kind == "caller" else AGENT
        left, width = part[0], max(part[1] - part[0], 2.0)
        place = f'x="{number(left)}" y="{number(top)}" width="{number(width)}" height="{number(BAR)}"'
        fits = int(width / 4)
        text = f'<svg {place}><text x="5" y="15">{inert(bar.text[:fits])}</text></svg>' if fits > 4 else ""
        end = f'<path class="edge" d="M{number(part[1])} {number(top - 3)}v{number(BAR + 6)}"/>' if _is_cut(row, bar) else ""
        yield f'<g class="{bar.kind}"><title>{inert(bar.title)}</title><rect {place} rx="3"/>{text}{end}</g>'


def _is_cut(row: Row, bar: Bar) -> bool:
    return "cut" in bar.kind and row.begin < bar.end <= row.end


def _stretches(journal: Journal, party: str, over: float) -> Iterator[tuple[float, float, Entry | None]]:
    """When a party was heard: from, to, and the entry that ended it."""
    begun: float | None = None
    for entry in journal.entries:
        if entry.what == f"{party}_starts":
            begun = entry.at
        elif entry.what == f"{party}_stops" and begun is not None:
            yield begun, entry.at, entry
            begun = None
    if begun is not None:
        yield begun, over, None


def _caller_bars(journal: Journal, over: float) -> Iterator[Bar]:
    for begin, end, entry in _stretches(journal, "caller", over):
        text = entry.text if entry else ""
        yield Bar(begin, end, text, "caller", f"{clock(begin)} to {clock(end)}, caller: {text}")


def _agent_bars(journal: Journal, over: float) -> Iterator[Bar]:
    for begin, end, entry in _stretches(journal, "agent", over):
        text, is_cut = (entry.text, entry.cut) if entry else ("", False)
        told = f"{clock(begin)} to {clock(end)}, agent{' (cut off)' if is_cut else ''}: {text}"
        yield Bar(begin, end, text, "agent cut" if is_cut else "agent", told)


# Answers.


def _answer(row: Row, turn: AskedTurn, over: float) -> str:
    """A turn: when it was asked for, how long the caller waited for a sentence of it, its chunks, and its end."""
    ends = [at for at in (turn.completed_at, turn.superseded_at) if at is not None]
    closed = max([min(ends, default=over), *(at for at, _ in turn.chunks[-1:])])
    part = row.part(turn.asked_at, closed)
    if part is None:
        return ""
    middle = ANSWERS + 8
    drawn = f'<path class="open" d="M{number(part[0])} {number(middle)}H{number(part[1])}"/>'
    waited = turn.first_sentence_at if turn.first_sentence_at is not None else closed
    if turn.kind != "interrupt" and (wait := row.part(turn.asked_at, waited)) and wait[1] - wait[0] >= 1:
        drawn += f'<path class="wait" d="M{number(wait[0])} {number(middle)}H{number(wait[1])}"/>'
    # What lies on one place of the screen is drawn once, however much of it came.
    ticks = dict.fromkeys(number(row.x(at)) for at, _ in turn.chunks if row.holds(at))
    drawn += f'<path class="chunks" d="{"".join([f"M{x} {number(ANSWERS + 2)}v12" for x in ticks])}"/>' if ticks else ""
    return titled(drawn + _ends(row, turn, middle), _told(turn))


def _ends(row: Row, turn: AskedTurn, middle: float) -> str:
    drawn = ""
    if row.holds(turn.asked_at):
        x = row.x(turn.asked_at)
        drawn += f'<path class="asked" d="M{number(x - 4)} {number(middle - 8)}h8l-4 7z"/>'
    if turn.completed_at is not None and row.holds(turn.completed_at):
        drawn += f'<circle class="completed" cx="{number(row.x(turn.completed_at))}" cy="{number(middle)}" r="3.5"/>'
    if turn.superseded_at is not None and row.holds(turn.superseded_at):
        left = number(row.x(turn.superseded_at) - 3)
        drawn += f'<path class="superseded" d="M{left} {number(middle - 3)}l6 6m0 -6l-6 6"/>'
    return drawn


def _told(turn: AskedTurn) -> str:
    told = [f"{name_of(turn)}, asked for at {clock(turn.asked_at)}"]
    if turn.first_sentence_at is not None:
        told.append(f"first sentence after {turn.first_sentence_at - turn.asked_at:.2f} s")
    told.append(f"{len(turn.chunks)} chunk{'' if len(turn.chunks) == 1 else 's'}")
    if turn.completed_at is not None:
        told.append(f"complete at {clock(turn.completed_at)}")
    if turn.superseded_at is not None:
        told.append(f"replaced at {clock(turn.superseded_at)}")
    return ", ".join(told) + ("" if turn.is_closed else ", never complete")


def name_of(turn: AskedTurn) -> str:
    """What a turn is called."""
    return {"begin": "begin message", "reminder": f"reminder (turn {turn.number})", "interrupt": "out of turn"}.get(
        turn.kind, f"turn {turn.number}"
    )


# What happened.


def _happened(journal: Journal) -> Iterator[Label]:
    for entry in journal.entries:
        if entry.what in _EVENTS:
            name = _EVENTS[entry.what]
            shown = f"{name} {entry.text}" if entry.what in ("caller_presses", "digits", "transfer") else name
            title = f"{clock(entry.at)} {name}{f': {entry.text}' if entry.text else ''}"
            yield Label(entry.at, shown, title, "lost" if entry.what in ("lost", "keepalive_lost", "fault") else "event")
        elif entry.what == "discarded" and "cut in" in entry.text and ":" not in entry.text:
            yield Label(entry.at, "barge-in", f"{clock(entry.at)} the caller cut in", "barge")
        elif entry.what == "discarded" and (":" in entry.text or "type" in entry.text):
            yield Label(entry.at, "thrown away", f"{clock(entry.at)} thrown away: {entry.text}", "lost")


def _deadlines(journal: Journal, own: Mapping[str, str]) -> Iterator[Label]:
    """What a host says when a deadline has passed."""
    for at, text in chain.from_iterable(turn.chunks for turn in journal.turns):
        if what := own.get(text.strip()):
            yield Label(at, what, f"{clock(at)} {what}: {text.strip()}", "deadline")


def _tools(journal: Journal) -> Iterator[Label]:
    for tool in journal.tools:
        took = "" if tool.returned_at is None else f", {tool.returned_at - tool.called_at:.2f} s: {tool.result}"
        yield Label(tool.called_at, f"tool {tool.name}", f"{clock(tool.called_at)} {tool.name}({tool.arguments}){took}", "tool")


def _wrong(findings: Sequence[Finding]) -> Iterator[Label]:
    for place, finding in enumerate(findings, 1):
        if finding.at is not None:
            name = f"{place} {finding.fault or finding.check}"
            yield Label(finding.at, name, f"{clock(finding.at)} {finding.title}: {finding.what}", "wrong")
