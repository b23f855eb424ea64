"""A file under reading and its values: typed questions to one, and a problem in the right place where the answer is no."""

import difflib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from rejoinder.config.sources import Sources, Unreadable
from rejoinder.config.tree import Broken, Listing, Mark, Node, Origin, Scalar, Step, Table, kind, problem_at
from rejoinder.declared import Schema
from rejoinder.errors import Problem

_MOST_LISTED = 20  # names in a message
_MOST_COMPARED = 1000  # more are not worth the seconds it takes to find a likeness
NO_VALUE = 'leave the key out for its default, or write "" for an empty text'


def nearest(name: str, known: Iterable[str], otherwise: str = "", *, root: str = "") -> str:
    """A remedy for a name that does not exist; `root` stands before each known one."""
    names = sorted(set(known))
    folded = {one.lower(): one for one in names}
    close = difflib.get_close_matches(name.lower(), folded, 1, 0.6) if len(names) <= _MOST_COMPARED else []
    if close:
        return f"did you mean '{root}{folded[close[0]]}'?"
    rest = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return otherwise or (f"one of: {', '.join(root + one for one in names[:_MOST_LISTED])}{rest}" if names else "")


@dataclass(slots=True, eq=False)
class Unit:
    """The main file (`part` "") or an included one, with the problems that are its own fault.

    `path` is both what is opened and what is shown: the main file as the user typed it, the others relative to its folder.
    """

    path: Path
    sources: Sources
    part: str = ""
    problems: list[Problem] = field(default_factory=list)
    _told: set[tuple[str, int, int, str]] = field(default_factory=set)
    root: Origin | None = None

    def problem(self, mark: Mark, where: str, what: str, remedy: str = "") -> None:
        self.add(problem_at(mark, where, what, remedy))

    def add(self, problem: Problem) -> None:
        """Keep a problem, once: what several agents inherit is wrong in one place."""
        same = (problem.file, problem.line, problem.column, problem.what)
        if same not in self._told:
            self._told.add(same)
            self.problems.append(problem)

    def full(self, name: str) -> str:
        """The name that other files use for one of this file."""
        return f"{self.part}/{name}" if self.part else name

    def folder_of(self, node: Node) -> Path:
        """What file names written in the node are relative to."""
        return Path(node.mark.file).parent


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A value in its unit."""

    unit: Unit
    origin: Origin

    @property
    def node(self) -> Node:
        return self.origin.node

    def with_node(self, node: Node) -> "Value":
        """What stands in the place of this value once it is read further."""
        return Value(self.unit, replace(self.origin, node=node))

    @property
    def is_placeholder(self) -> bool:
        """A value that depends on a variable that nobody has set, where such are taken as given."""
        return isinstance(self.node, Scalar) and self.node.missing

    def wrong(self, what: str, remedy: str = "", *, key: str = "") -> None:
        """Report this value, or one key of it."""
        self.unit.add(self.origin.problem((), what, remedy, key=key))

    def missing(self, what: str, remedy: str) -> None:
        self.unit.problem(self.origin.key, self.origin.where, what, remedy)

    def child(self, step: Step) -> "Value | None":
        """The value under a key or position; None if absent, empty (then reported) or reported already."""
        origin = self.origin.child(step)
        if origin is None or isinstance(origin.node, Broken):
            return None
        value = Value(self.unit, origin)
        if isinstance(origin.node, Scalar) and origin.node.value is None:
            value.wrong("no value (null)", NO_VALUE)
            return None
        return value

    def given(self, key: str) -> "Value | None":
        """The value under a key. Also None for a placeholder and for nothing from outside: the default is as good."""
        value = self.child(key)
        outside = isinstance(value.node, Scalar) and value.node.substituted and not value.node.text if value else False
        return None if value is None or value.is_placeholder or outside else value

    def table(
        self,
        known: Collection[str] | None = None,
        later: Collection[str] = (),
        elsewhere: Collection[str] = (),
        otherwise: str = "",
    ) -> bool:
        """Whether this is a mapping. Keys that are not `known` are reported: those of a `later` version, those that belong
        into the main file (`elsewhere`) and the unknown ones each in their own words; `otherwise` is the remedy for those that
        are like none."""
        if not isinstance(self.node, Table):
            self._not_a_table()
            return False
        for key in self.node.entries:
            if key in later:
                self.wrong(f"'{key}' is not available yet", "leave it out", key=key)
            elif key in elsewhere:
                self.wrong(f"'{key}' has no place in an included file", "write it in the main file", key=key)
            elif known is not None and key not in known:
                name, glued, _ = key.partition(":")
                space = f"a space is missing after the colon: '{name}: ...'" if glued else ""
                self.wrong(f"unknown key '{key}'", space or nearest(key, known, otherwise), key=key)
        return True

    def _not_a_table(self) -> None:
        remedy = "write its keys below it, indented"
        written = isinstance(self.node, Scalar) and not self.node.substituted and self.node.text
        if written and (found := re.match(r"([\w-]+):(?=\S)", written)):
            remedy = f"a space is missing after the colon: '{found[1]}: ...'"
        self.wrong(f"expected a mapping, got {kind(self.node)}", remedy)

    def children(self) -> dict[str, "Value"]:
        """The usable values of a mapping."""
        names = self.node.entries if isinstance(self.node, Table) else ()
        return {name: child for name in names if (child := self.child(name))}

    def items(self, of: str) -> "list[Value] | None":
        """The usable items of a list `of` such things."""
        if not isinstance(self.node, Listing):
            self.wrong(f"expected a list of {of}, got {kind(self.node)}", "write [a, b], or one '- item' a line")
            return None
        return [child for at in range(len(self.node.items)) if (child := self.child(at))]

    def text(self) -> str | None:
        """A text: as written, from outside, or the content of `{file: path}`."""
        match self.node:
            case Table(entries={"file": _, **others}) if not others:
                inside = file_text(self)
                return inside.text if isinstance(inside, Scalar) else None
            case Scalar(text=text) as scalar if scalar.substituted or isinstance(scalar.value, str):
                return text
            case Scalar(text=text):
                self.wrong(f"expected text, got {kind(self.node)}", f'quote it: "{text}"')
            case _:
                self.wrong(f"expected text, got {kind(self.node)}", "write it in quotes, or name a file: {file: path}")
        return None

    def flag(self) -> bool | None:
        """true or false."""
        if isinstance(self.node, Scalar):
            for reading in self.node.readings():
                if isinstance(reading, bool):
                    return reading
        self.wrong(f"expected true or false, got {kind(self.node)}", "write true or false, without quotes")
        return None

    def single(self, form: Schema) -> bool | int | float | None:
        """A number within its bounds (both included), or true or false: as the key's schema has it."""
        if form["type"] == "boolean":
            return self.flag()
        number = self._number(float) if form["type"] == "number" else self._number(int)
        low, high = form["minimum"], form.get("maximum")
        if number is None or (low <= number and (high is None or number <= high)):
            return number
        self.wrong(f"must be {low} or more" if high is None else f"must be between {low} and {high}")
        return None

    def _number(self, of: type[int] | type[float]) -> int | float | None:
        wanted = "a number" if of is float else "a whole number"
        if isinstance(self.node, Scalar):
            for reading in self.node.readings():
                if type(reading) in (int, of) and isinstance(reading, int | float):
                    return of(reading)
            if isinstance(self.node.value, str) and re.fullmatch(r"[-+]?\d+(\.\d+)?", self.node.text):
                self.wrong(f"expected {wanted}, got text", "take the quotes away")
                return None
        self.wrong(f"expected {wanted}, got {kind(self.node)}", "write digits only")
        return None


def named_file(value: Value) -> tuple[str, Path, str] | None:
    """What `{file: path}` names: as it is written, where that is, and its text. None if it cannot be read (reported) or
    depends on a variable that nobody has set."""
    name = value.child("file")
    if name is None or name.is_placeholder:
        return None
    written = name.text()
    if not written:
        name.wrong("no file is named", "write {file: path}")
        return None
    path = value.unit.folder_of(name.node) / written
    try:
        return written, path, value.unit.sources.read(path)
    except Unreadable as error:
        name.wrong(str(error), error.remedy)
        return None


def file_text(value: Value) -> Scalar | Broken:
    """What `{file: path}` stands for: the file's text, without the line end that closes it."""
    name = value.child("file")
    if name and name.is_placeholder:
        return Scalar(value.node.mark, "", missing=True)
    found = named_file(value)
    if found is None:
        return Broken(value.node.mark)
    written, path, text = found
    return Scalar(value.node.mark, text.removesuffix("\n"), read=(path,), file=written)
