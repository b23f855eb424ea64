"""What came of a run, as lines for a person: one for each play as it ends, the story of what went wrong, a table at the end."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rejoinder.simulator.judging.findings import Finding, Play, Verdict
from rejoinder.simulator.judging.heard_checks import waiting_for_a_sentence
from rejoinder.simulator.replay.side_by_side import marked, rows
from rejoinder.simulator.reports.story import WRONG, lines, place_of
from rejoinder.simulator.scenarios.scenario import Scenario

_COLOURS = {"passed": "32", "same": "32", "failed": "31", "broken": "33", "differs": "33"}
_COUNTED = ("passed", "same", "differs", "failed", "broken")
_WORDS = {"same": "", "gone": "31", "new": "32"}
_HEADS = ("outcome", "scenario", "call", "first sentence", "took")
_NARROWEST = 20


def label(play: Play, *, runs: int = 1) -> str:
    """What a play is called: the scenario, its route, and which time it is if it is played several times."""
    route = f" ({play.route})" if play.route else ""
    return f"{play.scenario.name}{route}" + (f" #{play.number}" if runs > 1 else "")


@dataclass(frozen=True, slots=True)
class Paper:
    """What lines are written for: how wide it is, whether it has colours, how often each scenario is played."""

    width: int = 100
    has_colours: bool = False
    runs: int = 1

    def result(self, verdict: Verdict) -> str:
        """The line of one play."""
        first = verdict.findings[0] if verdict.findings else None
        why = f": {first.what}" if first and verdict.outcome == "broken" else ""
        return f"{self._outcome(verdict)}  {self.name(verdict.play)}{printable(why)}"

    def skipped(self, scenario: Scenario) -> str:
        """The line of a scenario that is played on no route."""
        return printable(f"skipped  {scenario.name}: it applies to {', '.join(sorted(scenario.applies))}")

    def name(self, play: Play) -> str:
        """What a play is called, in one line."""
        return printable(label(play, runs=self.runs))

    def story(self, verdict: Verdict) -> str:
        """What happened in a play, line by line."""
        play = verdict.play
        place = play.scenario.place
        where = f"{place.file}:{place.line}, " if place.file else ""
        told = [self._tinted(str(line), "31" if line.who == WRONG else "") for line in lines(verdict)]
        return "\n".join([f"    {where}--seed {play.seed}", *(f"    {line}" for line in told)])

    def comparison(self, verdict: Verdict) -> str:
        """A recorded call beside this one, line by line; "" for what was not recorded."""
        told = rows(verdict.comparison) if verdict.comparison else []
        return "\n".join(
            f"    {self._tinted(f'{row.head:<8}', _COLOURS.get(row.head, ''))} "
            + " ".join(self._tinted(marked(part), _WORDS[part.kind]) for part in row.parts)
            for row in told
        )

    def table(self, verdicts: Sequence[Verdict], took: float) -> str:
        """All plays, and a last line that counts them."""
        cells = [_cells(verdict, self.runs) for verdict in verdicts]
        rest = sum(max(len(row[at]) for row in [*cells, _HEADS]) + 2 for at in (0, 2, 3, 4))
        name = max(min(max(len(row[1]) for row in [*cells, _HEADS]), self.width - rest), _NARROWEST)
        widths = [max(len(row[at]) for row in [*cells, _HEADS]) for at in range(5)]
        widths[1] = name
        rows = [_HEADS, tuple("-" * width for width in widths), *cells]
        told = ["  ".join(_cell(text, widths[at], at) for at, text in enumerate(row)).rstrip() for row in rows]
        return "\n".join([*told, "", self.count(verdicts, took)])

    def count(self, verdicts: Sequence[Verdict], took: float) -> str:
        """How many passed, failed and broke."""
        counted = Counter(verdict.word for verdict in verdicts)
        told = [f"{counted[one]} {one}" for one in _COUNTED if counted[one]]
        if not counted.keys() & {"passed", "same", "differs"}:
            told = ["0 passed", *told]
        lasted = sum(verdict.lasted for verdict in verdicts)
        return f"{', '.join(told)}: {lasted:.0f} s of calls in {took:.1f} s"

    def _outcome(self, verdict: Verdict) -> str:
        return self._tinted(verdict.word if verdict.outcome == "passed" else verdict.word.upper(), _COLOURS[verdict.word])

    def _tinted(self, text: str, colour: str) -> str:
        clean = printable(text)
        return f"\x1b[{colour}m{clean}\x1b[0m" if self.has_colours and colour else clean


def _cells(verdict: Verdict, runs: int) -> tuple[str, ...]:
    name = label(verdict.play, runs=runs)
    return verdict.word, name, f"{verdict.lasted:.1f} s", slowest(verdict), f"{verdict.took:.2f} s"


def slowest(verdict: Verdict) -> str:
    """The longest that the caller waited for the first sentence of a turn."""
    waits = [waiting_for_a_sentence(verdict.journal, turn) for turn in verdict.journal.turns]
    return f"{max(waited for waited, came in waits if came):.2f} s" if any(came for _, came in waits) else ""


def _cell(text: str, width: int, at: int) -> str:
    clean = printable(text)
    cut = clean if len(clean) <= width else f"{clean[: width - 3]}..."
    return cut.rjust(width) if at > 1 else cut.ljust(width)


def summary(finding: Finding) -> str:
    """A finding in one line, with its place."""
    where = place_of(finding)
    at = "" if finding.at is None else f"{finding.at:.1f} s: "
    return f"{f'{where}: ' if where else ''}{at}{finding.title}: {finding.what}"


def printable(text: str) -> str:
    """`text` as one line that no terminal obeys."""
    return "".join(one if one.isprintable() else " " if one.isspace() else "\N{REPLACEMENT CHARACTER}" for one in text)
