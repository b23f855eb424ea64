"""Text to tree: YAML's events, one after the other, into nodes with their places.

Built from events rather than composed nodes: nothing recurses, so that no depth of brackets can harm, and what an alias
copies is counted while it is copied.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from rejoinder.config.sources import Substitution
from rejoinder.config.syntax import TEMPLATE, explain
from rejoinder.config.tree import Broken, Entry, Listing, Mark, Node, Scalar, Table, join, kind_of_value, resolve
from rejoinder.config.value import Unit

DEEPEST = 64  # brackets in brackets
_LONGEST_WHERE = 80
MOST_VALUES = 100_000  # with what aliases copy

try:
    from yaml import CSafeLoader as FastLoader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader as FastLoader  # type: ignore[assignment]


class _Stop(Exception):
    """The rest of the file is not looked at; why has been reported."""


@dataclass(slots=True)
class _Open:
    """A mapping or sequence that has not ended yet."""

    mark: Mark
    event: NodeEvent
    where: str
    counted: int
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    merged: list[Entry] = field(default_factory=list)
    key: str | None = None
    key_mark: Mark | None = None  # set while a value is due
    is_template: bool = False  # an unquoted {{ }}, already reported

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.event, MappingStartEvent)

    @property
    def next_where(self) -> str:
        if not self.is_mapping:
            return join(self.where, len(self.items))
        return join(self.where, self.key) if self.key is not None else self.where


class Parser:
    """Reads one text for one unit; `shown` is the file as named in problems."""

    def __init__(self, unit: Unit, shown: str, text: str, *, where: str = "") -> None:
        self.unit = unit
        self.shown = shown
        self.where = where
        self.lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", text)
        self.text = text
        self.open: list[_Open] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.count = 0
        self.documents = 0
        self.root: Node | None = None

    def tree(self) -> Node | None:
        """The file's tree, None if there is nothing in it or it cannot be read (which is then reported)."""
        try:
            for event in yaml.parse(self.text, Loader=FastLoader):
                self._take(event)
        except yaml.YAMLError as error:
            line, column, what, remedy = explain(error, self.lines)
            self.unit.problem(Mark(self.shown, line, column), self.where, what, remedy)
            return None
        except _Stop:
            return None
        return self.root

    def _mark(self, event: Event) -> Mark:
        start = event.start_mark
        return Mark(self.shown, start.line + 1, start.column + 1) if start else Mark(self.shown)

    @property
    def _here(self) -> str:
        return self.open[-1].next_where if self.open else self.where

    def _take(self, event: Event) -> None:
        match event:
            case ScalarEvent():
                self._scalar(event)
            case MappingStartEvent() | SequenceStartEvent():
                self._begin(event)
            case MappingEndEvent() | SequenceEndEvent():
                self._end()
            case AliasEvent():
                self._alias(event)
            case DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    self._stop(self._mark(event), "a second document begins here (---)", "keep everything in one document")
            case _:
                pass

    def _stop(self, mark: Mark, what: str, remedy: str) -> None:
        where = self._here
        self.unit.problem(mark, where if len(where) <= _LONGEST_WHERE else f"{where[:_LONGEST_WHERE]}...", what, remedy)
        raise _Stop

    def _counted(self, mark: Mark, count: int = 1) -> None:
        self.count += count
        if self.count > MOST_VALUES:
            self._stop(mark, f"the file grows to more than {MOST_VALUES} values", "use fewer aliases (*name)")

    def _tagged(self, event: Any) -> bool:
        """Whether the value has a tag, which is reported: there are none."""
        if event.tag in (None, "!"):
            return False
        remedy = "quote it to keep it text; for values from outside write ${NAME} or ${file:/path}"
        tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
        self.unit.problem(self._mark(event), self._here, f"the tag {tag} is not used here", remedy)
        return True

    def _begin(self, event: NodeEvent) -> None:
        mark = self._mark(event)
        if len(self.open) == DEEPEST:
            self._stop(mark, f"more than {DEEPEST} levels inside each other", "write it flatter")
        self.open.append(_Open(mark, event, self._here, self.count))

    def _end(self) -> None:
        done = self.open.pop()
        flow = bool(getattr(done.event, "flow_style", False))
        node: Node
        if self._tagged(done.event) or done.is_template:
            node = Broken(done.mark)
        elif done.is_mapping:
            node = Table(done.mark, merge_in(done.entries, done.merged))
        else:
            node = Listing(done.mark, tuple(done.items), flow)
        self._place(node, done.event, self.count - done.counted)

    def _alias(self, event: AliasEvent) -> None:
        mark = self._mark(event)
        known = self.anchors.get(event.anchor or "")
        if known is None:
            remedy = f"write &{event.anchor} before it; a text that begins with * must be quoted"
            self.unit.problem(mark, self._here, f"the alias *{event.anchor} names nothing that has ended above it", remedy)
            known = (Broken(mark), 0)
        self._counted(mark, known[1])
        self._place(known[0], None, 0)

    def _scalar(self, event: ScalarEvent) -> None:
        mark = self._mark(event)
        if self.open and self.open[-1].is_mapping and self.open[-1].key_mark is None:
            self._counted(mark)
            self._key(event, mark)
            return
        self._place(self._value(event, mark), event, 0)

    def _value(self, event: ScalarEvent, mark: Mark) -> Node:
        plain = not event.style  # "" or None, by parser
        commented = plain and self._comment_follows(event)
        if self._tagged(event):
            return Broken(mark)
        if "$" not in event.value:
            return Scalar(mark, event.value, plain, commented=commented)
        form = Substitution(self.unit.sources, Path(self.shown).parent)
        text = form.apply(event.value)
        for what, remedy in form.faults:
            self.unit.problem(mark, self._here, what, remedy)
        if form.faults:
            return Broken(mark)
        return Scalar(mark, text, plain, form.substituted, form.missing, commented, tuple(form.read))

    def _comment_follows(self, event: ScalarEvent) -> bool:
        end = event.end_mark
        line = self.lines[end.line][end.column :] if end and end.line < len(self.lines) else ""
        return re.match(r"[ \t]+#", line) is not None

    def _key(self, event: ScalarEvent, mark: Mark) -> None:
        table = self.open[-1]
        name = event.value
        value = resolve(name) if not event.style else name
        table.key, table.key_mark = None, mark
        if not isinstance(value, str):
            remedy = f'quote it: "{name}"' if name else "write 'key: value'"
            self.unit.problem(mark, table.where, f"a key must be text, this is {kind_of_value(value)}", remedy)
        elif name in table.entries:
            first = table.entries[name].key
            what = f"'{name}' is written twice: already in line {first.line}, column {first.column}"
            self.unit.problem(mark, table.where, what, "keep one of the two")
        elif "${" in name:
            self.unit.problem(mark, table.where, "${...} works in values only, not in a key", "write the key itself")
        else:
            table.key = name

    def _place(self, node: Node, event: NodeEvent | None, size: int) -> None:
        """Put a finished value where it belongs: into the sequence, under its key, or as the key it must not be."""
        self._counted(node.mark)
        if event is not None and event.anchor:
            self.anchors[event.anchor] = (node, size + 1)
        if not self.open:
            self.root = node
            return
        parent = self.open[-1]
        if not parent.is_mapping:
            parent.items.append(node)
        elif parent.key_mark is None:
            self._refuse_key(parent, node)
        else:
            self._enter(parent, parent.key_mark, node)

    def _enter(self, parent: _Open, mark: Mark, node: Node) -> None:
        if parent.key == "<<" and not isinstance(node, Scalar):
            parent.merged.append(Entry(mark, node))
        elif parent.key is not None:
            parent.entries[parent.key] = Entry(mark, node)
        parent.key = parent.key_mark = None

    def _refuse_key(self, parent: _Open, node: Node) -> None:
        line = self.lines[parent.mark.line - 1][parent.mark.column - 1 :]
        if line.startswith("{{"):
            parent.is_template = True
            self.unit.problem(parent.mark, parent.where, *TEMPLATE)
        else:
            self.unit.problem(node.mark, parent.where, f"a key must be text, this is {_what(node)}", "quote it if it is text")
        parent.key, parent.key_mark = None, node.mark


def _what(node: Node) -> str:
    return "a list" if isinstance(node, Listing) else "a mapping" if isinstance(node, Table) else "an alias"


def merge_in(own: dict[str, Entry], merged: list[Entry]) -> dict[str, Entry]:
    """A mapping with what its `<<:` brings: its own keys win, and the first of several merged ones."""
    found = dict(own)
    for _, node in merged:
        for table in node.items if isinstance(node, Listing) else (node,):
            if isinstance(table, Table):
                for name, entry in table.entries.items():
                    found.setdefault(name, entry)
    return found
