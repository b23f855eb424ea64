"""What the agents of one file see: its vars, numbers and defaults over those of the main file."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo, available_timezones

from rejoinder.config.access import read_door, read_limits
from rejoinder.config.keys import DEFAULTS
from rejoinder.config.ladder import read_late, read_lines, read_on_failure
from rejoinder.config.record import read_record
from rejoinder.config.shape import Limits, RecordConfig
from rejoinder.config.tree import Listing, Scalar, Table, kind
from rejoinder.config.value import Value, nearest
from rejoinder.dialogue import Action
from rejoinder.doors import Door
from rejoinder.late import Late
from rejoinder.lines import OwnLines

#: Reserved for a later version.
LATER_DEFAULTS = frozenset({"fallback", "begin", "reminder", "platforms", "observers", "retell"})
_NAME = re.compile(r"\w[\w.\-]*\Z")
_E164 = re.compile(r"\+[1-9]\d{6,14}\Z")  # ITU-T E.164: at most 15 digits
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*\Z")  # the shape of a BCP 47 tag, not the register


@dataclass(frozen=True, slots=True)
class Scope:
    """Vars and numbers by name, language and timezone for agents that say nothing else."""

    vars: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    language: str = "en"
    timezone: str = "UTC"
    late: Late = Late()
    lines: OwnLines = OwnLines()
    on_failure: Action | None = None
    door: Door = Door()
    limits: Limits = field(default_factory=Limits)
    clean_speech: bool = True
    record: RecordConfig | None = None


def read_scope(root: Value, outer: Scope) -> Scope:
    """The scope of a file, nearest wins."""
    scope = outer
    if given := root.child("vars"):
        scope = replace(scope, vars={**outer.vars, **_named(given, _var)})
    if given := root.child("numbers"):
        scope = replace(scope, numbers={**outer.numbers, **_named(given, _number)})
    if (given := root.child("defaults")) and given.table(DEFAULTS, LATER_DEFAULTS):
        scope = replace(
            scope,
            language=read_language(given, scope.language),
            timezone=read_timezone(given, scope.timezone),
            late=read_late(given, scope.late),
            lines=read_lines(given, scope.lines, scope.vars),
            on_failure=read_on_failure(given, scope.on_failure, scope.numbers),
            door=read_door(given, scope.door),
            limits=read_limits(given, scope.limits),
            clean_speech=read_clean_speech(given, default=scope.clean_speech),
            record=read_record(given, scope.record),
        )
    return scope


def check_name(parent: Value, name: str) -> bool:
    """Whether a name may be given to an agent, observer, var or number."""
    if _NAME.match(name):
        return True
    parent.wrong(f"'{name}' cannot be a name", "use letters, digits, - _ and .", key=name)
    return False


def _named(table: Value, read: Callable[[Value], str | None]) -> dict[str, str]:
    if not table.table():
        return {}
    found = {name: read(value) for name, value in table.children().items() if check_name(table, name)}
    return {name: text for name, text in found.items() if text is not None}


def _var(value: Value) -> str | None:
    """Any single value, as it is written: `year: 2026` and `phone: +15551234567` are what they look like."""
    text = value.node.text if isinstance(value.node, Scalar) else value.text()
    if text is not None and "{{" in text:
        value.wrong("a var cannot hold {{ }}", "write {{ }} into the text that uses it")
    return text


def _number(value: Value) -> str | None:
    match value.node:
        case Scalar(missing=True):
            return "+10000000000"
        case Scalar(substituted=False) as scalar if isinstance(scalar.value, int):
            value.wrong("a telephone number without quotes is a whole number and loses its +", 'quote it: "+15551234567"')
        case Scalar(text=text) if _E164.match(text):
            return text
        case Scalar():
            value.wrong("not a telephone number", 'write it in E.164, + and digits only: "+442079460000"')
        case Table() | Listing():
            value.wrong(f"expected a telephone number, got {kind(value.node)}", 'write it in E.164: "+442079460000"')
        case _:
            pass
    return None


def read_language(parent: Value, default: str) -> str:
    """`language:` of a mapping."""
    return _place(parent, "language", LANGUAGE.match, lambda _: "write a BCP 47 tag: en, es-419, pt-BR") or default


def read_timezone(parent: Value, default: str) -> str:
    """`timezone:` of a mapping."""
    return _place(parent, "timezone", _is_timezone, _near_zone) or default


def read_clean_speech(parent: Value, *, default: bool) -> bool:
    """`clean_speech:` of a mapping."""
    value = parent.given("clean_speech")
    given = value.flag() if value else None
    return default if given is None else given


def _place(parent: Value, key: str, is_right: Callable[[str], object], remedy: Callable[[str], str]) -> str | None:
    value = parent.given(key)
    text = value.text() if value else None
    if value and text is not None and not is_right(text):
        value.wrong(f"not a {key}", remedy(text))
    return text


def _near_zone(name: str) -> str:
    zones = (zone for zone in available_timezones() if "/" in zone)
    return nearest(name, zones, "write an IANA name: Europe/London, UTC")


def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        return False
    return True
