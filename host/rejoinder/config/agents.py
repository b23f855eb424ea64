"""`agents:` of every file: names, `extends`, and what each agent comes to; `observers:` of the main file."""

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rejoinder.config.content import read_in
from rejoinder.config.fields import check_options
from rejoinder.config.keys import AGENT, LINES, OBSERVER
from rejoinder.config.ladder import read_late, read_lines, spoken_line, spoken_lines
from rejoinder.config.scope import LANGUAGE, Scope, check_name, read_clean_speech, read_language, read_timezone
from rejoinder.config.shape import AgentConfig, ObserverConfig
from rejoinder.config.tree import Entry, Node, Table, files_read, plain
from rejoinder.config.value import Unit, Value, nearest
from rejoinder.late import Late
from rejoinder.lines import SILENT, OwnLines, built_in

_OF_THE_SYSTEM = "what the {} itself takes stands under options:"
_LONGEST_LINE = 32  # of agents that extend one another
LATER = frozenset({"limits"})


@dataclass(frozen=True, slots=True)
class _Written:
    """An agent as its file has it, and after `extends` (the value's node is then the merged one)."""

    name: str
    value: Value
    parent: str | None = None


class Agents:
    """Every agent of every file, by full name."""

    def __init__(self) -> None:
        self._written: dict[str, _Written] = {}
        self._scopes: dict[str, Scope] = {}
        self._whole: dict[str, Value | None] = {}
        self._lost_parts: set[str] = set()
        self._unread: set[str] = set()

    def add(self, unit: Unit, root: Value, scope: Scope) -> None:
        """Take the agents of one file."""
        table = root.child("agents")
        if table is None or not table.table():
            if "agents" in _entries(root.node):
                self.lose(unit.part)
            return
        for name in _entries(table.node):
            value, full = table.child(name), unit.full(name)
            if value and check_name(table, name) and value.table(AGENT, LATER, otherwise=_OF_THE_SYSTEM.format("system")):
                self._written[full] = _Written(full, _with_options(value))
                self._scopes[full] = scope
            else:
                self._unread.add(full)

    def lose(self, part: str) -> None:
        """The agents of a file could not be read: names that begin with it may well have been in it."""
        self._lost_parts.add(part)

    def find(self, name: Value, text: str) -> str | None:
        """The full name of the agent that `name` names: of its own file first. Reported if there is none."""
        for full in dict.fromkeys((name.unit.full(text), text)):
            if full in self._written:
                return full
            if full in self._unread:
                return None  # what is wrong with it was said where it stands
        if name.unit.part not in self._lost_parts and text.partition("/")[0] not in self._lost_parts:
            own = f"{name.unit.part}/"
            visible = [full.removeprefix(own) if name.unit.part else full for full in self._written]
            elsewhere = next((f"did you mean '{full}'?" for full in visible if full.endswith(f"/{text}")), "")
            otherwise = "" if visible else "write it under agents:"
            name.wrong(f"there is no agent '{text}'", elsewhere or nearest(text, visible, otherwise))
        return None

    def read(self) -> dict[str, AgentConfig]:
        """All agents that can be read."""
        found = ((full, self._read(full)) for full in self._written)
        return {full: agent for full, agent in found if agent is not None}

    def _read(self, full: str) -> AgentConfig | None:
        value, scope = self._merged(full, ()), self._scopes[full]
        if value is None:
            return None
        found, begin, reminder = _system("agent", value, scope), value.child("begin"), value.child("reminder")
        spoken = spoken_line(begin, scope.vars) if begin else None
        reminders = spoken_lines(reminder, scope.vars) if reminder else ()
        late, lines, fallback = self.late(full), read_lines(value, scope.lines, scope.vars), self._fallback(value, full)
        language = read_language(value, scope.language)
        _check_lines(value, language, {"begin": begin, "reminder": reminder}, lines)
        if found is None:
            return None
        return AgentConfig(
            full, found.name, found.options, spoken, reminders,
            language, read_timezone(value, scope.timezone), scope.vars, scope.numbers,
            found.files, found.fingerprint, value.unit.part, value.origin, late, lines, fallback,
            read_clean_speech(value, default=scope.clean_speech),
        )  # fmt: skip

    def _fallback(self, agent: Value, full: str) -> str:
        """The full name of the agent that takes this one's place, "" if none does or it would lead back to where it began."""
        value = agent.given("fallback")
        text = value.text() if value else None
        chain = [full]
        while value is not None and text is not None and (following := self.find(value, text)) is not None:
            if following in chain:
                if following == full:
                    what = f"agents fall back on each other in a circle: {' -> '.join((*chain, full))}"
                    agent.wrong(what, "leave one fallback out", key="fallback")
                return ""
            chain.append(following)
            whole = self._merged(following, ())
            value = whole.given("fallback") if whole else None
            text = value.text() if value else None
        return chain[1] if len(chain) > 1 else ""

    def late(self, full: str) -> Late:
        """The rungs of an agent's turns."""
        value, scope = self._merged(full, ()), self._scopes[full]
        return read_late(value, scope.late) if value else scope.late

    def _merged(self, full: str, trail: tuple[str, ...]) -> Value | None:
        """The agent over all that it extends; None if that cannot be known (which is reported)."""
        if full in self._whole:
            return self._whole[full]
        own = self._written[full].value
        extends = own.child("extends")
        merged: Value | None = own
        if extends:
            merged = self._over_parent(own, extends, (*trail, full))
        elif "extends" in _entries(own.node):
            merged = None
        self._whole[full] = merged
        return merged

    def _over_parent(self, own: Value, extends: Value, trail: tuple[str, ...]) -> Value | None:
        text = extends.text()
        parent = self.find(extends, text) if text is not None else None
        if parent is None:
            return None
        if parent in trail:
            circle = " -> ".join((*trail[trail.index(parent) :], parent))
            extends.wrong(f"agents extend each other in a circle: {circle}", "leave one extends out")
            return None
        if len(trail) > _LONGEST_LINE:
            extends.wrong(f"more than {_LONGEST_LINE} agents extend one another", "let it extend an earlier one")
            return None
        above = self._merged(parent, trail)
        if above is None:
            return None
        return own.with_node(extended(above.node, own.node))


