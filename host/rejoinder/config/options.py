"""A system's options: from what the file says to the type that the system declares.

Structs of msgspec, dataclasses, typed dicts, and pydantic models, which are recognised without importing pydantic.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from rejoinder.config.fault import Fault, Steps, fault_of, missing, unknown_keys, walk
from rejoinder.config.tree import (
    Broken,
    Entry,
    Listing,
    Mark,
    Node,
    Origin,
    Plain,
    Scalar,
    Table,
    kind_of_value,
    nodes,
    plain,
    resolve,
)
from rejoinder.contract import Secret
from rejoinder.declared import Declared, Schema, legible
from rejoinder.errors import Problem

_SHORTEST_SECRET = 4  # what is shorter is no secret, and would be found in every word
_YES_NO = frozenset({"yes", "no", "on", "off", "True", "False"})


def convert_options(
    options_type: type, given: Mapping[str, Any], origin: Origin | None = None, *, whole: bool = True
) -> tuple[object | None, list[Problem]]:
    """The options as an object of `options_type`, or what is wrong with them.

    `origin` is that of the agent or observer: it has the places, and knows which values came from outside. Those may also
    be read as a number, or true and false, where the type wants one; all others must have the type already. Problems never
    hold a value. (None, []) means: right as far as can be told while variables are missing (`load(secrets=False)`) or
    values were reported already, or, if the options need not be `whole`, while some are missing.
    """
    place = (origin.child("options") if origin else None) or _stand_in(given, origin)
    if not isinstance(place.node, Table):
        return None, []
    conversion = _Conversion(options_type, place)
    options, faults = conversion.run()
    return options, sorted(conversion.problem(fault) for fault in faults if whole or not fault.missing)


def _stand_in(given: Mapping[str, Any], origin: Origin | None) -> Origin:
    """A tree for options that stand in no file (or are left out there)."""
    mark = origin.key if origin else Mark("options")
    return Origin(f"{origin.where}.options" if origin else "", mark, _node(given, mark))


def _node(value: Any, mark: Mark) -> Node:
    match value:
        case Mapping():
            return Table(mark, {str(name): Entry(mark, _node(inner, mark)) for name, inner in value.items()})
        case list() | tuple():
            return Listing(mark, tuple(_node(inner, mark) for inner in value))
        case str():
            return Scalar(mark, value)
        case _:
            text = "null" if value is None else str(value).replace("inf", ".inf").replace("nan", ".nan")
            return Scalar(mark, text, plain=True)


class _Conversion:
    """One conversion: values from outside are offered in one reading after the other until the type takes one, and, if it
    takes none, in the first one again, whose fault is then told."""

    def __init__(self, options_type: Any, place: Origin) -> None:
        self.type = options_type
        self.is_model = hasattr(options_type, "model_validate")
        self.place = place
        self.reading: dict[Scalar, int] = {}

    def run(self) -> tuple[object | None, list[Fault]]:
        unknown = self._unknown()
        while True:
            given = plain(self.place.node, self._choose)
            for fault in unknown:  # so that the rest can be looked at
                walk(given, fault.steps).pop(fault.key)
            options, faults = (_model if self.is_model else _typed)(self.type, given)
            if not [fault for fault in faults if self._advance(fault)]:  # each goes to its next reading
                break
        kept = [fault for fault in faults if fault.certain or not self._guesses(fault)]
        return (None if unknown or faults else options), unknown + kept

    def _unknown(self) -> list[Fault]:
        if not self.is_model:
            return list(unknown_keys(legible(self.type), self.place.node))
        fields, config = getattr(self.type, "model_fields", {}), getattr(self.type, "model_config", {})
        names: Schema = {name: {} for field, about in fields.items() for name in (field, getattr(about, "alias", None)) if name}
        schema = {"type": "object", "properties": names, "additionalProperties": config.get("extra") == "allow"}
        return list(unknown_keys(Declared(schema), self.place.node))

    def _choose(self, scalar: Scalar) -> Plain:
        readings = scalar.readings()
        return readings[self.reading.get(scalar, 0) % len(readings)]

    def _scalar(self, fault: Fault) -> Scalar | None:
        node = self.place.towards(fault.steps).node
        return node if isinstance(node, Scalar) else None

    def _advance(self, fault: Fault) -> bool:
        """Whether the value at fault has another reading, which is then the next to be tried."""
        scalar = self._scalar(fault)
        if scalar is None:
            return False
        at, last = self.reading.get(scalar, 0), len(scalar.readings())
        self.reading[scalar] = min(at + 1, last)
        return at < last

    def _guesses(self, fault: Fault) -> bool:
        """Whether the fault may only be that of a placeholder, or of a value whose own fault was reported."""
        return any(
            isinstance(one, Broken) or (isinstance(one, Scalar) and one.missing)
            for one in nodes(self.place.towards(fault.steps).node)
        )

    def problem(self, fault: Fault) -> Problem:
        remedy = fault.remedy or _remedy(fault.what, self._scalar(fault))
        what = fault.what
        for leaf in nodes(self.place.node):
            if isinstance(leaf, Scalar) and leaf.substituted and len(leaf.text) >= _SHORTEST_SECRET:
                what = what.replace(leaf.text, "***")
        return self.place.problem(fault.steps, what, remedy, key=fault.key)


def _remedy(what: str, scalar: Scalar | None) -> str:
    if scalar is None:
        return ""
    if what.startswith("expected text") and not isinstance(scalar.value, str):
        return "quote it"
    if what.startswith("expected true or false") and scalar.text in _YES_NO:
        return "write true or false"
    numeric = not isinstance(resolve(scalar.text), str | None)
    return "take the quotes away" if "number, got text" in what and numeric and not scalar.substituted else ""


def _hook(wanted: type, given: object) -> object:
    """Types that msgspec does not know."""
    if wanted is not Secret:
        raise TypeError(f"the plugin declares an option of a type that YAML cannot give: {wanted.__name__}")
    if not isinstance(given, str):
        words = kind_of_value(given) if isinstance(given, int | float | None) else "something else"
        raise TypeError(f"expected text, got {words}")
    return Secret(given)


def _typed(options_type: Any, given: Any) -> tuple[object | None, list[Fault]]:
    """Structs, dataclasses and typed dicts. Of a struct every field is tried, then the whole for its own checks."""
    if isinstance(options_type, type) and issubclass(options_type, msgspec.Struct) and isinstance(given, dict):
        faults = _field_faults(options_type, given)
        if faults:
            return None, faults
    return _convert(options_type, given)


def _field_faults(options_type: type[msgspec.Struct], given: dict[str, Any]) -> list[Fault]:
    found = []
    for field in msgspec.structs.fields(options_type):
        if field.encode_name in given:
            faults = _faults(field.type, given[field.encode_name])
            found += [replace(fault, steps=(field.encode_name, *fault.steps)) for fault in faults]
        elif field.required:
            found.append(missing((), field.encode_name))
    return found


def _faults(kind: Any, given: Any) -> list[Fault]:
    """What is wrong with one value; of a list what is wrong with each of its items."""
    faults = _convert(kind, given)[1]
    if not (isinstance(given, list) and faults and faults[0].steps):
        return faults
    alone = [(at, fault) for at, item in enumerate(given) for fault in _convert(kind, [item])[1] if fault.steps[:1] == (0,)]
    return [replace(fault, steps=(at, *fault.steps[1:])) for at, fault in alone] or faults


def _convert(options_type: Any, given: Any) -> tuple[object | None, list[Fault]]:
    def convert(value: Any) -> object:
        return msgspec.convert(value, options_type, dec_hook=_hook)

    try:
        return convert(given), []
    except msgspec.ValidationError as error:
        return None, [fault_of(error, convert, given, legible(options_type))]
    except Exception as error:  # noqa: BLE001 - the checks of an options type are a stranger's code
        return None, [_failed(error)]


def _failed(error: Exception) -> Fault:
    return Fault((), f"the plugin's own check of its options failed: {type(error).__name__}", "tell its author")


def _model(options_type: Any, given: Any) -> tuple[object | None, list[Fault]]:
    """A pydantic model; its errors are asked for without the values."""
    try:
        made: object = options_type.model_validate(given)
    except Exception as error:  # noqa: BLE001 - pydantic is not imported here, and validators are a stranger's code
        if not hasattr(error, "errors"):
            return None, [_failed(error)]
        listed = error.errors(include_input=False, include_url=False, include_context=False)
        return None, [_model_fault(one["type"], one["msg"], one["loc"]) for one in listed]
    return made, []


def _model_fault(kind: str, message: str, place: Steps) -> Fault:
    if kind == "missing":
        return missing(place[:-1], str(place[-1]))
    if kind == "extra_forbidden":
        return Fault(place[:-1], f"unknown option '{place[-1]}'", key=str(place[-1]), certain=True)
    text = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return Fault(place, text[:1].lower() + text[1:])
