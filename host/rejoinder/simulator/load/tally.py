"""Counts what came of many calls, one after another, and keeps nothing of them but figures."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from rejoinder.simulator.journal import AskedTurn, Journal
from rejoinder.simulator.judging.call_checks import LEFT_OPEN
from rejoinder.simulator.judging.findings import Verdict

#: Times that are taken, in the order in which they are told; seconds.
TIMES = ("connect", "begin message", "first chunk", "first sentence", "pong")


@dataclass(slots=True)
class Fault:
    """One kind of what went wrong: how often, and what it said the first time."""

    example: str
    count: int = 0


@dataclass(slots=True)
class Turns:
    """What became of turns that were asked for. `replaced`: the caller had gone on; `open`: the load was over first."""

    asked: int = 0
    answered: int = 0
    unanswered: int = 0
    replaced: int = 0
    open: int = 0


@dataclass(slots=True)
class Tally:
    """`calls` that were begun, `seconds` of them, how they `ended` (the platform's word), why they were dialled again, and all
    values of each of `TIMES`."""

    calls: int = 0
    seconds: float = 0.0
    turns: Turns = field(default_factory=Turns)
    ended: Counter[str] = field(default_factory=Counter)
    redials: Counter[str] = field(default_factory=Counter)
    faults: dict[str, Fault] = field(default_factory=dict)
    times: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in TIMES})

    def add(self, verdict: Verdict, *, whole: bool = True) -> None:
        """A call. One that is not `whole` was broken off: nobody knows how it would have ended."""
        journal = verdict.journal
        self.calls += 1
        self.seconds += verdict.lasted
        self._connections(journal)
        self.times["pong"] += journal.pongs
        for turn in journal.turns:
            self._turn(turn, verdict.lasted)
        if whole:
            self.ended[journal.reason or "never begun"] += 1
            for finding in verdict.findings:
                self.fault(finding.check, finding.what)
        else:
            self.ended["broken off at the end"] += 1
            for why in _dropped(journal):
                self.fault("protocol_clean", why)

    def fault(self, kind: str, what: str) -> None:
        """Something that went wrong."""
        self.faults.setdefault(kind, Fault(what)).count += 1

    def _connections(self, journal: Journal) -> None:
        dialled = 0.0
        for entry in journal.entries:
            if entry.what == "dialled":
                dialled = entry.at
            elif entry.what == "redialled":
                self.redials[entry.text] += 1
        if journal.turns:
            self.times["connect"].append(journal.turns[0].asked_at - dialled)

    def _turn(self, turn: AskedTurn, over: float) -> None:
        first = turn.first_sentence_at
        if turn.kind == "begin":
            self.times["begin message"] += [] if first is None else [first - turn.asked_at]
        elif turn.kind != "interrupt":
            self.times["first chunk"] += [at - turn.asked_at for at, _ in turn.chunks[:1]]
            self.times["first sentence"] += [] if first is None else [first - turn.asked_at]
            self._became(turn, over)

    def _became(self, turn: AskedTurn, over: float) -> None:
        turns = self.turns
        turns.asked += 1
        until = turn.superseded_at if turn.superseded_at is not None else over
        if turn.completed_at is not None:
            turns.answered += 1
        elif until - max([turn.asked_at, *(at for at, _ in turn.chunks[-1:])]) >= LEFT_OPEN:
            turns.unanswered += 1
        elif turn.superseded_at is not None:
            turns.replaced += 1
        else:
            turns.open += 1


def _dropped(journal: Journal) -> Iterator[str]:
    return (entry.text for entry in journal.of("dropped"))
