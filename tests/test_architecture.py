"""Who may import whom, and where things may stand, in `host/` and `plugins/`: read from the source, nothing is imported."""

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter

import pytest

from sources import EVERY, HOST, PLUGINS, Import, Module, imports_of

#: The rooms of the simulator, which are packages.
SIMULATOR = ("platform", "scenarios", "judging", "replay", "playing", "reports", "load")

#: Every module of the host, lowest layer first: a module may import what stands in its own layer or in an earlier one.
#: A new file must be placed here.
LAYERS: tuple[tuple[str, ...], ...] = (
    # Values and promises.
    ("addresses", "errors", "late", "templates", "speech", "requirements", "dialogue"),
    ("caller_farewells", "events", "orders", "reading"),
    ("marks",),
    ("hygiene",),
    ("tools",),
    ("call",),
    ("contract",),
    ("declared", "doors", "hookspecs", "lines", "security"),
    ("inventory",),
    ("__init__",),
    # Pure talk: events in, effects out; bytes to events.
    ("effects", "permission"),
    ("newest_turn",),
    ("ladder", "out_of_turn", "own_turns", "reminders"),
    ("engine", "stopwatch"),
    ("protocols", "protocols.wire"),
    ("protocols.chat_answer", "protocols.chat_details", "protocols.retell_details", "protocols.retell_sent"),
    ("protocols.retell_kinds", "protocols.retell_webhook"),
    ("protocols.retell_numbering", "protocols.retell_transcript", "protocols.chat_tools"),
    ("protocols.retell_salvage",),
    ("protocols.retell", "protocols.chat"),
    # The file. Imports no plugin.
    ("config.keys", "config.sources", "config.syntax", "config.tree"),
    ("config.shape", "config.value"),
    ("config.durations",),
    ("config.fault", "config.fields", "config.parse"),
    ("config.access", "config.ladder", "config.record"),
    ("config.scope", "config.server"),
    ("config.content", "config.options"),
    ("config.agents",),
    ("config.routes",),
    ("config.webhooks",),
    ("config.load", "config.schema"),
    ("config.show",),
    ("config",),
    # Plugins, and what runs them.
    ("slow_imports",),
    ("registry",),
    ("handover", "stack", "threads"),
    ("watchdog",),
    ("gathering",),
    ("turn_line",),
    ("observability",),
    ("speaker",),
    ("visit",),
    ("breaker",),
    ("agents",),
    # One call, on the front.
    ("complaints", "outbox", "seats", "timers", "witness"),
    ("session",),
    # Who is told of calls.
    ("observers",),
    # Calls, written down by a thread of its own.
    ("recording", "recording.consent", "recording.growth", "recording.muting", "recording.redaction", "recording.shelf"),
    ("recording.frames",),
    ("recording.catalogue", "recording.rewriting", "recording.story"),
    ("recording.tape",),
    ("recording.writer",),
    ("recording.recorder",),
    ("recording.archive",),
    # The house as it stands now.
    ("routes",),
    ("calls", "reload"),
    ("drain",),
    # The edge.
    ("arrivals", "farewell", "knocks", "lifeline"),
    ("admin", "pages", "web_socket"),
    ("http_socket",),
    ("reception",),
    ("webhooks",),
    ("webhook_door",),
    ("server",),
    ("host",),
    # The test kit plays the other side; most of it knows of the house values alone (see SEES).
    ("testing.hearing", "testing.dialling", "testing.llm", "testing.peers"),
    ("testing.clock",),
    ("testing.subject", "testing.wire"),
    ("testing.exchange", "testing.telephone"),
    ("testing.listening", "testing.serving", "testing.talking"),
    # The platform, played whole.
    (
        "simulator",
        *(f"simulator.{room}" for room in SIMULATOR),
        "simulator.journal",
        "simulator.load.resources",
        "simulator.load.spread",
        "simulator.reports.staff",
    ),
    ("simulator.platform.link", "simulator.platform.pace", "simulator.platform.profile", "simulator.platform.recorder"),
    (
        "simulator.platform.answer_stream",
        "simulator.platform.frames",
        "simulator.platform.keepalive",
        "simulator.platform.patience",
        "simulator.platform.plug",
        "simulator.platform.transcript",
    ),
    ("simulator.platform.breath", "simulator.platform.line"),
    ("simulator.platform.voice",),
    ("simulator.platform.floor",),
    ("simulator.platform.call",),
    ("simulator.platform.retell", "simulator.platform.completions"),
    # Scenarios: what is to be played, and what is found.
    ("simulator.scenarios.expectation", "simulator.replay.word_diff"),
    ("simulator.scenarios.expectation_reading", "simulator.replay.past", "simulator.scenarios.steps"),
    ("simulator.scenarios.scenario", "simulator.scenarios.step_reading", "simulator.scenarios.telling"),
    # A recorded call is a scenario too.
    ("simulator.replay.recollection",),
    ("simulator.replay.recorded_call", "simulator.scenarios.scenario_text"),
    ("simulator.judging.findings", "simulator.scenarios.reading", "simulator.scenarios.setup", "simulator.scenarios.over_chat"),
    ("simulator.replay.comparison",),
    ("simulator.replay.side_by_side",),
    (
        "simulator.judging.call_checks",
        "simulator.judging.clean_completions",
        "simulator.judging.clean_connection",
        "simulator.judging.clean_protocol",
        "simulator.judging.clean_speech",
        "simulator.judging.heard_checks",
        "simulator.judging.sensible_turns",
        "simulator.reports.story",
    ),
    ("simulator.judging.judge", "simulator.reports.table", "simulator.reports.timeline", "simulator.playing.placing"),
    ("simulator.reports.html", "simulator.playing.player", "simulator.reports.results", "simulator.playing.target"),
    ("simulator.playing.batch", "simulator.playing.served", "simulator.load.tally"),
    ("simulator.load.outcome",),
    ("simulator.load.crowd", "simulator.playing.virtual"),
    ("simulator.reports.load_report",),
    # Checks of one response system, and the front door of the test kit, which offers them too.
    ("conformance", "conformance.guard", "conformance.line", "conformance.probe"),
    ("conformance.trial",),
    ("conformance.check",),
    ("conformance.turn_checks",),
    ("conformance.barge_in_checks", "conformance.call_checks", "conformance.option_checks", "conformance.transcript_checks"),
    ("conformance.catalogue",),
    ("conformance.suite",),
    ("conformance.parametrized",),
    ("testing",),
    ("testing.fixtures",),
    # Commands; each is one file, imported when it is used.
    (
        "cli.words",
        "cli.live",
        "cli.process",
        "cli.naming",
        "cli.notice",
        "cli.option_file",
        "cli.recorded",
        "cli.speaking",
        "cli.talk",
    ),
    ("cli.files", "cli.report_files"),
    ("cli.running",),
    (
        "cli.calls",
        "cli.chat",
        "cli.check",
        "cli.conform",
        "cli.drain",
        "cli.init",
        "cli.new",
        "cli.plugins",
        "cli.reload",
        "cli.schema",
        "cli.serve",
    ),
    ("cli.load",),
    ("cli.simulate",),
    ("cli",),
    ("__main__",),
)

