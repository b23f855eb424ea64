"""Reading a configuration: the main file, what it includes, and all problems at once."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rejoinder.config.agents import Agents, read_observers
from rejoinder.config.keys import FILE
from rejoinder.config.parse import Parser
from rejoinder.config.routes import Routes
from rejoinder.config.scope import Scope, read_scope
from rejoinder.config.server import is_loopback, read_server
from rejoinder.config.shape import Config, RouteConfig, ServerConfig
from rejoinder.config.sources import Sources, Unreadable
from rejoinder.config.tree import Broken, Mark, Origin, Table, kind
from rejoinder.config.value import Unit, Value
from rejoinder.config.webhooks import read_webhooks
from rejoinder.errors import Problem

LATER = frozenset({"workers", "store"})
_NO_FILE = ("the file does not exist", "name another one, or let rejoinder init write one")
MOST_FILES = 1000  # that one pattern matches
MAIN_ONLY = frozenset({"server", "include", "observers", "webhooks"})


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of a load: `config` (None if it cannot be used) and every problem that was found, in the order of the files.

    `files` is what to watch for a change that may mend or break it; it is there in either case. `legible` is what could be read
    all the same, for those who look for more problems in it.
    """

    config: Config | None
    problems: tuple[Problem, ...] = ()
    files: frozenset[Path] = frozenset()
    units: tuple[Unit, ...] = field(default=(), compare=False, repr=False)
    legible: Config | None = field(default=None, compare=False, repr=False)


def find(cwd: Path) -> Path | None:
    """The file that commands use when none is named: ./rejoinder.yaml, then ./config/rejoinder.yaml."""
    return next((path for path in (cwd / "rejoinder.yaml", cwd / "config" / "rejoinder.yaml") if path.is_file()), None)


def load(
    path: Path,
    environ: Mapping[str, str] | None = None,
    *,
    secrets: bool = True,
    start: bool = False,
    host: str | None = None,
    text: str | None = None,
) -> Loaded:
    """Read `path` and all that belongs to it. Never raises for anything that is in a file, or for a file that is not there.

    `environ` None is the process's own. `secrets=False` takes variables that nobody has set as given. With `start` an
    included file with problems takes down its own agents and routes only. `host` stands in for `server.host`, and `text` for
    what is in the file, which then need not be there, and has no `.env` beside it.
    """
    at_hand = {} if text is None else {path: text}
    sources = Sources(os.environ if environ is None else environ, secrets=secrets, at_hand=at_hand)
    main = Unit(path, sources)
    for problem in sources.learn(path.parent / ".env") if text is None else ():
        main.add(problem)
    units = [main]
    config = None
    if read_unit(main):
        units += [unit for unit in _included(main) if read_unit(unit) or unit.problems]
        config = _Reading(units, host).config()
    broken = {unit.part for unit in units if unit.problems}
    files = frozenset(sources.files)
    problems = tuple(problem for unit in units for problem in _in_order(unit))
    if config is None or "" in broken or (broken and not start):
        return Loaded(None, problems, files, tuple(units), config)
    return Loaded(replace(config.without(broken), files=files), problems, files, tuple(units), config)


def read_unit(unit: Unit) -> bool:
    """Read and parse one file; whether it came to a mapping with keys that may stand there."""
    try:
        text = unit.sources.read(unit.path)
    except Unreadable as error:
        absent = not unit.part and not os.path.lexists(unit.path)
        unit.problem(Mark(str(unit.path)), "", *_NO_FILE if absent else (str(error), error.remedy))
        return False
    root = Parser(unit, str(unit.path), text).tree()
    if root is None and not unit.problems:
        unit.problem(Mark(str(unit.path)), "", "the file is empty", "rejoinder init writes one to begin with")
    if root is None or isinstance(root, Broken):
        return False
    unit.root = Origin("", root.mark, root)
    if not isinstance(root, Table):
        what = f"expected keys such as agents: and routes:, got {kind(root)}"
        unit.problem(root.mark, "", what, "write 'agents:' and what belongs to it, indented, below")
        unit.root = None
        return False
    top = Value(unit, unit.root)
    return top.table(FILE.keys() - MAIN_ONLY, (), MAIN_ONLY) if unit.part else top.table(FILE, LATER)


def _included(main: Unit) -> list[Unit]:
    """The included files in the order of patterns and names. One level deep: they include nothing themselves."""
    patterns = Value(main, main.root).child("include") if main.root else None
    items = patterns.items("file patterns") if patterns else None
    units: dict[str, Unit] = {}
    for item in items or ():
        text = None if item.is_placeholder else item.text()
        if text is not None:
            for path in _matches(item, text):
                _add(units, item, path)
    return list(units.values())


