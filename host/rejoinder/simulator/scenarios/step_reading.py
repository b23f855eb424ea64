"""`caller:` of a scenario, from YAML to steps."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from rejoinder.config.durations import read_duration
from rejoinder.config.tree import Scalar, Table, plain
from rejoinder.config.value import Value, nearest
from rejoinder.simulator.scenarios.expectation import NOTHING, Expected
from rejoinder.simulator.scenarios.expectation_reading import read_expected
from rejoinder.simulator.scenarios.steps import (
    DialsTwice,
    Drops,
    Duplicates,
    HangsUp,
    Hears,
    Mumbles,
    Pause,
    Point,
    Presses,
    ReadsSlowly,
    Reorders,
    Says,
    Sends,
    Silent,
    Step,
)

#: What may stand under `hears` beside what is expected there.
HEARS_KEYS = ("within",)
PAUSE_KEYS = ("for", "then")
POINT_KEYS = ("after", "words", "chunk")
LOSSES = ("connection", "keepalive")
_DIGITS = re.compile(r"[0-9*#]+\Z")
_POINT_REMEDY = "write {after: 1s}, {words: 4} or {chunk: 2}"
_COUNT = {"type": "integer", "minimum": 1}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of step: `read` is given what stands under its key, and the step; `also` are the keys that may stand beside;
    one that `is_bare` says nothing more than that it happens."""

    read: Callable[[Value, Value], Step | None]
    also: tuple[str, ...] = ()
    is_bare: bool = False


def read_steps(value: Value) -> tuple[Step, ...]:
    """Every step that can be read; what is wrong with the others is reported."""
    items = value.items("steps") or []
    steps = [_step(item) for item in items]
    for item, before in zip(items[1:], steps, strict=False):
        if isinstance(before, HangsUp):
            item.wrong("nothing happens after 'hangs_up'", "leave it out, or move it up")
    return tuple(step for step in steps if step)


def _step(value: Value) -> Step | None:
    if isinstance(value.node, Scalar):
        return _bare(value, value.node.text)
    if not value.table(ALL_KEYS):
        return None
    names = [key for key in KINDS if value.origin.child(key)]
    if len(names) != 1:
        _not_one(value, names)
        return None
    kind, child = KINDS[names[0]], value.child(names[0])
    for key in value.children():
        if key != names[0] and key not in kind.also:
            value.wrong(f"'{key}' has no meaning beside '{names[0]}'", _beside(kind), key=key)
    if child is None or (kind.is_bare and child.flag() is not True):
        if child is not None and kind.is_bare:
            child.wrong("a step that does not happen", "write true, or leave the step out")
        return None
    return kind.read(child, value)


def _not_one(value: Value, names: list[str]) -> None:
    if names:
        value.wrong(f"{' and '.join(names)} are two steps", "write each step as a list item of its own")
    elif all(key in BESIDE for key in value.children()):
        value.wrong("a step must say what happens", f"one of: {', '.join(KINDS)}")


def _bare(value: Value, name: str) -> Step | None:
    kind = KINDS.get(name)
    if kind is not None and kind.is_bare:
        return kind.read(value, value)
    bare = [name for name, kind in KINDS.items() if kind.is_bare]
    value.wrong("not a step", f"write '- {name}: ...'" if kind else nearest(name, bare, "write '- says: ...'"))
    return None


def _beside(kind: Kind) -> str:
    return f"beside it may stand: {', '.join(kind.also)}" if kind.also else "nothing may stand beside it"


# What is said of steps of several kinds.


def _expected(step: Value) -> Expected:
    child = step.given("expect")
    return read_expected(child) if child else NOTHING


def _point(step: Value, key: str) -> Point | None:
    value = step.given(key)
    if value is None:
        return None
    if not isinstance(value.node, Table) or len(value.node.entries) != 1:
        value.wrong("not a point in what the agent says", _POINT_REMEDY)
        return None
    if not value.table(POINT_KEYS):
        return None
    if after := value.given("after"):
        seconds = read_duration(after)
        return None if seconds is None else Point("seconds", seconds)
    for name, unit in (("words", "words"), ("chunk", "chunks")):
        if child := value.given(name):
            count = child.single(_COUNT)
            return None if count is None else Point("words" if unit == "words" else "chunks", count)
    return None


def _pauses(step: Value) -> tuple[Pause, ...]:
    value = step.given("pauses")
    return tuple(pause for item in (value.items("pauses") or [] if value else []) if (pause := _pause(item)))


def _pause(value: Value) -> Pause | None:
    if not value.table(PAUSE_KEYS):
        return None
    length, then = value.child("for"), value.child("then")
    seconds = read_duration(length) if length else None
    text = then.text() if then else None
    for key in PAUSE_KEYS:
        if value.origin.child(key) is None:
            value.missing(f"a pause needs '{key}'", "write {for: 800ms, then: the rest of the sentence}")
    return Pause(seconds, text) if seconds is not None and text is not None else None


