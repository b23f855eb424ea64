"""A YAML file as a tree that knows the place of everything in it.

Scalars follow the core schema of YAML 1.2.2 (section 10.3.2): `on`, `no`, `12:30` and dates are text.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {word: value for value in (True, False) for word in (str(value), str(value).lower(), str(value).upper())}
_INT = re.compile(r"[-+]?[0-9]+\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z|[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_LONGEST_NUMBER = 300  # longer digits are no number anybody means, and Python refuses to read some of them
_LAX_BOOL = {"1": True, "yes": True, "on": True, "true": True, "0": False, "no": False, "off": False, "false": False}

Plain = str | int | float | bool | None


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


def leaves(node: Node) -> Iterator[Scalar | Broken]:
    """Every value in the node that holds no others."""
    match node:
        case Scalar() | Broken():
            yield node
        case Listing():
            for item in node.items:
                yield from leaves(item)
        case Table():
            for entry in node.entries.values():
                yield from leaves(entry.node)


def files_read(node: Node) -> Iterator[Path]:
    """Every file that a value in the node came from."""
    match node:
        case Scalar():
            yield from node.read
        case Listing():
            for item in node.items:
                yield from files_read(item)
        case Table():
            yield from node.read
            for entry in node.entries.values():
                yield from files_read(entry.node)
        case Broken():
            return


def kind(node: Node) -> str:
    """What the node is, in words."""
    match node:
        case Table():
            return "a mapping"
        case Listing():
            return "a list"
        case Broken():
            return "nothing"
        case Scalar():
            return kind_of_value(node.value)


def kind_of_value(value: Plain) -> str:
    """What a plain value is, in words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case str():
            return "text"
