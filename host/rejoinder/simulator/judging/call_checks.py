"""What is expected of a call as a whole: how it ends, its tools, its silences, and that every turn is closed."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rejoinder.dialogue import Outcome as TurnOutcome
from rejoinder.simulator.journal import DEAD, AskedTurn, Journal, ToolSeen
from rejoinder.simulator.judging.findings import FaultName, Finding, HostTurn
from rejoinder.simulator.scenarios.expectation import EndExpectation, TimeExpectation, ToolExpectation

#: Seconds in which a turn that is not complete may give nothing, neither a chunk nor a voice, before it counts as left open.
#: Retell itself waits for ever (docs.retellai.com, "Troubleshooting", read 2026-11).
LEFT_OPEN = 10.0
#: Ends that nobody means.
_BY_ITSELF = ("agent", "caller")

Interval = tuple[float, float]


def _over(journal: Journal) -> float:
    ended = journal.ended_at
    return ended if ended is not None else journal.entries[-1].at if journal.entries else 0.0


# The end.


def judge_end(journal: Journal, expected: EndExpectation | None) -> Iterator[Finding]:
    """Whether the call ended as expected. If nothing is, anybody may hang up, and nothing may fail."""
    by, reason, at = journal.ended_by or "platform", journal.reason or "nobody ended it", journal.ended_at
    if expected is None:
        if by not in _BY_ITSELF:
            yield Finding("ends", f"the platform ended the call: {reason}", at)
    elif expected.by not in (by, reason):
        yield Finding("ends", f"expected the end by {expected.by}, it was by {by} ({reason})", at, place=expected.place)


# Tools.


def judge_tool(journal: Journal, expected: ToolExpectation) -> Iterator[Finding]:
    """Whether a tool was called as expected."""
    named = [tool for tool in journal.tools if tool.name == expected.name]
    if not expected.is_called:
        for tool in named:
            yield Finding("tools", f"{_call(tool)} was called", tool.called_at, place=expected.place)
        return
    fitting = [tool for tool in named if _is_given(tool, expected)]
    if not fitting:
        yield Finding("tools", _missing(journal, expected, named), place=expected.place)
    elif expected.once:
        yield from _repeated(fitting, expected)


def _missing(journal: Journal, expected: ToolExpectation, named: list[ToolSeen]) -> str:
    wanted = f" with {json.dumps(expected.arguments, ensure_ascii=False)}" if expected.arguments else ""
    others = ", ".join(_call(tool) for tool in named or journal.tools) or "no tool"
    return f"{expected.name} was not called{wanted}; called was {others}"


def _repeated(tools: list[ToolSeen], expected: ToolExpectation) -> Iterator[Finding]:
    seen: dict[str, ToolSeen] = {}
    for tool in tools:
        first = seen.setdefault(json.dumps(arguments_of(tool), sort_keys=True), tool)
        if first is not tool:
            what = f"{_call(tool)} was called again; it was called already after {first.called_at:.1f} s"
            yield Finding("tools", what, tool.called_at, place=expected.place)


def arguments_of(tool: ToolSeen) -> dict[str, Any]:
    """What a tool was given; nothing if that is no JSON object."""
    try:
        given = json.loads(tool.arguments)
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def _is_given(tool: ToolSeen, expected: ToolExpectation) -> bool:
    given = arguments_of(tool)
    return all(name in given and _same(given[name], value) for name, value in expected.arguments.items())


def _same(given: Any, wanted: Any) -> bool:
    """Models write numbers as texts and texts in another case: neither makes another booking."""
    return bool(given == wanted) or str(given).strip().casefold() == str(wanted).strip().casefold()


def _call(tool: ToolSeen) -> str:
    return f"{tool.name}({tool.arguments})"


# Silence.


def judge_silence(journal: Journal, limit: TimeExpectation) -> Iterator[Finding]:
    """Where a turn waited for longer than that without the agent's voice."""
    voice = _voice(journal)
    for place, turn in enumerate(journal.turns):
        ends = [at for at in (turn.completed_at, turn.superseded_at) if at is not None]
        for begin, end in _gaps((turn.asked_at, min(ends, default=_over(journal))), voice):
            if end - begin > limit.seconds:
                what = f"{end - begin:.2f} s of silence while turn {turn.number} waits, expected at most {limit.seconds:g} s"
                yield Finding("silence", what, begin + limit.seconds, place, limit.place)