#: What decides a turn. None of it imports what is not here, and so sees no clock, task or socket by another's hand either.
PURE = (
    "caller_farewells", "dialogue", "effects", "engine", "events", "hygiene", "ladder", "late", "lines",
    "marks", "newest_turn", "orders", "out_of_turn", "own_turns", "permission", "reading", "reminders", "speech",
    "templates",
)  # fmt: skip

#: What plays the platform, whoever serves its calls: it shares no code with the host that it tries out.
OTHER_SIDE = (
    "testing.telephone", "testing.clock", "testing.dialling", "testing.hearing", "testing.llm", "testing.peers",
)  # fmt: skip

#: Other rooms that see less of the house than their layer allows.
SEES: dict[str, tuple[str, ...]] = {
    "protocols": ("dialogue", "events"),
    "protocols.*": ("dialogue", "errors", "events", "protocols.*"),
    "config*": ("addresses", "config.*", "contract", "declared", "dialogue", "doors", "errors", "late", "lines", "templates"),
    "registry": ("contract", "errors", "hookspecs", "inventory", "requirements", "slow_imports"),
    "threads": (),
    "handover": ("call", "dialogue", "orders"),
    "outbox": ("effects", "events"),
    "testing.wire": ("errors", "lifeline", "testing.*"),
    **dict.fromkeys(OTHER_SIDE, ("dialogue", "errors", "testing.*")),
    "simulator*": (
        *("call", "contract", "dialogue", "errors", "lines", "registry", "speech", "testing.*", "simulator.*", "config.*"),
        *("recording.catalogue", "recording.frames", "recording.shelf"),
    ),
    **dict.fromkeys(PURE, PURE),
}

