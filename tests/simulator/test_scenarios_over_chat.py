"""Scenarios on a platform of chat completions: what can be played there, and what its requests say."""

from pathlib import Path

import pytest

from rejoinder.simulator.judging.findings import Play
from rejoinder.simulator.playing.placing import ModelAPI
from rejoinder.simulator.playing.target import Local, Remote
from rejoinder.simulator.scenarios.over_chat import over_chat, why_not
from rejoinder.simulator.scenarios.reading import read_paths
from rejoinder.simulator.scenarios.scenario import CallSetup, Scenario
from rejoinder.simulator.scenarios.setup import vapi_details_of
from rejoinder.testing.dialling import CannotDial, MalformedURL


def scenario(folder: Path, text: str) -> Scenario:
    file = folder / "call.yaml"
    file.write_text(text)
    read = read_paths([file], {})
    assert not read.problems, "\n".join(map(str, read.problems))
    return read.scenarios[0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("caller: [{says: one}, {drops: connection}]", "dials nobody again, and has no keepalive"),
        ("caller: [{says: one}, dials_twice]", "dials nobody"),
        ("caller: [{says: one}, {duplicates: 2}]", "sends single requests, none of them twice"),
        ("caller: [{says: one}, {reorders: 2}]", "sends single requests, one after the other"),
        ("caller: [{says: one}, {sends: Hello}]", "has no frames"),
        ("caller: [{says: one}, {presses: '1'}]", "tells nobody of keys"),
        ("caller: [{says: one}, {silent: 12s, expect: there}]", "reminds nobody"),
        ("caller: [{says: one}]\nplatform: {reminder: 5s}", "reminds nobody"),
        ("caller: [{says: one}]\nplatform: {details: late}", "tells of the call with each request, never later"),
        ("caller: [{says: one}]\ncall: {opt_out: true}", "tells nobody what must not be stored"),
        ("caller: [{says: one}]\nexpect: {tools: [{called: book}]}", "is not told of the server's own tools"),
        ("caller: [{says: one}]\nexpect: {ends: error_llm_websocket_runtime}", "has no connection to lose"),
        ("caller: [{hears: Hello}, hangs_up]", "asks nothing before the caller has spoken"),
    ],
)
def test_what_the_platform_does_not_do_cannot_be_played(tmp_path: Path, text: str, why: str) -> None:
    assert why_not(scenario(tmp_path, text)) == f"chat completions: the platform {why}"


def test_what_it_can_do_is_played(tmp_path: Path) -> None:
    text = "caller: [{silent: 12s, expect: {is: '', absent: x}}, mumbles, {reads_slowly: 2s}]\nplatform: {reminders: 0}"
    assert why_not(scenario(tmp_path, text)) == ""


def test_nothing_is_expected_of_first_words_that_are_the_platforms_own(tmp_path: Path) -> None:
    played = over_chat(scenario(tmp_path, "caller: [{hears: front desk}, {says: one, expect: two}, {hears: three}]"))
    assert [[rule.text for rule in step.expected.texts] for step in played.steps] == [[], ["two"], ["three"]]


def test_the_call_is_told_of_as_vapi_does() -> None:
    inbound = CallSetup("phone", "+15550001111", "+15550002222", variables={"name": "Ann"}, metadata={"a": 1})
    assert vapi_details_of(inbound, "c1") == {
        "call": {"id": "c1", "type": "inboundPhoneCall", "assistantOverrides": {"variableValues": {"name": "Ann"}}},
        "customer": {"number": "+15550001111"},
        "phoneNumber": {"number": "+15550002222"},
        "metadata": {"a": 1},
    }
    outbound = vapi_details_of(CallSetup("phone", "+15550001111", direction="outbound"), "c2")
    assert outbound == {"call": {"id": "c2", "type": "outboundPhoneCall"}, "phoneNumber": {"number": "+15550001111"}}
    assert vapi_details_of(CallSetup(), "c3") == {"call": {"id": "c3", "type": "webCall"}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rejoinder.yaml"
    path.write_text(
        "agents: {parrot: {system: echo}}\n"
        "routes:\n"
        "  /both: {agent: parrot, platforms: [retell, chat], secret: abcdefghijklmnopqrstuvwxyz}\n"
        "  /retell: {agent: parrot, platforms: [retell]}\n"
        "  /any: parrot\n"
    )
    return path


@pytest.mark.virtual_time
async def test_routes_for_chat_completions_are_opened_with_their_own_secrets(file: Path) -> None:
    local = Local.of_file(file, {}, platform="chat")
    assert [*local.routes] == ["/both", "/any"]
    async with local.open() as switchboard:
        keys = [line.key for line in map(switchboard.line, local.routes) if isinstance(line, ModelAPI)]
    assert keys == ["abcdefghijklmnopqrstuvwxyz", ""]
    with pytest.raises(CannotDial, match="has no route /retell for chat completions; it has: /any, /both"):
        Local.of_file(file, {}, "/retell", platform="chat")


async def test_a_url_is_asked_with_a_key_and_may_be_pasted_whole() -> None:
    remote = Remote("https://example.org/desk/chat/completions", "chat", "secret")
    async with remote.open() as switchboard:
        line = switchboard.line("")
        assert isinstance(line, ModelAPI)
        assert (line.url, line.key) == ("https://example.org/desk", "secret")
    assert "secret" not in repr(remote) + repr(line)


@pytest.mark.parametrize("url", ["wss://example.org/desk", "", "desk"])
def test_who_is_asked_by_http_is_named_by_a_url_of_http(url: str) -> None:
    with pytest.raises(MalformedURL, match="chat completions are asked for at one such as http://"):
        Remote(url, "chat")


def test_a_first_message_is_read(tmp_path: Path) -> None:
    told = scenario(tmp_path, "caller: []\nplatform: {first_message: Good day.}")
    assert Play(told).scenario.platform.first_message == "Good day."
    assert scenario(tmp_path, "caller: []").platform.first_message is None
