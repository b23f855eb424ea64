"""What a turn that nobody answers in time comes to: `late`, `lines`, `on_failure`."""

import itertools
from collections.abc import Mapping

from rejoinder.config.durations import read_duration
from rejoinder.config.fields import check_spoken
from rejoinder.config.keys import HEARD, LATE, LINES
from rejoinder.config.tree import Listing, Scalar, Table
from rejoinder.config.value import Value, nearest
from rejoinder.dialogue import Action, EndCall, TransferCall
from rejoinder.late import Late
from rejoinder.lines import OwnLines
from rejoinder.templates import Template, template

#: Longer waits than this are no wait but a slip of the unit.
LONGEST = 600.0


def read_late(parent: Value, outer: Late) -> Late:
    """`late` of a mapping; what it does not say is as in `outer`. The rungs must follow one another."""
    value = parent.child("late")
    if value is None or not value.table(LATE):
        return outer
    given = {key: read_duration(one, 0.1, LONGEST) for key in LATE if (one := value.given(key))}
    rungs = {key: getattr(outer, key) for key in LATE} | {key: one for key, one in given.items() if one is not None}
    order = ("filler", "fallback", "apology", "longest")
    for earlier, later in itertools.pairwise(order):
        if rungs[earlier] > rungs[later]:
            value.wrong(f"{earlier} is due after {later}", "give the rungs in the order filler, fallback, apology, longest")
            return outer
    if rungs["fallback"] == rungs["apology"]:
        value.wrong("an agent under fallback would have no time", "the time between fallback and apology is what it has")
        return outer
    return Late(**rungs)


def read_lines(parent: Value, outer: OwnLines, variables: Mapping[str, str]) -> OwnLines:
    """`lines` of a mapping; what it does not say is as in `outer`."""
    value = parent.child("lines")
    if value is None or not value.table({**LINES, **HEARD}):
        return outer
    given = {key: spoken_lines(one, variables) for key in LINES if (one := value.child(key))}
    spoken = {key: given.get(key, getattr(outer, key)) for key in LINES}
    return OwnLines(**spoken, farewells=_read_farewells(value, outer.farewells))


def _read_farewells(lines: Value, outer: tuple[str, ...] | None) -> tuple[str, ...] | None:
    value = lines.child("farewells")
    if value is None:
        return outer
    texts = spoken_lines(value, {})
    if any(text.fields for text in texts):
        value.wrong("what a caller says cannot hold {{ }}", "write the words themselves")
    return tuple(text.text for text in texts)


def spoken_lines(value: Value, variables: Mapping[str, str]) -> tuple[Template, ...]:
    """One text that is spoken as it stands, or several."""
    if not isinstance(value.node, Listing):
        line = spoken_line(value, variables)
        return (line,) if line else ()
    if value.node.flow and any(isinstance(item, Scalar) and item.plain for item in value.node.items):
        value.wrong("texts in [ ] without quotes are cut at every comma", 'quote each: ["...", "..."]')
        return ()
    return tuple(line for item in value.items("texts") or () if (line := spoken_line(item, variables)))


def spoken_line(value: Value, variables: Mapping[str, str]) -> Template | None:
    """A text that is spoken as it stands."""
    text = value.text()
    if text is None:
        return None
    if isinstance(value.node, Scalar) and value.node.commented and value.node.plain:
        value.wrong("the text ends at ' #', the rest is a remark", "quote the text to keep the #, or to show where it ends")
    check_spoken(value, text, variables)
    return template(text)


def read_on_failure(parent: Value, outer: Action | None, numbers: Mapping[str, str]) -> Action | None:
    """`on_failure` of a mapping; without it as `outer`."""
    value = parent.given("on_failure")
    if value is None:
        return outer
    if isinstance(value.node, Table):
        return _transfer(value, numbers)
    match value.text():
        case "end":
            return EndCall()
        case "nothing" | None:
            return None
        case _:
            value.wrong("not something to do on failure", "write end, nothing or {transfer: name}")
            return None


def _transfer(value: Value, numbers: Mapping[str, str]) -> Action | None:
    if not value.table(("transfer",)):
        return None
    to = value.given("transfer")
    name = to.text() if to else None
    if to is None or name is None:
        return None
    if name not in numbers:
        to.wrong(f"there is no '{name}' under numbers:", nearest(name, numbers, "write it there, in E.164 and in quotes"))
        return None
    return TransferCall(numbers[name])
