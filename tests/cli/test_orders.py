"""`rejoinder reload` and `rejoinder drain`, given to a server in a process of its own."""

import json
import re
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from rejoinder.testing.telephone import CannotDial, calling

YAML = """\
server: {watch: false, drain: 0s}
agents: {dummy: {system: dummy}, parrot: {system: echo}}
routes: {/a: dummy}
"""
PATIENT = YAML.replace("0s", "1h")


async def ready(command: Any) -> str:
    """Where it listens, once it says that it is ready."""
    found = re.search(r"ready on (127\.0\.0\.1:\d+)", await command.line("Rejoinder is ready on"))
    assert found
    return found[1]


async def test_reload_says_which_generation_is_in_force(start: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(YAML)
    at = await ready(await start("serve", "--port", "0"))
    (folder / "rejoinder.yaml").write_text(YAML.replace("/a: dummy", "/a: dummy, /b: parrot"))
    outcome = await (await start("reload", "--url", f"http://{at}")).ends()
    assert (outcome.code, outcome.out, outcome.err) == (0, "reloaded: generation 2, 2 routes\n", "")
    outcome = await (await start("reload", "--url", at, "--json")).ends()
    assert (outcome.code, json.loads(outcome.out)) == (0, {"ok": True, "generation": 3, "routes": 2, "broken": []})


async def test_reload_says_every_problem_of_a_file_that_is_refused(start: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(YAML)
    at = await ready(await start("serve", "--port", "0"))
    (folder / "rejoinder.yaml").write_text(YAML.replace("system: echo", "system: eco").replace("watch", "wach"))
    outcome = await (await start("reload", "--url", at)).ends()
    assert (outcome.code, outcome.out) == (1, "")
    wach, eco, end = outcome.err.splitlines()
    assert wach.startswith("rejoinder.yaml:1:10: server: unknown key 'wach'")
    assert "no plugin 'eco' is installed; did you mean 'echo'?" in eco
    assert end == "refused: 2 problems; generation 1 stays in force"
    outcome = await (await start("reload", "--url", at, "--json")).ends()
    assert (outcome.code, json.loads(outcome.out)["problems"]) == (1, [wach, eco])


async def test_the_address_comes_from_the_file_even_if_something_else_in_it_is_wrong(start: Any, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    yaml = YAML.replace("watch: false", f"watch: false, port: {port}")
    (folder / "rejoinder.yaml").write_text(yaml)
    await ready(await start("serve"))
    assert (await (await start("reload")).ends()).out == "reloaded: generation 2, 1 route\n"
    (folder / "rejoinder.yaml").write_text(yaml.replace("system: echo", "sytem: echo"))
    outcome = await (await start("reload", "rejoinder.yaml")).ends()
    assert outcome.code == 1
    assert "unknown key 'sytem'" in outcome.err
    assert "generation 2 stays in force" in outcome.err


async def test_drain_tells_how_many_calls_are_left_and_that_it_is_over(start: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(PATIENT)
    server = await start("serve", "--port", "0")
    at = await ready(server)
    async with calling(f"ws://{at}/a", call_id="last") as caller:
        await caller.hears()
        drain = await start("drain", "--url", f"ws://{at}")
        assert await drain.line() == "draining: 1 call left"
        with pytest.raises(CannotDial) as refused:
            async with calling(f"ws://{at}/a"):
                pass
        assert refused.value.status == 503
        assert (await (await start("drain", "--url", at, "--no-wait")).ends()).out == "draining: 1 call left\n"
        await caller.says("are you still there?")
        assert (await caller.hears()).complete
        await caller.drop()
        await caller.dial()
        await caller.ping()
        server.signal(signal.SIGTERM)  # joins the drain that was ordered, and forces nothing
        await caller.ping()
        server.signal(signal.SIGTERM)
        assert await caller.closed() == 1006
    outcome = await drain.ends()
    assert outcome.code == 1
    assert "dropped, so that their platforms dial again: 1 call" in outcome.err
    assert (await server.ends()).code == 0


async def test_a_drain_without_calls_is_over_at_once(start: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(PATIENT)
    server = await start("serve", "--port", "0")
    outcome = await (await start("drain", "--url", await ready(server), "--json")).ends()
    told = json.loads(outcome.out)
    assert (outcome.code, told["ok"], told["calls"], told["dropped"]) == (0, True, 0, 0)
    assert (await server.ends()).code == 0


@pytest.mark.parametrize("command", ["reload", "drain"])
def test_a_server_that_is_not_there_is_one_sentence(rejoinder: Any, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    outcome = rejoinder(command, "--url", f"http://127.0.0.1:{port}")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == f"rejoinder: http://127.0.0.1:{port}: nothing listens there\n"
    outcome = rejoinder(command, "--url", f"http://127.0.0.1:{port}", "--json")
    assert (outcome.code, outcome.err, json.loads(outcome.out)["ok"]) == (1, "", False)


@pytest.mark.parametrize("url", ["http://", "ftp://x", "http://x:port", "http://x:0"])
def test_a_malformed_url_is_one_sentence(rejoinder: Any, url: str) -> None:
    outcome = rejoinder("reload", "--url", url)
    assert (outcome.code, outcome.err) == (
        1,
        f"rejoinder: {url!r} is a malformed URL: expected one such as http://127.0.0.1:8080\n",
    )


def test_a_file_without_a_port_needs_the_url(rejoinder: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text("server: {port: 0}\nagents: {a: {system: dummy}}\nroutes: {/a: a}\n")
    outcome = rejoinder("drain")
    assert outcome.code == 1
    assert "give the server's address with --url" in outcome.err


@pytest.mark.parametrize("order", ["reload", "drain"])
async def test_a_url_that_was_left_empty_orders_no_other_server_about(start: Any, folder: Path, order: str) -> None:
    (folder / "rejoinder.yaml").write_text(YAML)
    outcome = await (await start(order, "--url", "")).ends()
    assert (outcome.code, outcome.out) == (1, "")
    assert "'' is a malformed URL: expected one such as http://127.0.0.1:8080" in outcome.err