def _number(value: Value) -> int | None:
    number = value.single(_COUNT)
    return None if number is None else int(number)


# One function for each kind.


def _says(value: Value, step: Value) -> Step | None:
    text, pauses = value.text(), _pauses(step)
    if text is not None and not text.strip():
        value.wrong("the caller says nothing", "write 'silent: 5s' for a silence, or 'mumbles: true'")
        return None
    point, expected = _point(step, "interrupts"), _expected(step)
    return Says(text, pauses, interrupts=point, expected=expected, place=value.node.mark) if text else None


def _mumbles(value: Value, step: Value) -> Step:
    return Mumbles(interrupts=_point(step, "interrupts"), expected=_expected(step), place=value.node.mark)


def _presses(value: Value, step: Value) -> Step | None:
    digits, point, expected = value.text(), _point(step, "interrupts"), _expected(step)
    if digits is not None and not _DIGITS.match(digits):
        value.wrong("these are not keys of a telephone", 'digits, * and # only: "5#"')
        return None
    return Presses(digits, interrupts=point, expected=expected, place=value.node.mark) if digits else None


def _hangs_up(value: Value, step: Value) -> Step:
    return HangsUp(interrupts=_point(step, "interrupts"), place=value.node.mark)


def _silent(value: Value, step: Value) -> Step | None:
    seconds, expected = read_duration(value), _expected(step)
    return None if seconds is None else Silent(seconds, expected=expected, place=value.node.mark)


def _hears(value: Value, step: Value) -> Step:
    expected = read_expected(value, *HEARS_KEYS)
    within = value.given("within") if isinstance(value.node, Table) else None
    seconds = read_duration(within) if within else None
    return Hears(seconds, expected=expected, place=value.node.mark)


def _drops(value: Value, step: Value) -> Step | None:
    what, point = value.text(), _point(step, "at")
    if what == "connection":
        return Drops("connection", at=point, place=value.node.mark)
    if what == "keepalive":
        return Drops("keepalive", at=point, place=value.node.mark)
    if what is not None:
        value.wrong("this cannot be dropped", nearest(what, LOSSES))
    return None


def _duplicates(value: Value, step: Value) -> Step | None:
    number, point = _number(value), _point(step, "at")
    return Duplicates(number, at=point, place=value.node.mark) if number else None


def _reorders(value: Value, step: Value) -> Step | None:
    number, point = _number(value), _point(step, "at")
    return Reorders(number, at=point, place=value.node.mark) if number else None


def _reads_slowly(value: Value, step: Value) -> Step | None:
    seconds, point = read_duration(value), _point(step, "at")
    return None if seconds is None else ReadsSlowly(seconds, at=point, place=value.node.mark)


def _sends(value: Value, step: Value) -> Step | None:
    """A text as it is, or a mapping as the JSON of it."""
    point = _point(step, "at")
    text = json.dumps(plain(value.node), ensure_ascii=False) if isinstance(value.node, Table) else value.text()
    return None if text is None else Sends(text.encode(), at=point, place=value.node.mark)


def _sends_bytes(value: Value, step: Value) -> Step | None:
    text, point = value.text(), _point(step, "at")
    return None if text is None else Sends(text.encode(), is_binary=True, at=point, place=value.node.mark)


def _dials_twice(value: Value, step: Value) -> Step:
    return DialsTwice(at=_point(step, "at"), place=value.node.mark)


#: Every kind of step by its key.
KINDS: dict[str, Kind] = {
    "says": Kind(_says, ("pauses", "interrupts", "expect")),
    "hears": Kind(_hears),
    "silent": Kind(_silent, ("expect",)),
    "mumbles": Kind(_mumbles, ("interrupts", "expect"), is_bare=True),
    "presses": Kind(_presses, ("interrupts", "expect")),
    "hangs_up": Kind(_hangs_up, ("interrupts",), is_bare=True),
    "drops": Kind(_drops, ("at",)),
    "duplicates": Kind(_duplicates, ("at",)),
    "reorders": Kind(_reorders, ("at",)),
    "reads_slowly": Kind(_reads_slowly, ("at",)),
    "sends": Kind(_sends, ("at",)),
    "sends_bytes": Kind(_sends_bytes, ("at",)),
    "dials_twice": Kind(_dials_twice, ("at",), is_bare=True),
}
#: Keys that may stand beside that of a step.
BESIDE = tuple(dict.fromkeys(key for kind in KINDS.values() for key in kind.also))
ALL_KEYS = (*KINDS, *BESIDE)