def _matches(item: Value, pattern: str) -> list[Path]:
    """The files that the pattern matches, sorted. The folders that it looks into are watched for new ones."""
    folder, rest = item.unit.path.parent, pattern
    if Path(pattern).is_absolute():
        folder, rest = Path(Path(pattern).anchor), str(Path(pattern).relative_to(Path(pattern).anchor))
    try:
        paths = sorted(path for path in folder.glob(rest) if path.is_file() and not path.name.startswith("."))
    except (ValueError, OSError, NotImplementedError, IndexError):
        paths = []
    item.unit.sources.files.update({_base(folder / rest), *(path.parent for path in paths)})
    if not paths:
        item.wrong(f"no file matches {pattern}", "patterns are relative to this file; leave out what is not there yet")
    if len(paths) > MOST_FILES:
        item.wrong(f"{pattern} matches more than {MOST_FILES} files", "write a narrower pattern")
        return []
    return paths


def _base(pattern: Path) -> Path:
    """The folder above the first wildcard."""
    parts = pattern.parts
    first = next((at for at, part in enumerate(parts) if set(part) & set("*?[")), len(parts) - 1)
    return Path(*parts[: max(first, 0)])


def _add(units: dict[str, Unit], item: Value, path: Path) -> None:
    part = path.stem
    if path == item.unit.path:
        item.wrong(f"the pattern matches {path} itself", "put the included files into a folder of their own")
    elif part in units and units[part].path != path:
        what = f"{path} and {units[part].path} would both be called '{part}'"
        item.wrong(what, "agents are named after their file: rename one of the two")
    elif part not in units:
        units[part] = Unit(path, item.unit.sources, part)


def _in_order(unit: Unit) -> list[Problem]:
    """The problems of a file from top to bottom, then those of the files that it names."""
    return sorted(unit.problems, key=lambda problem: (problem.file != str(unit.path), problem))


class _Reading:
    """From the trees of all files to one configuration."""

    def __init__(self, units: Iterable[Unit], host: str | None) -> None:
        self.roots = [Value(unit, unit.root) for unit in units if unit.root]
        self.lost = [unit for unit in units if unit.root is None]
        self.main = self.roots[0]
        self.host = host

    def config(self) -> Config:
        server = read_server(self.main.child("server"))
        if self.host is not None:
            server = replace(server, host=self.host)
        outer = read_scope(self.main, Scope())
        observers = read_observers(self.main.child("observers"), outer)
        agents = Agents()
        for unit in self.lost:
            agents.lose(unit.part)
        scopes = [read_scope(root, outer) if root.unit.part else outer for root in self.roots]
        for root, scope in zip(self.roots, scopes, strict=True):
            agents.add(root.unit, root, scope)
        routes = Routes(agents, observers)
        for root, scope in zip(self.roots, scopes, strict=True):
            routes.add(root.unit, root, scope)
        read = agents.read()
        self._protected(server, routes.found.values())
        usable = {path: route for path, route in routes.found.items() if route.agent in read}
        hooks = read_webhooks(self.main.child("webhooks"), observers, routes.found.values())
        return Config(self.main.unit.path, frozenset(), server, outer.vars, outer.numbers, read, observers, usable, hooks)

    def _protected(self, server: ServerConfig, routes: Iterable[RouteConfig]) -> None:
        """Beyond this machine only routes that say so are served: anybody who finds the port can talk to the others."""
        if is_loopback(server.host):
            return
        closed = [route for route in routes if not route.is_protected]
        remedy = "give each a secret or an allow list, or open: true if anybody may call it; or bind to 127.0.0.1"
        own = ", ".join(route.path for route in closed if not route.part)
        if own:
            what = f"{server.host} can be reached from other machines, and not protected: {own}"
            self._at_host(what, remedy)
        units = {root.unit.part: root.unit for root in self.roots}
        for route in closed:
            if route.part and route.origin:
                what = f"the server can be reached from other machines ({server.host}), and this route is not protected"
                units[route.part].add(route.origin.problem((), what, remedy))

    def _at_host(self, what: str, remedy: str) -> None:
        if self.host is not None:
            self.main.unit.problem(Mark(str(self.main.unit.path)), "--host", what, remedy)
        elif self.main.unit.root:
            self.main.unit.add(self.main.unit.root.problem(("server", "host"), what, remedy))
