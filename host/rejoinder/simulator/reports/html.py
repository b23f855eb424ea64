"""What came of a run, as a page for a person: one file that needs no network, with a timeline of each call.

Whatever was said in a call is text there and nothing else; the page has no script, and forbids any.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from string import Template

from rejoinder.simulator.journal import AskedTurn
from rejoinder.simulator.judging.findings import Verdict
from rejoinder.simulator.replay.side_by_side import Row
from rejoinder.simulator.replay.side_by_side import rows as side_by_side
from rejoinder.simulator.reports.staff import clock, inert
from rejoinder.simulator.reports.story import WRONG, lines, place_of
from rejoinder.simulator.reports.table import label, slowest
from rejoinder.simulator.reports.timeline import DEADLINE_LINES, name_of, timeline

#: What comes first is what somebody looks for.
_ORDER = ("failed", "broken", "differs", "passed", "same")
#: What needs to be looked at, and so is open.
_OPEN = ("failed", "broken", "differs")
#: How words are shown that were said only then, or are said only now.
_PARTS = {"same": ("", ""), "gone": ("<del>", "</del>"), "new": ("<ins>", "</ins>")}
#: Characters of one answer that the table of turns shows.
_SHOWN = 2000


def page(
    verdicts: Sequence[Verdict],
    took: float,
    *,
    systems: Mapping[str, str] | None = None,
    own_lines: Mapping[str, str] | None = None,
) -> bytes:
    """The whole page. `systems` names the response system of each route, where that is known; of the route "" what is played
    against. `own_lines` are lines that the file has in place of the host's own (see `timeline`)."""
    ordered = sorted(verdicts, key=lambda verdict: _ORDER.index(verdict.word))
    runs = max((verdict.play.number for verdict in verdicts), default=1)
    own = {**DEADLINE_LINES, **(own_lines or {})}
    calls = [
        _Told(place, verdict, label(verdict.play, runs=runs), systems or {}, own) for place, verdict in enumerate(ordered, 1)
    ]
    counted = Counter(verdict.word for verdict in verdicts)
    told = ", ".join([f"{counted[one]} {one}" for one in _ORDER if counted[one]]) or "nothing was played"
    lasted = sum(verdict.lasted for verdict in verdicts)
    template = Template(files("rejoinder.simulator.reports").joinpath("page.html").read_text("utf-8"))
    written = template.substitute(
        title=inert(f"Simulated calls: {told}"),
        summary=inert(f"{clock(lasted)} of calls in {took:.1f} s. Failed calls come first and are open."),
        overview="\n".join([call.row() for call in calls]),
        calls="\n".join([call.section() for call in calls]),
    )
    return written.encode()


