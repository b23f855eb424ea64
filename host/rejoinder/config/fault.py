"""What a type says against a value, in plain words and with the path to it. Never with the value itself.

Keys that a type does not have are found here: only structs of msgspec refuse them by themselves.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import EllipsisType
from typing import Any

import msgspec

from rejoinder.config.tree import Node, Scalar, Step, Table, inside
from rejoinder.config.value import nearest
from rejoinder.declared import Declared, Schema

_KINDS = {
    "str": "text", "int": "a whole number", "float": "a number", "bool": "true or false",
    "array": "a list", "object": "a mapping", "null": "nothing",
}  # fmt: skip
_BOUNDS = {">=": "{} or more", ">": "more than {}", "<=": "{} or less", "<": "less than {}"}
_PLACE = re.compile(r" - at (?:`key` in )?`\$([^`]*)`\Z")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]|(\[\.\.\.\])")

Steps = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong at the value under `steps`; `key` if it is a key of that value.

    `certain`: it does not depend on what the values are; `missing`: it is about what is not there.
    """

    steps: Steps
    what: str
    remedy: str = ""
    key: str = ""
    certain: bool = False
    missing: bool = False


def unknown_keys(whole: Declared, node: Node, schema: Schema | None = None, steps: Steps = ()) -> Iterator[Fault]:
    """Keys in the node that the type does not have."""
    known = _meant(whole, whole.schema if schema is None else schema, node)
    for step, child in inside(node).items():
        inner = _under(known, step)
        if inner is not None:
            yield from unknown_keys(whole, child, inner, (*steps, step))
        elif "properties" in known and not known.get("additionalProperties"):
            remedy = nearest(str(step), known["properties"]) or "it takes no options"
            yield Fault(steps, f"unknown option '{step}'", remedy, key=str(step), certain=True)


def _meant(whole: Declared, schema: Schema, node: Node) -> Schema:
    """The one form of the schema that the node can be meant for; any value if that is not clear."""
    wanted = "object" if isinstance(node, Table) else "array"
    fitting = [form for form in whole.forms(schema) if form.get("type") == wanted]
    if len(fitting) > 1:
        fitting = [form for form in fitting if _tagged(form, node)]
    return fitting[0] if len(fitting) == 1 else {}


def _tagged(form: Schema, node: Node) -> bool:
    tags = {name: one["const"] for name, one in form.get("properties", {}).items() if "const" in one}
    return any(isinstance(child, Scalar) and (at, child.value) in tags.items() for at, child in inside(node).items())


def _under(form: Schema, step: Step) -> Schema | None:
    """What the form says of a key or list position, if it says something."""
    if isinstance(step, str):
        found = form.get("properties", {}).get(step, form.get("additionalProperties"))
    else:
        found = dict(enumerate(form.get("prefixItems", ()))).get(step, form.get("items"))
    return found if isinstance(found, dict) else None


def choices(whole: Declared, schema: Schema, steps: Steps) -> list[object]:
    """The values that may stand under `steps`; none if they cannot be listed."""
    found = []
    for form in whole.forms(schema):
        inner = _under(form, steps[0]) if steps else None
        if inner is not None:
            found += choices(whole, inner, steps[1:])
        elif not steps:
            found += form.get("enum") or [form[key] for key in ("const",) if key in form]
    return found


def missing(steps: Steps, name: str) -> Fault:
    return Fault(steps, f"the option '{name}' is missing", f"write '{name}: ...'", certain=True, missing=True)


def fault_of(error: msgspec.ValidationError, convert: Callable[[Any], object], given: Any, whole: Declared) -> Fault:
    """The fault in an error of `convert(given)`; `whole` is what the type declares that it converts to."""
    message, marks = _parts(error)
    steps = exact(convert, given, marks)
    if found := re.match(r"Object missing required field `(.*)`\Z", message):
        return missing(steps, found[1])
    if found := re.match(r"Object contains unknown field `(.*)`\Z", message):
        return Fault(steps, f"unknown option '{found[1]}'", key=found[1], certain=True)
    if re.match(r"Invalid (enum )?value\b", message):
        allowed = ", ".join(map(str, choices(whole, whole.schema, steps)))
        return Fault(steps, "not one of the values it may have", f"one of: {allowed}" if allowed else "")
    return Fault(steps, in_words(message))


def in_words(message: str) -> str:
    """A message of msgspec in the words of the manual; anything else as it is."""
    if found := re.match(r"Expected `([^`]*)`, got `([^`]*)`\Z", message):
        return f"expected {_kinds(found[1])}, got {_kinds(found[2])}"
    if found := re.match(r"Expected `(?:int|float)` (>=|>|<=|<) (\S+)\Z", message):
        return f"must be {_BOUNDS[found[1]].format(found[2].removesuffix('.0'))}"
    if found := re.match(r"Expected `(\w+)` of length (?:(>=|<=) )?(\d+)", message):
        unit = {"str": "characters", "object": "entries"}.get(found[1], "items")
        return f"must have {_BOUNDS.get(found[2], '{}').format(found[3])} {unit}"
    if found := re.match(r"Expected `str` matching regex (.*)\Z", message, re.DOTALL):
        return f"must match the pattern {found[1]}"
    if found := re.match(r"Expected `(?:int|float)` that's a multiple of (\S+)\Z", message):
        return f"must be a multiple of {found[1]}"
    return message


def _kinds(names: str) -> str:
    words = [_KINDS.get(name, name) for name in names.split(" | ") if name != "null" or names == "null"]
    return " or ".join(words) if len(words) < 3 else f"{', '.join(words[:-1])} or {words[-1]}"


Marks = tuple[Step | EllipsisType, ...]


def _parts(error: msgspec.ValidationError) -> tuple[str, Marks]:
    text = str(error)
    place = _PLACE.search(text)
    if place is None:
        return text, ()
    return text[: place.start()], tuple(_marks(place[1]))


def _marks(path: str) -> Iterator[Step | EllipsisType]:
    for name, index, hidden in _STEP.findall(path):
        yield ... if hidden else int(index) if index else str(name)


def exact(convert: Callable[[Any], object], given: Any, marks: Marks) -> Steps:
    """The path with the keys that msgspec writes as `[...]`: of such a mapping each entry is tried alone."""
    steps: list[Step] = []
    for at, mark in enumerate(marks):
        if isinstance(mark, EllipsisType):
            key = _culprit(convert, given, tuple(steps), marks[: at + 1])
            if key is None:
                break
            steps.append(key)
        else:
            steps.append(mark)
    return tuple(steps)


def _culprit(convert: Callable[[Any], object], given: Any, above: Steps, marks: Marks) -> str | None:
    for key in walk(given, above) or ():
        try:
            convert(_alone(given, above, key))
        except msgspec.ValidationError as error:
            if _parts(error)[1][: len(marks)] == marks:
                return str(key)
    return None


def walk(given: Any, steps: Steps) -> Any:
    """The value under `steps`, None if there is none."""
    for step in steps:
        try:
            given = given[step]
        except (KeyError, IndexError, TypeError):
            return None
    return given


def _alone(given: Any, above: Steps, key: str) -> Any:
    """A copy of `given` in which the mapping under `above` has this one key."""
    if not above:
        return {key: given[key]}
    copy: Any = dict(given) if isinstance(given, dict) else list(given)
    copy[above[0]] = _alone(given[above[0]], above[1:], key)
    return copy
