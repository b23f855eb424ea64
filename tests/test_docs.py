"""The manual cannot lie: what the code offers is what it names, no more and no less."""

import argparse
import dataclasses
import inspect
import io
import json
import logging
import re
import tomllib
from typing import Any, cast, get_args

import msgspec
import pytest

import rejoinder
from manual import PAGES, ROOT, anchors, cell, codes, named, page, rows, section
from rejoinder import (
    agents,
    arrivals,
    calls,
    cli,
    complaints,
    contract,
    dialogue,
    farewell,
    handover,
    hookspecs,
    host,
    knocks,
    lifeline,
    observability,
    observers,
    outbox,
    pages,
    reload,
    templates,
    testing,
    tools,
    visit,
    web_socket,
    webhook_door,
    webhooks,
)
from rejoinder import server as edge
from rejoinder.cli.naming import Naming
from rejoinder.cli.new import filled
from rejoinder.config import agents as config_agents
from rejoinder.config import routes, scope, server, sources
from rejoinder.config.keys import PLATFORMS as KNOWN_PLATFORMS
from rejoinder.config.load import LATER as LATER_IN_FILE
from rejoinder.config.load import MOST_FILES
from rejoinder.config.schema import schema
from rejoinder.config.scope import Scope
from rejoinder.config.shape import ServerConfig
from rejoinder.lines import BUILT_IN
from rejoinder.protocols import chat, chat_tools, retell, retell_sent
from rejoinder.registry import Registry
from rejoinder.routes import Routes
from rejoinder.server import Server
from rejoinder.testing.subject import AgentKeys

CONFIGURATION, PLUGINS, OPERATING, PLATFORMS, RECORDING, SCENARIOS, SIMULATOR, TESTING = PAGES[1:]
OWN = ("dummy", "echo", "rules", "llm")
SCHEMA = schema({}, {})
KEYS = {
    "`server`": SCHEMA["properties"]["server"]["properties"],
    "`defaults`": SCHEMA["properties"]["defaults"]["properties"],
    "`agents`": SCHEMA["$defs"]["agent"]["properties"],
    "`observers`": SCHEMA["$defs"]["observer"]["properties"],
    "`webhooks`": SCHEMA["$defs"]["webhook"]["properties"],
    "`routes`": {
        **SCHEMA["$defs"]["route"]["properties"],
        **SCHEMA["$defs"]["route"]["properties"]["retell"]["properties"],
        **SCHEMA["$defs"]["route"]["properties"]["limits"]["properties"],
        **SCHEMA["$defs"]["route"]["properties"]["record"]["anyOf"][-1]["properties"],
    },
}


def public(kind: object) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def test_every_key_of_the_yaml_has_its_row() -> None:
    assert {row[0].strip("`") for row in rows(section(CONFIGURATION, "Keys")) if len(row) == 3} >= set(SCHEMA["properties"])
    for key in SCHEMA["properties"]:
        assert section(CONFIGURATION, f"`{key}`").strip()
    for heading, keys in KEYS.items():
        assert named(section(CONFIGURATION, heading)) == set(keys), heading


def test_defaults_of_keys_are_what_takes_effect() -> None:
    assert cell(section(CONFIGURATION, "`server`"), "host", 1) == f"`{ServerConfig().host}`"
    assert cell(section(CONFIGURATION, "`server`"), "port", 1) == f"`{ServerConfig().port}`"
    assert cell(section(CONFIGURATION, "`server`"), "drain", 1) == f"`{ServerConfig().drain / 3600:g}h`"
    assert f"at most `{server.LONGEST_DRAIN / 3600:g}h`" in cell(section(CONFIGURATION, "`server`"), "drain", 2)
    assert f"{server.SHORTEST_TOKEN} characters" in cell(section(CONFIGURATION, "`server`"), "admin_token", 2)
    for name in ("language", "timezone"):
        for heading in ("`defaults`", "`agents`"):
            assert cell(section(CONFIGURATION, heading), name, 1) == f"`{getattr(Scope(), name)}`"


@pytest.mark.parametrize(
    ("place", "keys"),
    [
        ("the file", LATER_IN_FILE),
        ("`server`", server.LATER),
        ("`defaults`", scope.LATER_DEFAULTS),
        ("an agent", config_agents.LATER),
        ("a route", routes.LATER),
    ],
)
def test_reserved_keys_are_those_that_are_refused_as_such(place: str, keys: frozenset[str]) -> None:
    (found,) = (row for row in rows(section(CONFIGURATION, "Reserved keys")) if row[0] == place)
    assert set(codes(found[1])) == keys