class _Told:
    """One call on the page."""

    def __init__(self, place: int, verdict: Verdict, name: str, systems: Mapping[str, str], own: Mapping[str, str]) -> None:
        self._own = own
        self._anchor = f"call-{place}"
        self._verdict = verdict
        self._name = name
        route, system = verdict.play.route, systems.get(verdict.play.route, "")
        self._where = f"{route} ({system})" if route and system else route or system

    def row(self) -> str:
        """Its line in the overview."""
        verdict = self._verdict
        first = verdict.findings[0] if verdict.findings else None
        more = f" (and {len(verdict.findings) - 1} more)" if len(verdict.findings) > 1 else ""
        wrong = f"{first.title}: {first.what}{more}" if first else ""
        link = f'<a href="#{self._anchor}">{inert(verdict.play.scenario.name)}</a>'
        figures = [slowest(verdict), clock(verdict.lasted)]
        told = "".join([f'<td class="figure">{figure}</td>' for figure in figures])
        return (
            f'<tr><td>{self._badge()}</td><th scope="row">{link}</th><td>{inert(self._where)}</td>{told}'
            f"<td>{inert(wrong)}</td></tr>"
        )

    def section(self) -> str:
        """All that is told of it; folded up if there is nothing wrong."""
        verdict = self._verdict
        opened = " open" if verdict.word in _OPEN else ""
        rows = timeline(verdict, self._own)
        drawn = f'<div class="timeline scrolls" role="group" aria-label="Timeline">{rows}</div>' if rows else ""
        return (
            f'<details class="call" id="{self._anchor}"{opened}><summary>{self._badge()} {inert(self._name)}'
            f'<span class="soft">{clock(verdict.lasted)}, {inert(self._end())}</span></summary>'
            f"{self._about()}{self._findings()}{self._recorded()}{drawn}{self._transcript()}{self._turns()}</details>"
        )

    def _badge(self) -> str:
        word = self._verdict.word
        return f'<span class="verdict {word}">{word}</span>'

    def _end(self) -> str:
        journal = self._verdict.journal
        return f"ended by {journal.ended_by} ({journal.reason})" if journal.reason else "not played"

    def _about(self) -> str:
        play = self._verdict.play
        place = play.scenario.place
        where = f"{place.file}:{place.line}" if place.file else "no file"
        about = f"<p>{inert(play.scenario.about)}</p>" if play.scenario.about else ""
        return f'{about}<p class="soft mono">{inert(f"{where}, --seed {play.seed}, call {self._verdict.journal.call_id}")}</p>'

    def _findings(self) -> str:
        if not self._verdict.findings:
            return ""
        items: list[str] = []
        for finding in self._verdict.findings:
            at = "" if finding.at is None else f'<span class="soft">{clock(finding.at)}</span> '
            where = f' <span class="soft mono">{inert(place_of(finding))}</span>' if finding.place.file else ""
            items.append(f"<li>{at}<b>{inert(finding.title)}</b>: {inert(finding.what)}{where}</li>")
        return f'<ol class="findings" aria-label="What is wrong">{"".join(items)}</ol>'

    def _recorded(self) -> str:
        """The recorded call beside this one."""
        if self._verdict.comparison is None:
            return ""
        told = "".join([_beside(row) for row in side_by_side(self._verdict.comparison)])
        return (
            '<h3>The recorded call, and what is said now</h3><div class="scrolls"><table class="transcript">'
            f"<tbody>{told}</tbody></table></div>"
        )

    def _transcript(self) -> str:
        told = "".join([_line(line.at, line.who, line.text) for line in lines(self._verdict)])
        if not told:
            return ""
        head = '<tr><th scope="col" class="time">time</th><th scope="col">who</th><th scope="col">what</th></tr>'
        return (
            '<h3>Transcript</h3><div class="scrolls"><table class="transcript">'
            f"<thead>{head}</thead><tbody>{told}</tbody></table></div>"
        )

    def _turns(self) -> str:
        turns = self._verdict.journal.turns
        if not turns:
            return ""
        heads = ("turn", "asked", "first sentence", "complete", "chunks", "said", "heard")
        head = "".join([f'<th scope="col">{one}</th>' for one in heads])
        rows = "".join([f"<tr>{''.join(_cells(turn))}</tr>" for turn in turns])
        return (
            f'<details class="turns"><summary>{len(turns)} turns, with their times</summary>'
            f'<div class="scrolls"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></details>'
        )


def _beside(row: Row) -> str:
    words = " ".join([f"{_PARTS[part.kind][0]}{inert(part.text)}{_PARTS[part.kind][1]}" for part in row.parts])
    kind = ' class="differs"' if row.head == "differs" else ""
    return f'<tr{kind}><td>{inert(row.head)}</td><td class="said">{words}</td></tr>'


def _line(at: float | None, who: str, text: str) -> str:
    time = "" if at is None else clock(at)
    kind = f' class="{who}"' if who in (WRONG, "platform") else ""
    return f'<tr{kind}><td class="time">{time}</td><td>{inert(who)}</td><td class="said">{inert(text)}</td></tr>'


def _cells(turn: AskedTurn) -> Iterator[str]:
    yield f'<th scope="row">{inert(name_of(turn))}</th>'
    for figure in (
        clock(turn.asked_at),
        "" if turn.first_sentence_at is None else f"{turn.first_sentence_at - turn.asked_at:.2f} s",
        "replaced" if turn.completed_at is None and turn.superseded_at is not None
        else "never" if turn.completed_at is None else clock(turn.completed_at),
        str(len(turn.chunks)),
    ):  # fmt: skip
        yield f"<td>{figure}</td>"
    said = turn.said.strip()
    for text in (said, "all of it" if turn.heard == said and said else turn.heard):
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ... ({len(text)} characters)"
        yield f'<td class="said">{inert(shown)}</td>'
