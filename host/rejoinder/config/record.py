"""`record:`: which calls are written down, for how long, and whether with their words."""

from rejoinder.config.durations import read_duration
from rejoinder.config.keys import RECORD
from rejoinder.config.shape import RecordConfig
from rejoinder.config.tree import Scalar
from rejoinder.config.value import Value

#: No call is to expire while it lasts, and nobody wants to answer for what is ten years old.
SHORTEST_KEEP = 3600.0
LONGEST_KEEP = 3650 * 86400.0


def read_record(parent: Value, outer: RecordConfig | None) -> RecordConfig | None:
    """`record` of a mapping; what it does not say is as in `outer`. None: not recorded."""
    value = parent.given("record")
    if value is None:
        return outer
    if isinstance(value.node, Scalar):
        if _is_on(value) is not False:
            value.wrong("what to record is not said", "write off, or {keep: 30d}, or {keep: 30d, text: on}")
        return None
    if not value.table(RECORD):
        return outer
    inherited = outer or RecordConfig()
    keep, text = value.given("keep"), value.given("text")
    seconds = read_duration(keep, SHORTEST_KEEP, LONGEST_KEEP) if keep else None
    words = _is_on(text) if text else None
    if text is not None and words is None:
        text.wrong("expected on or off", "on keeps the words of the call, off only who spoke when")
    return RecordConfig(inherited.keep if seconds is None else seconds, inherited.text if words is None else words)


def _is_on(value: Value) -> bool | None:
    """on or off, quoted or not; None for anything else."""
    readings = value.node.readings() if isinstance(value.node, Scalar) else []
    for reading in readings:
        if isinstance(reading, bool) or reading in ("on", "off"):
            return reading in (True, "on")
    return None