def test_paths_that_are_the_servers_own_are_told() -> None:
    assert {f"/{one}" for one in routes.RESERVED} <= set(codes(section(CONFIGURATION, "`routes`")))


@pytest.mark.parametrize("name", OWN)
def test_every_option_has_its_type_and_default(name: str) -> None:
    (installed,) = (one for one in Registry().installed() if one.name == name)
    (provided,) = installed.provides
    told = [(row[0], row[1], row[2]) for row in rows(section(CONFIGURATION, f"`{name}`")) if len(row) == 4]
    assert sorted(told) == sorted((f"`{one.name}`", one.type, f"`{one.default}`") for one in provided.options)


def test_every_language_is_told_with_its_lines() -> None:
    told = {row[0]: row[1:] for row in rows(section(CONFIGURATION, "Languages"))}
    assert told == {
        f"`{tag}`": [one.hello, one.nudge, one.apology, one.regret, one.goodbye, one.transfer, " / ".join(one.filler)]
        for tag, one in BUILT_IN.items()
    }


def test_every_field_of_a_text_is_told() -> None:
    expected = {"name", "vars.name", "now", *(f"call.{name}" for name in templates.CALL_FIELDS)}
    assert {one.strip("{ }") for one in named(section(CONFIGURATION, "Fields of the call"))} == expected


def test_bounds_of_the_files_are_told() -> None:
    assert f"{MOST_FILES} files" in section(CONFIGURATION, "`include`")
    assert f"{sources.LARGEST >> 20} MiB" in section(CONFIGURATION, "Texts in files")


def test_every_public_name_is_told() -> None:
    assert {name for row in rows(section(PLUGINS, "All public names")) for name in codes(row[1])} == set(rejoinder.__all__)


@pytest.mark.parametrize("kind", [rejoinder.Call, rejoinder.Turn, rejoinder.Transcript])
def test_every_public_attribute_has_its_row(kind: type) -> None:
    told = named(section(PLUGINS, f"`{kind.__name__}`"))
    assert {re.sub(r"^await |\(.*", "", one) for one in told} == public(kind)


def test_every_field_of_details_and_reports_has_its_row() -> None:
    assert named(section(PLUGINS, "`Details`")) == set(rejoinder.Details.__struct_fields__)
    told = named(section(PLUGINS, "Observers"))
    for facts in (rejoinder.CallFacts, rejoinder.WebhookReport):
        assert {field.name for field in dataclasses.fields(facts)} <= told
    for report in (rejoinder.TurnReport, rejoinder.CallReport):
        assert set(report.__struct_fields__) <= told
    assert set(codes(section(PLUGINS, "Observers"))) >= {*get_args(dialogue.Outcome), *get_args(dialogue.EndedBy)}


def test_every_method_of_a_system_and_every_hook_has_its_row() -> None:
    told = {re.sub(r"^async |\(.*", "", one) for one in named(section(PLUGINS, "What a system may do"))}
    assert told == public(rejoinder.ResponseSystem)
    hooks = {name for name, found in vars(hookspecs).items() if hasattr(found, "rejoinder_spec")}
    assert {one.partition("(")[0] for one in named(section(PLUGINS, "Hooks"))} == hooks


def test_every_output_is_told_with_its_fields() -> None:
    told = named(section(PLUGINS, "What it yields"))
    for kind in (rejoinder.Say, *get_args(dialogue.Action), *get_args(dialogue.Note)):
        (call,) = (one for one in told if one.partition("(")[0] == kind.__name__)
        assert re.findall(r"(\w+)(?==|,|\))", call.replace("=False", "=").replace("=None", "=").replace("=0", "=")) == [
            *kind.__struct_fields__
        ]


def test_every_public_name_of_the_test_kit_is_told() -> None:
    told = set(re.findall(r"\w+", " ".join(codes(page(TESTING)))))
    assert set(re.findall(r"\w+", " ".join(codes(section(TESTING, "All names of the kit"))))) == set(testing.__all__)
    assert public(testing.Caller) - {"call_id", "details"} <= told
    assert {*testing.Heard.__dataclass_fields__, "text"} <= named(section(TESTING, "What is heard"))
    talks = {one.partition("(")[0] for one in named(section(TESTING, "What a talk does"))}
    assert talks == public(testing.Talk) - {"close"}
    models = {one.partition("(")[0] for one in named(section(TESTING, "A model that misbehaves"))}
    assert models == public(testing.FakeLLM())
    assert set(testing.Step.__members__) <= told
    assert named(section(TESTING, "What `talk` takes")) >= set(AgentKeys.__annotations__) | {"details", "real_time"}
    assert {"run", "hold"} <= told