HEAVY = ("anthropic", "jinja2", "openai", "prometheus_client", "rapidfuzz", "re2", "rich")

#: (who, what they never import, not even late).
NEVER: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (PURE, ("asyncio", "time", "json", "logging", "msgspec.json", "threading")),
    (PURE, ("datetime", "zoneinfo", "random")),
    (("protocols", "protocols.*"), ("asyncio", "aiohttp", "logging", "time", "json")),
    (("agents", "handover", "observers", "outbox", "session", "speaker", "threads", "visit"), ("aiohttp", "json")),
    (("call", "config", "config.*", "contract", "dialogue", "events"), ("pluggy", "importlib")),
    (("*",), ("rejoinder_*",)),
)

#: The only users of aiohttp in the host, and those of its server side.
AIOHTTP = (
    "admin",
    "server",
    "http_socket",
    "web_socket",
    "pages",
    "reception",
    "host",
    "webhook_door",
    "simulator.platform.completions",
    "simulator.playing.placing",
    "simulator.playing.target",
    "testing.*",
)

#: What a plugin imports besides the standard library, `rejoinder` itself and its own modules.
OWN_LIBRARIES: dict[str, frozenset[str]] = {
    "rejoinder_dummy": frozenset({"msgspec"}),
    "rejoinder_echo": frozenset({"msgspec"}),
    "rejoinder_rules": frozenset({"msgspec", "re2"}),
    "rejoinder_llm": frozenset({"msgspec", "aiohttp"}),
}

#: Words of Retell's wire. Elsewhere they have names of ours (design.md, "Words").
WIRE_WORDS = re.compile(
    r"\b(response_id|response_type|interaction_type|content_complete|interrupt_id|agent_interrupt|turntaking|update_only"
    r"|response_required|reminder_required|digit_to_press|no_interruption_allowed|call_details|ping_pong|auto_reconnect"
    r"|tool_call_invocation|tool_call_result|retell_llm_dynamic_variables)\b"
)
SPEAKS_RETELL = ("protocols.retell", "protocols.retell_*", "testing.*", "simulator.*", "conformance.line")

#: Rooms with such a name fill up with what has no name of its own.
NO_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc", "constants", "types"}

MOST_LINES = 350
LONGEST_FUNCTION = 60


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _within(name: str, packages: Sequence[str]) -> bool:
    """Whether `name` is one of `packages` (may be patterns) or a module in one."""
    return any(fnmatch(name, package) or fnmatch(name, f"{package}.*") for package in packages)


def _layer(short: str) -> int | None:
    return next((index for index, layer in enumerate(LAYERS) if short in layer), None)


def _stands_later(target: Module, module: Module) -> bool:
    theirs, own = _layer(target.short), _layer(module.short)
    return theirs is not None and own is not None and theirs > own


def _none(found: list[str]) -> None:
    assert not found, "\n".join(["", *found])


def _inside() -> Iterator[tuple[Module, Module, Import]]:
    """Every import of one module of the host by another."""
    for module in HOST.values():
        for imported in imports_of(module):
            if imported.module in HOST:
                yield module, HOST[imported.module], imported


def test_every_module_of_the_host_has_its_place() -> None:
    _none([f"{module.at(1)}: place it in LAYERS" for module in HOST.values() if _layer(module.short) is None])


def test_the_table_places_only_what_exists_and_each_once() -> None:
    placed = [name for layer in LAYERS for name in layer]
    assert len(placed) == len(set(placed))
    assert sorted(set(placed) - {module.short for module in HOST.values()}) == []


def test_a_module_imports_only_from_its_own_layer_or_an_earlier_one() -> None:
    upward = [
        f"{module.at(imported.line)}: {module.short} imports {target.short}, which stands later"
        for module, target, imported in _inside()
        if _stands_later(target, module)
    ]
    _none(upward)


