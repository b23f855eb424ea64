"""What came of a load, as text for a person and as JSON for machines."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from rejoinder.config.durations import written
from rejoinder.simulator.load.outcome import Cost, Outcome
from rejoinder.simulator.load.resources import LATE, VERY_LATE
from rejoinder.simulator.load.spread import PERCENTILES, Spread
from rejoinder.simulator.load.tally import TIMES
from rejoinder.simulator.reports.table import printable

_WIDTH = 15


def text(outcome: Outcome) -> str:
    """The figures, line by line."""
    return "\n".join([_head(outcome), "", *_times(outcome), "", *_counts(outcome), *_processes(outcome)])


def _head(outcome: Outcome) -> str:
    size, tally = outcome.size, outcome.tally
    asked = f"{size.calls:,} at once for {written(round(size.lasts, 3))} after a ramp of {written(round(size.ramp, 3))}"
    stopped = f", stopped after {outcome.took:.0f} s" if outcome.took < size.ramp + size.lasts - 1 else ""
    return f"{asked}{stopped}: {tally.calls:,} call{'' if tally.calls == 1 else 's'}, {tally.seconds / 60:,.1f} minutes of them"


def _times(outcome: Outcome) -> Iterator[str]:
    heads = ["count", *(f"p{percent}" for percent in PERCENTILES), "max"]
    yield f"{'milliseconds':<{_WIDTH}}" + "".join([f"{head:>10}" for head in heads])
    for name in TIMES:
        spread = Spread.of(outcome.tally.times[name])
        figures = [f"{value * 1000:,.1f}" if spread.count else "-" for value in spread.row]
        yield f"{name:<{_WIDTH}}{spread.count:>10,}" + "".join([f"{figure:>10}" for figure in figures])


def _counts(outcome: Outcome) -> Iterator[str]:
    tally, turns = outcome.tally, outcome.tally.turns
    became = {
        "answered": turns.answered,
        "unanswered": turns.unanswered,
        "replaced": turns.replaced,
        "open at the end": turns.open,
    }
    told = ", ".join([f"{count:,} {name}" for name, count in became.items() if count or name == "answered"])
    yield _line("turns", f"{turns.asked:,} asked: {told}")
    yield _line("calls", _listed(tally.ended))
    yield _line("redials", _listed(tally.redials) or "none")
    yield _line("errors", "" if tally.faults else "none")
    for kind, fault in sorted(tally.faults.items(), key=lambda item: -item[1].count):
        yield f"  {fault.count:,} {kind}: {printable(fault.example)}"


def _processes(outcome: Outcome) -> Iterator[str]:
    late = Spread.of(outcome.late)
    yield _line("simulator", _used(outcome.simulator, outcome))
    if outcome.server is not None:
        yield _line("server", _used(outcome.server, outcome))
    slow = f"{late.at[-1] * 1000:.1f} ms in one look of a hundred, {late.most * 1000:.1f} ms at the most"
    yield _line("lateness", f"the simulator's own loop was late by {slow}")
    if is_late(outcome):
        yield ""
        yield "The simulator itself was late: do not believe the times above. Play fewer calls, or give it more of a machine."


def is_late(outcome: Outcome) -> bool:
    """Whether the simulator was too late to measure a server by."""
    late = Spread.of(outcome.late)
    return late.at[-1] > LATE or late.most > VERY_LATE


def _used(cost: Cost | None, outcome: Outcome) -> str:
    if cost is None:
        return "this system does not tell what a process uses"
    share = cost.cpu / outcome.took if outcome.took else 0.0
    minutes = outcome.tally.seconds / 60
    each = f", {cost.cpu / minutes * 1000:,.1f} ms a minute of a call" if minutes else ""
    waited = "" if cost.waited is None else f", waited {cost.waited:,.1f} s for a processor"
    return f"{cost.cpu:,.1f} s of CPU ({share:.0%} of a core{each}), {cost.memory / 2**20:,.0f} MiB at the most{waited}"


def _line(name: str, told: str) -> str:
    return f"{name:<{_WIDTH}}{told}".rstrip()


def _listed(counted: Counter[str]) -> str:
    return ", ".join([f"{count:,} {name}" for name, count in counted.most_common()])


def as_json(outcome: Outcome) -> bytes:
    """One object with all figures; times in seconds."""
    size, tally, turns = outcome.size, outcome.tally, outcome.tally.turns
    told: Mapping[str, Any] = {
        "ok": outcome.is_well,
        "load": size.calls,
        "ramp": size.ramp,
        "for": size.lasts,
        "seconds": round(outcome.took, 3),
        "stopped": outcome.was_stopped,
        "calls": tally.calls,
        "call_seconds": round(tally.seconds, 3),
        "ended": dict(tally.ended),
        "turns": {name: getattr(turns, name) for name in turns.__slots__},
        "times": {name: Spread.of(tally.times[name]).told() for name in TIMES},
        "redials": dict(tally.redials),
        "errors": {kind: {"count": fault.count, "example": fault.example} for kind, fault in tally.faults.items()},
        "simulator": _cost(outcome.simulator),
        "server": _cost(outcome.server),
        "lateness": Spread.of(outcome.late).told(),
        "late": is_late(outcome),
    }
    return json.dumps(told, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace") + b"\n"


def _cost(cost: Cost | None) -> dict[str, float | None] | None:
    if cost is None:
        return None
    waited = None if cost.waited is None else round(cost.waited, 3)
    return {"cpu_seconds": round(cost.cpu, 3), "memory_bytes": cost.memory, "waited_seconds": waited}
