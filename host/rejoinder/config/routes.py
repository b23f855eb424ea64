"""`routes:` of every file: paths that cannot be confused, each with its agent."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from rejoinder.config.access import read_door, read_limits
from rejoinder.config.agents import Agents
from rejoinder.config.keys import PLATFORMS, RETELL, ROUTE
from rejoinder.config.ladder import read_late, read_on_failure
from rejoinder.config.record import read_record
from rejoinder.config.scope import Scope
from rejoinder.config.shape import RetellConfig, RouteConfig
from rejoinder.config.tree import Scalar
from rejoinder.config.value import Unit, Value, nearest

LATER = frozenset({"split", "after_hours", "shadow"} | {"fallback", "lines", "language", "timezone"})
#: First segments of the server's own pages.
RESERVED = frozenset({"healthz", "readyz", "metrics", "calls", "webhooks", "admin"})
_SEGMENT = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@\-]+\Z")  # RFC 3986, section 3.3, without %-escapes

Fault = tuple[str, str]  # what, remedy


class Routes:
    """Every route of every file. Files are added in order, the main one first: a clash is the later one's fault."""

    def __init__(self, agents: Agents, observers: Mapping[str, object]) -> None:
        self._agents = agents
        self._observers = observers
        self._taken: dict[tuple[str, ...], Value] = {}
        self._above: dict[tuple[str, ...], tuple[str, Value]] = {}
        self.found: dict[str, RouteConfig] = {}

    def add(self, unit: Unit, root: Value, scope: Scope) -> None:
        """Take the routes of one file."""
        table = root.child("routes")
        if table is None or not table.table():
            return
        for path, value in table.children().items():
            right = self._claim(table, path, value)
            route = (
                self._short(unit, path, value, scope)
                if isinstance(value.node, Scalar)
                else self._long(unit, path, value, scope)
            )
            if right and route:
                self.found[path] = route

    def _claim(self, table: Value, path: str, value: Value) -> bool:
        """Whether the path may be used; its place is then taken."""
        fault = path_fault(path) or self._clash(path)
        if fault:
            table.wrong(*fault, key=path)
            return False
        segments = tuple(path.split("/")[1:])
        self._taken[segments] = value
        for length in range(1, len(segments)):
            self._above.setdefault(segments[:length], (path, value))
        return True

    def _clash(self, path: str) -> Fault | None:
        segments = tuple(path.split("/")[1:])
        if same := self._taken.get(segments):
            return f"{path} is already a route ({_place(same)})", "give one of the two another path"
        shorter = [segments[:length] for length in range(1, len(segments)) if segments[:length] in self._taken]
        other = (f"/{'/'.join(shorter[0])}", self._taken[shorter[0]]) if shorter else self._above.get(segments)
        if other is None:
            return None
        what = f"{path} and {other[0]} ({_place(other[1])}) cannot be told apart"
        return what, "what follows a path is a call's id: let neither begin with the other"

    def _short(self, unit: Unit, path: str, value: Value, scope: Scope) -> RouteConfig | None:
        agent = self._agent(value)
        if agent is None:
            return None
        late, on_failure = self._agents.late(agent), scope.on_failure
        return RouteConfig(
            path,
            agent,
            part=unit.part,
            origin=value.origin,
            late=late,
            on_failure=on_failure,
            door=scope.door,
            limits=scope.limits,
            record=scope.record,
        )

    def _long(self, unit: Unit, path: str, value: Value, scope: Scope) -> RouteConfig | None:
        if not value.table(ROUTE, LATER):
            return None
        agent = value.child("agent")
        if agent is None and value.origin.child("agent") is None:
            value.missing("the route has no agent", "write 'agent: name'")
        full = self._agent(agent) if agent else None
        platforms, observers = self._platforms(value), self._seen_by(value)
        opened, retell = value.given("open"), self._retell(value)
        is_open = bool(opened and opened.flag())
        on_failure = read_on_failure(value, scope.on_failure, scope.numbers)
        late = read_late(value, self._agents.late(full) if full else scope.late)
        door, limits = read_door(value, scope.door), read_limits(value, scope.limits)
        if full is None:
            return None
        return RouteConfig(
            path,
            full,
            platforms,
            observers,
            is_open,
            retell,
            unit.part,
            value.origin,
            late=late,
            on_failure=on_failure,
            door=door,
            limits=limits,
            record=read_record(value, scope.record),
        )

    def _agent(self, value: Value) -> str | None:
        text = value.text()
        return None if text is None or value.is_placeholder else self._agents.find(value, text)

    def _platforms(self, route: Value) -> tuple[str, ...] | None:
        value = route.given("platforms")
        items = value.items("platforms") if value else None
        if value is None or items is None:
            return None
        if not items:
            value.wrong("no platform may dial this route", "name one, or leave platforms out")
        return names_among(items, PLATFORMS, "platform")

    def _seen_by(self, route: Value) -> tuple[str, ...]:
        value = route.given("observers")
        items = value.items("observers") if value else None
        return names_among(items or [], self._observers, "observer")

    def _retell(self, route: Value) -> RetellConfig:
        value = route.child("retell")
        if value is None or not value.table(RETELL):
            return RetellConfig()
        read: dict[str, Any] = {key: one.single(RETELL[key]) for key in RETELL if (one := value.given(key))}
        return RetellConfig(**{key: one for key, one in read.items() if one is not None})


def names_among(items: list[Value], known: Collection[str], noun: str) -> tuple[str, ...]:
    """The names in a list, each once; those that are not `known` are reported."""
    names = []
    for item in items:
        text = None if item.is_placeholder else item.text()
        if text is not None and text not in known:
            item.wrong(f"there is no {noun} '{text}'", nearest(text, known, "" if known else f"write it under {noun}s:"))
        elif text is not None:
            names.append(text)
    return tuple(dict.fromkeys(names))


def path_fault(path: str) -> Fault | None:
    """What is wrong with a path as such: (what, remedy)."""
    segments = path.split("/")[1:]
    if not path.startswith("/"):
        return f"the path '{path}' does not begin with /", f"write /{path}"
    if "" in segments:
        return f"the path '{path}' has an empty part", "write /name or /name/name, without a / at the end"
    if {".", ".."} & set(segments):
        return f"the path '{path}' holds . or ..", "write the whole path"
    if odd := next((one for one in segments if not _SEGMENT.match(one)), None):
        return f"'{odd}' cannot be part of a path", "use letters, digits, - _ and ."
    if segments[0] in RESERVED:
        return f"/{segments[0]} is the server's own", "give the route another path"
    if segments[-2:] == ["chat", "completions"]:
        return "the path ends in /chat/completions, which is added to every route", "leave it out"
    return None


def _place(value: Value) -> str:
    mark = value.origin.key
    return f"{mark.file}, line {mark.line}" if value.unit.part else f"line {mark.line}"
