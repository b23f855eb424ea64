"""Files of scenarios, from YAML to values: every problem of every file at once, each with its place and a remedy. A recorded
call is a scenario too."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from rejoinder.config.durations import read_duration
from rejoinder.config.parse import Parser
from rejoinder.config.sources import Sources, Unreadable
from rejoinder.config.tree import Broken, Listing, Mark, Origin, Scalar, plain
from rejoinder.config.value import Unit, Value, nearest
from rejoinder.errors import Problem
from rejoinder.recording.catalogue import lines_of
from rejoinder.recording.shelf import head_of
from rejoinder.simulator.replay.recorded_call import scenario_of
from rejoinder.simulator.scenarios.expectation import STANDING
from rejoinder.simulator.scenarios.expectation_reading import read_call_expected
from rejoinder.simulator.scenarios.scenario import LIMIT, CallSetup, PlatformSetup, Scenario
from rejoinder.simulator.scenarios.step_reading import read_steps

SCENARIO_KEYS = ("name", "about", "applies", "route", "call", "platform", "caller", "expect", "limit")
#: What a file may say once for all scenarios in its list; a scenario's own key takes its place.
SHARED_KEYS = ("about", "applies", "route", "call", "platform", "expect", "limit")
FILE_KEYS = ("scenarios", *SHARED_KEYS)
CALL_KEYS = ("kind", "from", "to", "direction", "variables", "metadata", "opt_out")
KINDS = ("web", "phone")
DIRECTIONS = ("inbound", "outbound")
DETAILS = ("at_once", "late", "never")
PLATFORM_KEYS = (
    "reminder", "reminders", "sensitivity", "responsiveness", "end_after_silence", "max_call", "details", "rate", "agent_rate",
    "first_message",
)  # fmt: skip

#: Beyond them a setting is a slip: Retell's longest call is two hours.
_LONGEST = 7200.0
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_COUNT = {"type": "integer", "minimum": 0}
_RATE = {"type": "integer", "minimum": 30, "maximum": 1000}
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}\Z")
_ENDINGS = (".yaml", ".yml")
_RECORDING = ".jsonl"


@dataclass(frozen=True, slots=True)
class Read:
    """What came of reading: every scenario that is right, and every problem of the others, in the order of the files.
    `skipped` are recordings in a folder that cannot be played, and why."""

    scenarios: tuple[Scenario, ...] = ()
    problems: tuple[Problem, ...] = ()
    skipped: tuple[Problem, ...] = ()


def read_paths(paths: Iterable[Path], environ: Mapping[str, str] | None = None) -> Read:
    """The scenarios of files, and of folders with all that is in them (`*.yaml`, `*.yml`, and `*.jsonl` that are recordings;
    what is hidden is passed over).

    Never raises for what is in a file, or for one that is not there. `environ` None is the process's own, for `${NAME}`.
    """
    given = os.environ if environ is None else environ
    read = [one for path in dict.fromkeys(paths) for one in _read_path(path, given)]
    return Read(
        tuple(found for one in read for found in one.scenarios),
        tuple(what for one in read for what in one.problems),
        tuple(what for one in read for what in one.skipped),
    )


def _read_path(path: Path, environ: Mapping[str, str]) -> Iterator[Read]:
    is_folder = path.is_dir()
    files = sorted(_files(path)) if is_folder else [path]
    if not files:
        yield Read(problems=(Problem(str(path), 0, 0, "", "there is no scenario in this folder", "put *.yaml files there"),))
    for file in files:
        if file.suffix != _RECORDING:
            yield read_file(file, environ)
            continue
        read = _read_recording(file)
        yield Read(skipped=read.problems) if is_folder and read.problems else read


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.is_file() and (path.suffix in _ENDINGS or (path.suffix == _RECORDING and head_of(path))):
            yield path


def _read_recording(path: Path) -> Read:
    """A recorded call, if it has words."""
    head, words = head_of(path), ""
    if not os.path.lexists(path):
        told = ("there is no such file or folder", "check the name")
    elif not head:
        told = ("this is not a recording", "take one that 'rejoinder serve' wrote, or a file of scenarios (*.yaml)")
    elif (words := str(head.get("words"))) != "kept":
        remedy = "record with 'text: on' (or 'rejoinder serve --record DIR'), which no platform may have forbidden"
        told = (f"a recording without words ({words}): nobody knows what its caller said", remedy)
    else:
        try:
            return Read((scenario_of(head, lines_of(path), Mark(str(path), 1, 1)),))
        except OSError as error:
            told = (f"cannot be read: {error.strerror}", "check who may read it")
    return Read(problems=(Problem(str(path), 0, 0, "", *told),))


def read_file(path: Path, environ: Mapping[str, str]) -> Read:
    """The scenarios of one file."""
    unit = Unit(path, Sources(environ))
    scenarios = _scenarios(unit)
    problems = sorted(unit.problems, key=lambda problem: (problem.file != str(path), problem))
    return Read(() if problems else tuple(scenarios), tuple(problems))


def _scenarios(unit: Unit) -> list[Scenario]:
    root = _root(unit)
    if root is None or _is_configuration(root) or not root.table((*FILE_KEYS, *SCENARIO_KEYS)):
        return []
    if root.origin.child("scenarios") is None:
        return [one for one in (_scenario(root, unit.path.stem, None),) if one]
    for key in root.children():
        if key not in FILE_KEYS:
            root.wrong(f"'{key}' belongs to one scenario, and here is a list of them", "write it into each", key=key)
    listing = root.child("scenarios")
    listed = listing.items("scenarios") if listing else None
    items = listed or []
    if listing and listed == []:
        listing.wrong("there is none in this list", "write each as an item: '- name: ...', with its 'caller' below")
    read = [_scenario(item, f"{unit.path.stem} {number}", root) for number, item in enumerate(items, 1)]
    return _named_once(items, [one for one in read if one])


def _is_configuration(root: Value) -> bool:
    """Whether somebody has taken the file of the agents for one of scenarios, or put it among them."""
    taken = bool(root.origin.child("agents") or root.origin.child("routes"))
    if taken and not (root.origin.child("caller") or root.origin.child("scenarios")):
        root.wrong(
            "this is a configuration, not a scenario", "give it with --config, and keep scenarios in a folder of their own"
        )
        return True
    return False


def _root(unit: Unit) -> Value | None:
    try:
        text = unit.sources.read(unit.path)
    except Unreadable as error:
        absent = not os.path.lexists(unit.path)
        what = ("there is no such file or folder", "check the name") if absent else (str(error), error.remedy)
        unit.problem(Mark(str(unit.path)), "", *what)
        return None
    root = Parser(unit, str(unit.path), text).tree()
    if root is None and not unit.problems:
        unit.problem(Mark(str(unit.path)), "", "the file is empty", "write 'caller:' and the caller's steps below")
    return None if root is None or isinstance(root, Broken) else Value(unit, Origin("", root.mark, root))


def _named_once(items: list[Value], scenarios: list[Scenario]) -> list[Scenario]:
    first: dict[str, Scenario] = {}
    for scenario in scenarios:
        earlier = first.setdefault(scenario.name, scenario)
        if earlier is not scenario:
            item = next(item for item in items if item.node.mark == scenario.place)
            what = f"'{scenario.name}' is already the name of the scenario in line {earlier.place.line}"
            item.wrong(what, "give each a name of its own", key="name")
    return scenarios


@dataclass(frozen=True, slots=True)
class _Sides:
    """A scenario, and the file around it, which says what the scenario does not."""

    own: Value
    file: Value | None

    def given(self, key: str) -> Value | None:
        if self.own.origin.child(key) is not None or self.file is None:
            return self.own.given(key)
        return self.file.given(key)


def _scenario(value: Value, name: str, file: Value | None) -> Scenario | None:
    if not value.table(SCENARIO_KEYS if file else None):
        return None
    sides = _Sides(value, file)
    call, platform, expected = sides.given("call"), sides.given("platform"), sides.given("expect")
    steps, limit = value.child("caller"), sides.given("limit")
    if value.origin.child("caller") is None:
        value.missing("a scenario needs 'caller'", "write 'caller:' and the steps below; [] for a caller who only listens")
    return Scenario(
        name=_text(value.given("name")) or name,
        steps=read_steps(steps) if steps else (),
        about=_text(sides.given("about")),
        applies=_applies(sides.given("applies")),
        route=_route(sides.given("route")),
        call=_call(call) if call else CallSetup(),
        platform=_platform(platform) if platform else PlatformSetup(),
        expected=read_call_expected(expected) if expected else STANDING,
        limit=(read_duration(limit, 1.0, _LONGEST) if limit else None) or LIMIT,
        place=value.node.mark,
    )


def _text(value: Value | None) -> str:
    return (value.text() or "").strip() if value else ""


def _applies(value: Value | None) -> frozenset[str]:
    items = (value.items("systems") or [] if isinstance(value.node, Listing) else [value]) if value else []
    return frozenset(text for item in items if (text := item.text()))


def _route(value: Value | None) -> str:
    text = _text(value)
    if value and text and not text.startswith("/"):
        value.wrong("a route begins with /", f"write '/{text}'")
    return text


def _choice(value: Value | None, choices: tuple[str, ...]) -> str | None:
    """One word of several; None if none is given, or another, which is reported."""
    text = value.text() if value else None
    if value and text is not None and text not in choices:
        value.wrong("not one of the values it may have", nearest(text, choices, f"one of: {', '.join(choices)}"))
    return text if text in choices else None


def _call(value: Value) -> CallSetup:
    if not value.table(CALL_KEYS):
        return CallSetup()
    numbers = {key: _phone(value.given(key)) for key in ("from", "to")}
    kind = _choice(value.given("kind"), KINDS) or ("phone" if any(numbers.values()) else "web")
    direction = _choice(value.given("direction"), DIRECTIONS)
    metadata, opt_out = value.given("metadata"), value.given("opt_out")
    return CallSetup(
        "phone" if kind == "phone" else "web",
        numbers["from"],
        numbers["to"],
        "outbound" if direction == "outbound" else "inbound",
        _variables(value.given("variables")),
        cast("Mapping[str, object]", plain(metadata.node)) if metadata and metadata.table() else {},
        bool(opt_out and opt_out.flag()),
    )


def _phone(value: Value | None) -> str:
    text = _text(value)
    if value and text and not _NUMBER.match(text):
        value.wrong("not a telephone number", 'write it in E.164 and in quotes: "+15550001111"')
    return text


def _variables(value: Value | None) -> dict[str, str]:
    """As they are written: a platform's variables are texts, whatever they look like."""
    found: dict[str, str] = {}
    for name, child in (value.children() if value and value.table() else {}).items():
        if isinstance(child.node, Scalar):
            found[name] = child.node.text
        else:
            child.wrong("a variable is one text", "write it in quotes")
    return found


def _platform(value: Value) -> PlatformSetup:
    if not value.table(PLATFORM_KEYS):
        return PlatformSetup()
    details = _choice(value.given("details"), DETAILS)
    reminders = _number(value, "reminders", _COUNT)
    return PlatformSetup(
        reminder=_seconds(value, "reminder"),
        reminders=None if reminders is None else int(reminders),
        sensitivity=_number(value, "sensitivity", _SHARE),
        responsiveness=_number(value, "responsiveness", _SHARE),
        end_after_silence=_seconds(value, "end_after_silence"),
        max_call=_seconds(value, "max_call"),
        details=next((one for one in ("at_once", "late", "never") if one == details), None),
        rate=_number(value, "rate", _RATE),
        agent_rate=_number(value, "agent_rate", _RATE),
        first_message=first.text() if (first := value.given("first_message")) else None,
    )


def _seconds(value: Value, key: str) -> float | None:
    child = value.given(key)
    return read_duration(child, 0.1, _LONGEST) if child else None


def _number(value: Value, key: str, form: dict[str, object]) -> float | None:
    child = value.given(key)
    return child.single(form) if child else None
