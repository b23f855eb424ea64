"""A YAML file as a tree that knows the place of everything in it, so that problems are reported in the right place.

Scalars follow the core schema of YAML 1.2.2 (section 10.3.2): `on`, `no`, `12:30` and dates are text.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rejoinder.errors import Problem

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {word: value for value in (True, False) for word in (str(value), str(value).lower(), str(value).upper())}
_INT = re.compile(r"[-+]?[0-9]+\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z|[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_LONGEST_NUMBER = 300  # longer digits are no number anybody means, and Python refuses to read some of them
_LAX_BOOL = {"1": True, "yes": True, "on": True, "true": True, "0": False, "no": False, "off": False, "false": False}

Plain = str | int | float | bool | None
Step = str | int


class Mark(NamedTuple):
    """A place: the file as shown to the user, line and column from 1 (0 = the file as a whole)."""

    file: str
    line: int = 0
    column: int = 0


def resolve(text: str) -> Plain:
    """What a plain (unquoted) scalar means."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INT.match(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.match(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """One value. `text` is what stands there after substitution, `file` the name written in `{file: name}`.

    `missing`: it holds a placeholder for a variable that nobody has set; `commented`: a comment follows on its line.
    """

    mark: Mark
    text: str
    plain: bool = False
    substituted: bool = False
    missing: bool = False
    commented: bool = False
    read: tuple[Path, ...] = ()
    file: str = ""

    @property
    def value(self) -> Plain:
        value = resolve(self.text) if self.plain else self.text
        return self.text if value is None and self.substituted else value

    def readings(self) -> list[Plain]:
        """All that the value may be taken for: one thing if it was written there, more if it came from outside."""
        others = [self.text, resolve(self.text), _LAX_BOOL.get(self.text.lower())] if self.substituted else []
        others += [1, 1.0, True] if self.missing else []
        return [self.value, *(one for one in others if one is not None)]


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """A sequence; `flow` if written in [ ]."""

    mark: Mark
    items: tuple["Node", ...]
    flow: bool = False


class Entry(NamedTuple):
    """A value and the place of its key."""

    key: Mark
    node: "Node"


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A mapping. `read` names the file that it was read from, if it is not part of a file of its own right."""

    mark: Mark
    entries: Mapping[str, Entry]
    read: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Broken:
    """A value whose fault was already reported."""

    mark: Mark


Node = Scalar | Listing | Table | Broken


def plain(node: Node, choose: Callable[[Scalar], Plain] = lambda scalar: scalar.value) -> Any:
    """The node as plain Python values."""
    match node:
        case Scalar():
            return choose(node)
        case Listing():
            return [plain(item, choose) for item in node.items]
        case Table():
            return {name: plain(entry.node, choose) for name, entry in node.entries.items()}
        case Broken():
            return None


def inside(node: Node) -> Mapping[Step, Node]:
    """What the node holds, by key or position."""
    match node:
        case Table(entries=entries):
            return {name: entry.node for name, entry in entries.items()}
        case Listing(items=items):
            return dict(enumerate(items))
        case _:
            return {}


def nodes(node: Node) -> Iterator[Node]:
    """The node and all that is in it."""
    yield node
    for child in inside(node).values():
        yield from nodes(child)


def files_read(node: Node) -> frozenset[Path]:
    """Every file that a value in the node came from."""
    return frozenset(path for one in nodes(node) if isinstance(one, Scalar | Table) for path in one.read)


def kind(node: Node) -> str:
    """What the node is, in words."""
    if isinstance(node, Scalar):
        return kind_of_value(node.value)
    return "a mapping" if isinstance(node, Table) else "a list" if isinstance(node, Listing) else "nothing"


def kind_of_value(value: Plain) -> str:
    """What a plain value is, in words."""
    return {str: "text", int: "a whole number", float: "a number", bool: "true or false"}.get(type(value), "nothing")


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """A value of the file, its path of keys and the place of the key that leads to it: for others an opaque handle."""

    where: str
    key: Mark
    node: Node

    def problem(self, steps: Sequence[Step], what: str, remedy: str = "", *, key: str = "") -> Problem:
        """What is wrong at the value under `steps` (keys and list positions), or as far towards it as the file goes.

        A mapping is shown by the key that leads to it: that is where a reader looks for it. `key` shows a key of the
        value instead of the value as a whole.
        """
        place, where = self.towards(steps), self.where
        for step in steps:
            where = join(where, step)
        found = place.child(key) if key else None
        mark = found.key if found else place.key if isinstance(place.node, Table) else place.node.mark
        return problem_at(mark, where, what, remedy)

    def towards(self, steps: Sequence[Step]) -> "Origin":
        """The handle of the value under `steps`, or as far towards it as the file goes."""
        place = self
        for step in steps:
            place = place.child(step) or place
        return place

    def child(self, step: Step) -> "Origin | None":
        """The handle of the value under a key or list position, if there is one."""
        match self.node, step:
            case Table(entries=entries), str() if step in entries:
                return Origin(join(self.where, step), *entries[step])
            case Listing(items=items), int() if 0 <= step < len(items):
                return Origin(join(self.where, step), *Entry(items[step].mark, items[step]))
            case _:
                return None


def join(where: str, step: Step) -> str:
    """A path of keys, one step longer."""
    if isinstance(step, int):
        return f"{where}[{step}]"
    return f"{where}.{step}" if where else step


def problem_at(mark: Mark, where: str, what: str, remedy: str = "") -> Problem:
    """A problem that is one line on any terminal, whatever keys, names and the words of a plugin hold."""
    return Problem(*mark, _one_line(where), _one_line(what), _one_line(remedy))


def _one_line(text: str) -> str:
    """Keys and names may hold anything; a problem is one line that any terminal can print."""
    return text if text.isprintable() else "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