def commands() -> dict[str, argparse.ArgumentParser]:
    (found,) = (one for one in cli.parser()._actions if isinstance(one, argparse._SubParsersAction))
    return dict(found.choices)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_is_told_with_every_flag(name: str) -> None:
    actions = [one for one in commands()[name]._actions if one.dest != "help"]
    arguments = [f"[{one.metavar}]" if one.nargs == "?" else str(one.metavar) for one in actions if not one.option_strings]
    told = section(OPERATING, f"`{' '.join(['rejoinder', name, *arguments])}`")
    assert {one.partition(" ")[0] for one in named(told)} == {flag for one in actions for flag in one.option_strings}
    for action in actions:
        if action.choices and action.option_strings:
            value = action.dest.rpartition("_")[2].upper()
            assert set(action.choices) <= set(codes(cell(told, f"{action.option_strings[0]} {value}", 1)))


def test_every_file_of_a_new_package_is_told() -> None:
    told = named(section(PLUGINS, "From nothing to a published package"))
    assert told == set(filled(Naming("shout"), "0.1.0"))


def test_every_exit_code_is_told() -> None:
    assert [row[0] for row in rows(section(OPERATING, "Exit codes"))] == ["0", "1", "2", "130"]


def test_every_page_of_the_server_is_told() -> None:
    app = Server(*[cast("Any", None)] * 5).app()
    own = {
        f"{one.method} {one.resource.canonical}"
        for one in app.router.routes()
        if one.resource and one.method not in ("HEAD", "*")
    }
    assert own <= named(section(OPERATING, "HTTP pages"))


def test_every_field_of_the_pages_for_monitors_is_told() -> None:
    told = section(OPERATING, "HTTP pages")
    refused = reload.Refusal("2026-11-22T00:00:00+00:00", ("why",))
    health = json.loads(cast("bytes", pages.health(Routes(), refused, 0, {}, draining=False, tell=True).body))
    ready = json.loads(cast("bytes", pages.readiness(Routes(), draining=False).body))
    assert {*health, *ready} <= named(told)
    assert set(health["last_refused_reload"]) <= set(codes(cell(told, "last_refused_reload", 1)))
    assert ready["status"] == "broken"


def test_every_event_and_field_of_the_log_is_told() -> None:
    stream = io.StringIO()
    observability.configure("debug", "json", stream)
    facts = rejoinder.CallFacts("c", "/r", "a", "retell")
    observability.log_call_started(facts)
    observability.log_turn_ended(rejoinder.TurnReport(facts, 0, "begin", "finished", None, None, 0, 0.0))
    observability.log_call_ended(rejoinder.CallReport(facts, rejoinder.Details(), "agent", None, 0, 0, 0, 0.0))
    logging.getLogger().error("told", exc_info=ValueError("why"))
    told = section(OPERATING, "The log")
    for line in map(json.loads, stream.getvalue().splitlines()):
        assert set(line) <= named(told), line
        assert "event" not in line or f"**`{line['event']}`**" in told
    assert {*get_args(dialogue.Outcome), *get_args(dialogue.EndedBy)} <= set(codes(told))


