"""Scenarios as the text of a file, to be edited and kept. What a recorded agent said and did stands there as expected."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rejoinder.simulator.replay.past import Past, Reaction
from rejoinder.simulator.scenarios.scenario import LIMIT, CallSetup, PlatformSetup, Scenario
from rejoinder.simulator.scenarios.steps import Act, HangsUp, Mumbles, Point, Presses, Says, Silent, Step

_HEAD = """\
# Made of recorded calls. What the agent said then is expected to the word ('is'): loosen it to what matters, with 'contains',
# 'matches' or 'absent'. Where it was redacted ('***') nothing is expected.
"""
_UNITS = {"seconds": "after", "words": "words", "chunks": "chunk"}


def text_of(scenarios: Sequence[Scenario]) -> str:
    """The file that holds them, whose steps are those of recorded callers. Names that come twice are numbered."""
    if len(scenarios) == 1:
        return _HEAD + "\n".join(_scenario(scenarios[0], scenarios[0].name)) + "\n"
    names: dict[str, int] = {}
    lines = ["scenarios:"]
    for scenario in scenarios:
        count = names[scenario.name] = names.get(scenario.name, 0) + 1
        own = list(_scenario(scenario, scenario.name if count == 1 else f"{scenario.name} {count}"))
        lines += [f"  - {own[0]}", *(f"    {line}" for line in own[1:])]
    return _HEAD + "\n".join(lines) + "\n"


def _scenario(scenario: Scenario, name: str) -> Iterator[str]:
    past = scenario.past
    yield f"name: {_value(name)}"
    yield f"about: {_value('; '.join([scenario.about, *(past.notes if past else ())]))}"
    yield f"route: {_value(scenario.route)}"
    for key, told in (("call", _call(scenario.call)), ("platform", _platform(scenario.platform))):
        if told:
            yield f"{key}: {_value(told)}"
    if scenario.limit != LIMIT:
        yield f"limit: {_seconds(scenario.limit)}"
    steps = list(_steps(scenario.steps, past))
    yield from ["caller:", *steps] if steps else ["caller: []"]


def _steps(steps: Sequence[Step], past: Past | None) -> Iterator[str]:
    if past and past.opening and not _cuts_in(steps[0] if steps else None) and (expected := _expected(past.opening)):
        yield f"  - hears: {_value(expected)}"
    reactions = past.reactions if past else (None,) * len(steps)
    following = [*steps[1:], None][: len(steps)]
    for step, after, reaction in zip(steps, following, reactions, strict=True):
        yield from _step(step, None if _cuts_in(after) else reaction)


def _cuts_in(step: Step | None) -> bool:
    return isinstance(step, Act) and step.interrupts is not None


def _call(call: CallSetup) -> dict[str, Any]:
    known = {
        "kind": call.kind if call.kind == "phone" else "",
        "from": call.from_number,
        "to": call.to_number,
        "direction": call.direction if call.direction == "outbound" else "",
        "variables": dict(call.variables),
        "metadata": dict(call.metadata),
    }
    return {name: value for name, value in known.items() if value}


def _platform(platform: PlatformSetup) -> dict[str, Any]:
    known = {
        "reminder": None if platform.reminder is None else _seconds(platform.reminder),
        "reminders": platform.reminders,
        "details": platform.details,
    }
    return {name: value for name, value in known.items() if value is not None}


def _step(step: Step, then: Reaction | None) -> Iterator[str]:
    expected = _expected(then) if then is not None else {}
    key, value = _act(step)
    yield f"  - {key}: {value}"
    if isinstance(step, Says) and step.pauses:
        pauses = [{"for": _seconds(pause.seconds), "then": pause.then} for pause in step.pauses]
        yield f"    pauses: {_value(pauses)}"
    if isinstance(step, Act) and step.interrupts is not None:
        yield f"    interrupts: {_value(_point(step.interrupts))}"
    if expected and not isinstance(step, HangsUp):
        yield f"    expect: {_value(expected)}"


def _act(step: Step) -> tuple[str, str]:
    match step:
        case Says(text=text):
            return "says", _value(text)
        case Presses(digits=digits):
            return "presses", _value(digits)
        case Silent(seconds=seconds):
            return "silent", _seconds(seconds)
        case Mumbles():
            return "mumbles", "true"
        case HangsUp():
            return "hangs_up", "true"
        case _:
            raise TypeError(f"no recorded caller does this: {step!r}")


def _point(point: Point) -> dict[str, Any]:
    count = _seconds(point.count) if point.unit == "seconds" else int(point.count)
    return {_UNITS[point.unit]: count}


def _expected(then: Reaction) -> dict[str, Any]:
    """What is expected where nobody cut in. Whom a call was transferred to was redacted."""
    if then.is_cut:
        return {}
    expected: dict[str, Any] = {} if "*" in then.text else {"is": then.text}
    match then.action:
        case "hang_up":
            expected["action"] = "hang_up"
        case "digits" if "*" not in then.target:
            expected["action"] = {"presses": then.target}
        case "transfer" if "*" not in then.target:
            expected["action"] = {"transfer": then.target}
        case _:
            pass
    return expected


def _seconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms" if seconds != int(seconds) else f"{int(seconds)}s"


def _value(value: object) -> str:
    """A value in YAML's flow style, which reads what is quoted as in JSON; a single `$` would be a variable's."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(name)}: {_value(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, str):
        return _quoted(value.replace("$", "$$"))
    return json.dumps(value)


def _key(name: object) -> str:
    text = str(name)
    return text if text.isidentifier() and text.isascii() else _quoted(text)


def _quoted(text: str) -> str:
    """In YAML a character beyond the 16 bits of JSON's escapes has one of its own."""
    escaped = (one if one.isprintable() else f"\\U{ord(one):08x}" for one in json.dumps(text, ensure_ascii=False))
    return "".join(escaped)