def _voice(journal: Journal) -> list[Interval]:
    """When the agent's voice was heard, in order."""
    found: list[Interval] = []
    begun: float | None = None
    for entry in journal.of("agent_starts", "agent_stops"):
        if entry.what == "agent_starts":
            begun = entry.at if begun is None else begun
        elif begun is not None:
            found.append((begun, entry.at))
            begun = None
    return [*found, (begun, _over(journal))] if begun is not None else found


def _gaps(whole: Interval, voice: list[Interval]) -> Iterator[Interval]:
    at, end = whole
    for begin, stop in voice:
        if begin >= end:
            break
        if begin > at:
            yield at, begin
        at = max(at, stop)
    if at < end:
        yield at, end


# Closed turns.


def judge_turns(journal: Journal) -> Iterator[Finding]:
    """Turns that were never closed: nothing came any more, and the platform waited until the caller spoke or hung up."""
    for place, turn in enumerate(journal.turns):
        if turn.completed_at is not None:
            continue
        last = _last_sign(turn)
        until = turn.superseded_at if turn.superseded_at is not None else _over(journal)
        waited = sum(end - begin for begin, end in _gaps((last, until), _unconnected(journal)))
        if waited >= LEFT_OPEN:
            came = "came" if last == turn.asked_at else "more came"
            what = f"turn {turn.number} was never completed: nothing {came} for {waited:.1f} s"
            yield Finding("turns_closed", what, last, place, fault=_never(journal, place, turn))


def _unconnected(journal: Journal) -> list[Interval]:
    """When nothing could come, in order: a connection was dead or lost, and no other had taken its place."""
    found: list[Interval] = []
    lost: float | None = None
    for entry in journal.of("fault", "lost", "closed", "keepalive_lost", "redialled"):
        if entry.what != "redialled":
            lost = entry.at if lost is None and (entry.what != "fault" or entry.text == DEAD) else lost
        elif lost is not None:
            found.append((lost, entry.at))
            lost = None
    return [*found, (lost, _over(journal))] if lost is not None else found


def _never(journal: Journal, place: int, turn: AskedTurn) -> FaultName:
    """What was never done about a turn."""
    if turn.chunks:
        return "never_completed"
    if turn.kind == "begin":
        return "never_greeted"
    asked = (entry.frame for entry in journal.of("sent") if entry.turn == place and entry.frame is not None)
    return "empty_transcript" if any(frame.get("transcript") == [] for frame in asked) else "never_answered"


def judge_answers(journal: Journal, host_turns: Sequence[HostTurn]) -> Iterator[Finding]:
    """Turns that no agent answered: what was heard in them are the host's own lines."""
    why: dict[TurnOutcome, str] = {
        "failed": "no agent answered it",
        "timed out": "no agent answered it in time, or to its end",
    }
    for told in host_turns:
        if told.outcome in why:
            place = next(
                (at for at, one in enumerate(journal.turns) if (one.number, one.kind) == (told.number, told.kind)), None
            )
            at = None if place is None else journal.turns[place].asked_at
            yield Finding("turns_answered", f"turn {told.number} has {told.outcome}: {why[told.outcome]}", at, place)


def _last_sign(turn: AskedTurn) -> float:
    signs = [turn.asked_at, turn.spoken_to, *(at for at, _ in turn.chunks[-1:]), *(_tool_signs(turn))]
    return max(at for at in signs if at is not None)


def _tool_signs(turn: AskedTurn) -> list[float]:
    return [at for tool in turn.tools for at in (tool.called_at, tool.returned_at) if at is not None]