def test_limits_and_times_are_those_of_the_code() -> None:
    told = {row[0]: row[1] for row in rows(section(OPERATING, "Limits and times"))}
    threads = inspect.signature(agents.Agent).parameters["threads"].default
    opening = inspect.signature(agents.Agent.open).parameters["within"].default
    assert opening == observers.OPENING
    expected = {
        "one frame, or one request's body": (
            f"{web_socket.MAX_FRAME >> 20} MiB; more closes the socket with 1009 (a request: 413)"
        ),
        "one file of the configuration": f"{sources.LARGEST >> 20} MiB",
        "outputs of a reply that wait for the socket": f"{handover.WINDOW}",
        "orders outside replies that wait for it": f"{outbox.ROOM}",
        "clean-up of a cancelled reply": f"{handover.CLEANUP:g} s, then it is named in the log",
        "wait for the call's details": f"{templates.DETAILS_WAIT:g} s",
        "opening an agent or an observer": f"{opening:g} s",
        "closing an agent": f"{inspect.signature(agents.Agent.close).parameters['within'].default:g} s",
        "`ended()` of a call": f"{visit.FAREWELL:g} s",
        "one tool of `run_once`, unless the plugin says otherwise": f"{tools.TIME_OUT:g} s",
        "threads for plain generators": f"{threads} an agent",
        "kinds of complaints that are told of one call": f"{complaints.MOST_COMPLAINTS}",
        "one report of an observer": f"{observers.LIMIT:g} s",
        "reports that wait for one observer": f"{observers.ROOM}",
        "bodies of webhooks among them": f"{observers.MOST_BYTES >> 20} MiB",
        "the body of a webhook": f"{webhook_door.PATIENCE:g} s to come; more is a 408",
        "events of webhooks that are remembered": f"{webhooks.REMEMBERED}",
        "lines in the log about the same trouble of a webhook": f"one every {webhooks.BURST_MS // 1000} s",
        "a first request, once connected": f"{arrivals.HANDSHAKE:g} s, then the connection is closed",
        "connections that have asked for nothing": f"{arrivals.MOST_WAITING}; beyond, the oldest are closed",
        "a connection between two requests": f"{host.KEEPALIVE:g} s",
        "the body of a request": f"{edge.BODY:g} s, then 408",
        "the first frame of a socket": f"{lifeline.FIRST_WORD:g} s, then it is given up",
        "a platform that has pinged and says nothing": f"{retell.KEEPALIVE_LOST:g} s, then it is given up",
        "a frame, or a piece of an answer, that is not taken": f"{lifeline.SLOWEST_SEND:g} s, then the socket is given up",
        "callers on full routes who are told so at a time": (
            f"{farewell.MOST_LEAVING} of the server, each for {farewell.FAREWELL:g} s at most; more get 503"
        ),
        "a platform to close a call that `call_duration` ended": f"{calls.FAREWELL:g} s, then it is dropped",
        "refused handshakes of one address": f"{knocks.MOST_REFUSED} within {knocks.WINDOW:g} s; more get 429",
        "addresses that are remembered for that": f"{knocks.MOST_ADDRESSES}",
        "lines of the log about refused handshakes": f"2 of one address within {knocks.WINDOW:g} s, {knocks.MOST_LINES} in all",
        "look for saved files": f"every {reload.WATCH_EVERY:g} s",
        "try broken agents again": f"every {reload.MEND_EVERY:g} s",
    }
    assert told == expected


def test_how_long_a_call_waits_is_told() -> None:
    told = section(OPERATING, "Calls and sockets")
    for grace in (retell.RetellCodec.grace, retell.RetellCodec.grace_after_goodbye, chat.ChatCodec.grace):
        assert f" {grace:g} s" in told


def test_every_frame_and_tool_of_a_platform_is_told() -> None:
    told = set(codes(section(PLATFORMS, "Retell")))
    sent = {kind.__struct_config__.tag for kind in retell_sent.Sent.__subclasses__()}
    assert {*sent, *retell._KNOWN} <= {word for one in told for word in re.findall(r"\w+", one)}
    can = section(PLATFORMS, "What each platform can do")
    assert set(chat_tools._ARGUMENTS) <= set(codes(can))
    assert {f"`{name}`" for name in KNOWN_PLATFORMS} <= set(re.findall(r"`\w+`", can))
    assert chat.CALL_ID_HEADER in codes(section(PLATFORMS, "Which call a request belongs to"))


def test_options_promise_what_the_contract_promises() -> None:
    assert issubclass(contract.Options, msgspec.Struct)
    assert contract.Options.__struct_config__.forbid_unknown_fields


@pytest.mark.parametrize("name", [*PAGES, "CHANGELOG.md", "SECURITY.md"])
def test_every_link_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page(name)):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        found = (ROOT / name).parent / file if file else ROOT / name
        assert found.exists(), target
        assert not anchor or anchor in anchors(found.read_text(encoding="utf-8")), target


def test_the_changelog_has_a_place_for_what_is_new() -> None:
    assert "\n## [Unreleased]\n" in page("CHANGELOG.md")


def test_what_runs_on_a_clean_clone_is_what_the_readme_says() -> None:
    readme, ci = page("README.md"), page(".ci/run")
    extras = tomllib.loads(page("pyproject.toml"))["project"]["optional-dependencies"]
    assert "\npython3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/rejoinder serve\n" in readme
    assert '\npython3 -m venv .venv && .venv/bin/pip install -e ".[test]" && .venv/bin/pytest\n' in readme
    assert '-m venv "$environment"' in ci
    assert 'pip install --quiet -e ".[dev]"' in ci
    assert any(re.match(r"rejoinder\[(\w+,)*test\b", one) for one in extras["dev"])  # what the README installs, and more
    assert re.search(r"^(\w+=\w+ )?pytest$", ci, re.MULTILINE)