def test_rooms_see_no_more_of_the_house_than_they_need() -> None:
    strays = [
        f"{module.at(imported.line)}: {module.short} imports {target.short}"
        for room, seen in SEES.items()
        for module, target, imported in _inside()
        if fnmatch(module.short, room) and not _matches(target.short, seen)
    ]
    _none(strays)


def test_no_import_leads_round_in_a_circle() -> None:
    graph: dict[str, set[str]] = {name: set() for name in EVERY}
    for module in EVERY.values():
        graph[module.name] |= {found.module for found in imports_of(module) if found.module in EVERY} - {module.name}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' <- '.join(error.args[1])}")


def test_no_import_is_relative() -> None:
    relative = [
        module.at(node.lineno)
        for module in EVERY.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    _none(relative)


@pytest.mark.parametrize(("who", "never"), NEVER, ids=lambda names: ",".join(names))
def test_rooms_do_without_what_would_spoil_them(who: tuple[str, ...], never: tuple[str, ...]) -> None:
    found = [
        f"{module.at(imported.line)}: {module.short} imports {imported.module}"
        for module in HOST.values()
        if _matches(module.short, who)
        for imported in imports_of(module)
        if _within(imported.module, never)
    ]
    _none(found)


def test_only_the_edge_and_the_test_kit_know_aiohttp() -> None:
    users = [
        f"{module.at(imported.line)}: {module.short}"
        for module in HOST.values()
        for imported in imports_of(module)
        if _within(imported.module, ["aiohttp"]) and not _matches(module.short, AIOHTTP)
    ]
    _none(users)


def test_heavy_libraries_are_imported_where_they_are_used_not_at_start() -> None:
    early = [
        f"{module.at(imported.line)}: {imported.module}"
        for module in EVERY.values()
        for imported in imports_of(module)
        if _within(imported.module, HEAVY) and not imported.late
    ]
    _none(early)


def test_a_plugin_imports_the_front_door_and_its_own_libraries_only() -> None:
    strays: list[str] = []
    for module in PLUGINS.values():
        package = module.name.partition(".")[0]
        for imported in imports_of(module):
            top = imported.module.partition(".")[0]
            own = {package} | OWN_LIBRARIES[package] | sys.stdlib_module_names
            if imported.module != "rejoinder" and top not in own:
                strays.append(f"{module.at(imported.line)}: {imported.module}")
    _none(strays)


def test_the_words_of_retells_wire_stay_in_its_codec() -> None:
    strays = [
        f"{module.at(number)}: {found[0]}"
        for module in EVERY.values()
        if not _matches(module.short, SPEAKS_RETELL)
        for number, line in enumerate(module.path.read_text("utf-8").splitlines(), 1)
        for found in WIRE_WORDS.finditer(line)
    ]
    _none(strays)


def test_the_host_names_no_plugin() -> None:
    """What comes with it enters by the same door as a stranger's."""
    own = re.compile(r"\brejoinder_(dummy|echo|rules|llm)\b")
    strays = [
        f"{module.at(number)}: {found[0]}"
        for module in HOST.values()
        for number, line in enumerate(module.path.read_text("utf-8").splitlines(), 1)
        for found in own.finditer(line)
    ]
    _none(strays)


def test_every_file_is_named_after_one_noun() -> None:
    _none([module.name for module in EVERY.values() if NO_NAMES & set(module.name.split("."))])


def test_nothing_is_printed() -> None:
    """What the commands say goes through one function each; everything else is for the log."""
    printed = [
        module.at(node.lineno)
        for module in EVERY.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    _none(printed)


def test_files_stay_readable_in_one_sitting() -> None:
    lengths = {module: len(module.path.read_text("utf-8").splitlines()) for module in EVERY.values()}
    _none([f"{module.at(1)}: {lines} lines" for module, lines in lengths.items() if lines > MOST_LINES])


def test_functions_stay_on_one_screen() -> None:
    functions = [
        (module, node)
        for module in EVERY.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = [(module, node, (node.end_lineno or node.lineno) - node.lineno + 1) for module, node in functions]
    _none([f"{module.at(node.lineno)}: {node.name}" for module, node, lines in lengths if lines > LONGEST_FUNCTION])