def read_observers(table: Value | None, scope: Scope) -> dict[str, ObserverConfig]:
    """Every observer that can be read, by name."""
    if table is None or not table.table():
        return {}
    found = {}
    for name, value in table.children().items():
        if check_name(table, name) and value.table(OBSERVER, otherwise=_OF_THE_SYSTEM.format("observer")):
            observer = _with_options(value)
            if system := _system("observer", observer, scope):
                found[name] = ObserverConfig(
                    name, system.name, system.options, system.files, system.fingerprint, observer.origin
                )
    return found


class _System(NamedTuple):
    """A system as an agent or observer names it."""

    name: str
    options: Mapping[str, Any]
    files: frozenset[Path]
    fingerprint: str


def _system(of: str, value: Value, scope: Scope) -> _System | None:
    system, options = value.child("system"), value.child("options")
    if options:
        check_options(options, scope.vars)
    if system is None:
        if not difflib.get_close_matches("system", _entries(value.node), 1, 0.6):
            value.missing(f"the {of} has no system", "write 'system: name'; rejoinder plugins lists the installed ones")
        return None
    name, given = system.text(), plain(options.node) if options else {}
    if not name or system.is_placeholder:
        return None
    return _System(name, given, files_read(options.node) if options else frozenset(), fingerprint(name, given))


def _check_lines(agent: Value, language: str, own: Mapping[str, object], lines: OwnLines) -> None:
    """Where the host has no lines of its own the file must have them: a caller never hears another language's."""
    if built_in(language) is not SILENT or not LANGUAGE.match(language):
        return
    missing = [key for key, written in own.items() if not written]
    missing += [f"lines.{key}" for key in LINES if not getattr(lines, key)]
    if missing:
        what = f"the host has no lines of its own in '{language}'"
        agent.wrong(what, f"write {', '.join(missing)} in that language", key="language")


def _entries(node: Node) -> Mapping[str, Entry]:
    return node.entries if isinstance(node, Table) else {}


def _with_options(agent: Value) -> Value:
    """The agent with the files of its options read in."""
    options = agent.child("options")
    if options is None or not isinstance(agent.node, Table):
        return agent
    entry = agent.node.entries["options"]
    entries = {**agent.node.entries, "options": Entry(entry.key, read_in(options))}
    return agent.with_node(Table(agent.node.mark, entries))


def extended(above: Node, own: Node) -> Node:
    """An agent over its parent. Another system's options mean nothing to this one: they stay behind."""
    if not isinstance(above, Table) or not isinstance(own, Table):
        return own
    systems = [plain(table.entries["system"].node) for table in (above, own) if "system" in table.entries]
    switched = len(systems) == 2 and systems[0] != systems[1]
    left = {"extends", "options"} if switched else {"extends"}
    return deep_merged(Table(above.mark, {k: entry for k, entry in above.entries.items() if k not in left}), own)


def deep_merged(above: Node, own: Node) -> Node:
    """Mappings key by key, anything else replaced."""
    if not isinstance(above, Table) or not isinstance(own, Table):
        return own
    entries = dict(above.entries)
    for name, entry in own.entries.items():
        known = entries.get(name)
        entries[name] = Entry(entry.key, deep_merged(known.node, entry.node)) if known else entry
    return Table(own.mark, entries, (*above.read, *own.read))


def fingerprint(system: str, options: Mapping[str, object]) -> str:
    """Tells whether system, options or the files they came from have changed. Holds no value in readable form."""
    return hashlib.sha256(repr((system, options)).encode()).hexdigest()
