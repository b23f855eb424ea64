"""Durations as the file writes them: `500ms`, `2s`, `1.5m`, `1h`, `30d`; as the host takes them: seconds."""

import re

from rejoinder.config.tree import Scalar, kind
from rejoinder.config.value import Value

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s|m|h|d)\Z")
_REMEDY = "write it with its unit: 500ms, 2s, 5m, 1h"
_REMEDY_LONG = "write it with its unit: 12h, 30d"
_LONG = 2 * 86400.0


def read_duration(value: Value, least: float = 0.0, most: float | None = None) -> float | None:
    """A duration in seconds, within its bounds (both included); None if it is wrong, which is then reported."""
    remedy = _REMEDY_LONG if most is not None and most > _LONG else _REMEDY
    if not isinstance(value.node, Scalar):
        value.wrong(f"expected a duration, got {kind(value.node)}", remedy)
        return None
    seconds = seconds_in(value.node.text)
    if seconds is None:
        value.wrong("not a duration", remedy)
    elif most is not None and not least <= seconds <= most:
        value.wrong(f"must be between {written(least)} and {written(most)}")
    elif seconds < least:
        value.wrong(f"must be {written(least)} or more")
    else:
        return seconds
    return None


def seconds_in(text: str) -> float | None:
    """The seconds of a duration as it is written, None if it is none."""
    found = _DURATION.match(text.strip())
    return float(found[1]) * _UNITS[found[2]] if found else None


def written(seconds: float) -> str:
    """A duration as it is written, in the largest unit that it is a whole number of; one day is 24h."""
    units = [(name, length) for name, length in reversed(_UNITS.items()) if name != "d" or seconds >= 2 * length]
    unit = next((name for name, length in units if seconds >= length and seconds % length == 0), "ms")
    return f"{seconds / _UNITS[unit]:g}{unit}"
