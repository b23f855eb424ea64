"""`rejoinder serve`, in a process of its own."""

import asyncio
import json
import re
import signal
import socket
from pathlib import Path
from typing import Any

import aiohttp

from rejoinder.testing.telephone import calling

YAML = """\
server: {watch: false, drain: 0s}
agents: {dummy: {system: dummy}, parrot: {system: echo}}
routes: {/llm-websocket: dummy, /echo: parrot}
"""


async def ready(command: Any) -> str:
    """The URL under which it listens, once it says that it is ready."""
    line = await command.line("Rejoinder is ready on")
    found = re.search(r"127\.0\.0\.1:(\d+)", line)
    assert found
    return f"ws://127.0.0.1:{found[1]}"


async def test_it_says_what_to_dial_and_to_paste_and_who_dials_is_answered(start: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(YAML.replace("drain: 0s", 'drain: 0s, public_url: "https://voice.example.com/"'))
    command = await start("serve", "--port", "0")
    told = [await command.line() for _ in range(6)]
    url = await ready(command)
    assert [" ".join(line.split()) for line in told] == [
        "/echo -> parrot",
        f"try here: rejoinder chat {url}/echo",
        "paste in dashboard: wss://voice.example.com/echo",
        "/llm-websocket -> dummy",
        f"try here: rejoinder chat {url}/llm-websocket",
        "paste in dashboard: wss://voice.example.com/llm-websocket",
    ]
    async with calling(f"{url}/llm-websocket", call_id="call-1") as caller:
        assert (await caller.hears()).text == "How may I help you?"
    command.signal(signal.SIGTERM)
    outcome = await command.ends()
    assert outcome.code == 0
    assert "[call-1 /llm-websocket dummy] call started (retell)" in outcome.err
    assert "Traceback" not in outcome.err


async def test_it_says_what_to_paste_for_a_webhook(start: Any, folder: Path) -> None:
    hook = "webhooks: {main: {platform: retell, key: k}}\n"
    (folder / "rejoinder.yaml").write_text(YAML.replace("watch: false", "public_url: wss://voice.example.com, port: 0") + hook)
    command = await start("serve")
    assert await command.line("/webhooks/main") == "/webhooks/main  <- retell"
    assert (await command.line("paste in dashboard")).endswith("  https://voice.example.com/webhooks/main")


async def test_a_hangup_signal_reloads_a_right_file_and_refuses_a_wrong_one(start: Any, folder: Path) -> None:
    file = folder / "rejoinder.yaml"
    file.write_text(YAML)
    command = await start("serve", "--port", "0", "--log-format", "json")
    url = await ready(command)
    file.write_text(YAML.replace("/llm-websocket: dummy", "/llm-websocket: parrot"))
    command.signal(signal.SIGHUP)
    record = json.loads(await command.error_line("reloaded"))
    assert record["message"] == "reloaded: generation 2, 2 routes"
    async with calling(f"{url}/llm-websocket") as caller:
        assert (await caller.hears()).text == "Say something, and I will say it back."
    file.write_text(YAML.replace("system: dummy", "system: dumy"))
    command.signal(signal.SIGHUP)
    assert "no plugin 'dumy' is installed; did you mean 'dummy'?" in await command.error_line("reload refused")
    async with aiohttp.ClientSession() as session, session.get(f"http{url[2:]}/healthz") as answer:
        assert (await answer.json())["generation"] == 2
    command.signal(signal.SIGINT)
    assert (await command.ends()).code == 0


async def test_a_live_call_goes_on_and_is_dropped_by_a_second_signal(start: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(YAML.replace("0s", "1h"))
    command = await start("serve", "--port", "0")
    async with calling(f"{await ready(command)}/echo") as caller:
        await caller.hears()
        command.signal(signal.SIGTERM)
        await command.error_line("draining: 1 call; new calls are refused")
        await caller.says("still there?")
        assert (await caller.hears()).text == "You said: still there?"
        command.signal(signal.SIGTERM)
        assert await caller.closed() == 1006
    outcome = await command.ends()
    assert outcome.code == 0
    assert "stopping, at once, as ordered; dropped, so that their platforms dial again: 1 call" in outcome.err


async def test_a_plugin_can_be_given_by_its_file(start: Any, folder: Path) -> None:
    (folder / "shout.py").write_text(
        "from rejoinder import Options, Reply, ResponseSystem, Turn, hookimpl, per_call\n\n"
        "class Shout(ResponseSystem[Options]):\n"
        "    async def respond(self, turn: Turn) -> Reply:\n"
        "        yield turn.text.upper()\n\n"
        "@hookimpl\ndef rejoinder_response_system():\n    return per_call(Shout, Options)\n"
    )
    (folder / "mine.yaml").write_text("agents: {loud: {system: shout}}\nroutes: {/loud: loud}\n")
    command = await start("serve", "mine.yaml", "--port", "0", "--plugin", "shout=shout.py")
    async with calling(f"{await ready(command)}/loud") as caller:
        await caller.says("good morning")
        assert (await caller.hears()).text == "GOOD MORNING"


def test_a_bad_file_is_refused_with_the_words_of_check(rejoinder: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text("server: {prot: 1}\nagents: {a: {system: dumy}}\nroutes: {/a: a}\n")
    refused, checked = rejoinder("serve", "--port", "0"), rejoinder("check")
    assert (refused.code, checked.code) == (1, 1)
    assert refused.out == ""
    assert refused.err.splitlines()[:-1] == checked.out.splitlines()[:-1]
    assert refused.err.splitlines()[-1] == "rejoinder.yaml: 2 problems; not served"


def test_a_file_that_is_not_there_is_one_sentence(rejoinder: Any) -> None:
    outcome = rejoinder("serve", "gone.yaml")
    assert outcome.code == 1
    assert outcome.err.splitlines()[0].startswith("gone.yaml: the file does not exist")


def test_a_port_in_use_is_one_sentence(rejoinder: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(YAML)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        outcome = rejoinder("serve", "--port", str(port), "--log-level", "error")
    assert outcome.code == 1
    assert outcome.err == (
        f"rejoinder: cannot listen on 127.0.0.1:{port}: [Errno 98] Address already in use "
        "(is something else running there? --port 0 takes a free port)\n"
    )


def test_an_address_of_another_machine_is_one_sentence(rejoinder: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text("agents: {a: {system: dummy}}\nroutes: {/a: {agent: a, open: true}}\n")
    outcome = rejoinder("serve", "--host", "192.0.2.1", "--port", "0", "--log-level", "error")  # RFC 5737: nobody's
    assert outcome.code == 1
    assert outcome.err == (
        "rejoinder: cannot listen on 192.0.2.1:0: [Errno 99] Cannot assign requested address "
        "(this machine has no such address; see server.host, or --host)\n"
    )


def test_a_host_beyond_this_machine_needs_open_routes(rejoinder: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(YAML)
    outcome = rejoinder("serve", "--host", "0.0.0.0", "--port", "0")
    assert outcome.code == 1
    assert "--host: 0.0.0.0 can be reached from other machines, and not protected: /llm-websocket, /echo" in outcome.err


async def test_without_routes_it_says_that_nothing_can_be_dialled(start: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text("agents: {a: {system: dummy}}\n")
    command = await start("serve", "--port", "0")
    assert await command.line() == "rejoinder.yaml has no routes: nothing can be dialled until it is given some."
    await ready(command)


async def test_the_module_is_the_same_as_the_command(start: Any) -> None:
    outcome = await (await start("--version")).ends()
    assert (outcome.code, outcome.out.split()[0]) == (0, "rejoinder")
    async with asyncio.timeout(20):
        assert (await (await start()).ends()).code == 0


def test_a_folder_of_recordings_that_was_left_empty_records_nothing(rejoinder: Any, folder: Path) -> None:
    """As a variable leaves it that nobody set: taken for this folder it would hold what callers say."""
    outcome = rejoinder("serve", "--record", "")
    assert (outcome.code, outcome.out, list(folder.iterdir())) == (2, "", [])
    assert "argument --record: expected the name of a folder" in outcome.err
