"""`rejoinder calls`: recordings listed, told and deleted."""

import io
import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rejoinder.cli.serve import _say_recording
from rejoinder.host import Host
from rejoinder.registry import Registry
from rejoinder.testing.telephone import calling

YAML = """\
server: {watch: false, drain: 0s}
agents: {parrot: {system: echo, begin: "Hello, {{ name }}"}}
routes: {/echo: {agent: parrot, record: {keep: 7d, text: on}}, /mute: {agent: parrot, record: {}}}
"""
NUMBER = "+442079460123"
PHONE = {"call_type": "phone_call", "direction": "inbound", "from_number": NUMBER, "to_number": "+15550002222"}
Run = Callable[..., Any]


@pytest.fixture
async def recorded(start: Any, folder: Path) -> Path:
    """A folder with a YAML file, and two calls that `rejoinder serve` has recorded there."""
    (folder / "rejoinder.yaml").write_text(YAML)
    command = await start("serve", "--port", "0")
    assert "Recording calls on /echo, /mute in recordings" in await command.line("Recording")
    found = re.search(r"127\.0\.0\.1:\d+", await command.line("Rejoinder is ready on"))
    assert found
    for route, call_id, details in (("/echo", "call-1", PHONE), ("/mute", "call-2", {"call_type": "web_call"})):
        async with calling(f"ws://{found[0]}{route}", call_id=call_id, details=details) as caller:
            await caller.hears()
            await caller.says(f"I am {NUMBER} ok")
            await caller.hears()
    command.signal(signal.SIGTERM)
    assert (await command.ends()).code == 0
    return folder


async def test_they_are_listed_with_the_newest_first(recorded: Path, rejoinder: Run) -> None:
    listed = rejoinder("calls", "list")
    assert listed.code == 0
    head, new, old, count = listed.out.splitlines()
    assert head.split()[0] == "BEGUN"
    assert new.split()[3:7] == ["/mute", "parrot", "call-2", "-"]
    assert old.split()[3:8] == ["/echo", "parrot", "call-1", "+**********23", "kept"]
    assert count == "2 recordings in recordings"
    assert rejoinder("calls", "list", str(recorded / "rejoinder.yaml")).out.splitlines()[1].split()[5] == "call-2"


async def test_one_is_found_by_its_number_which_is_in_no_file(recorded: Path, rejoinder: Run) -> None:
    told = rejoinder("calls", "list", "recordings", "--number", "+44 20 7946 0123", "--json")
    (one,) = json.loads(told.out)
    assert (one["call"], one["details"]["number"], one["ended"]["turns"]) == ("call-1", "+**********23", 2)
    assert json.loads(rejoinder("calls", "list", "--number", "+442079460124", "--json").out) == []
    assert not any(NUMBER[1:] in path.read_text() for path in (recorded / "recordings").glob("*.jsonl"))


async def test_one_is_told_as_a_story(recorded: Path, rejoinder: Run) -> None:
    told = rejoinder("calls", "show", "--call", "call-1")
    assert told.code == 0
    lines = [re.sub(r"^ *\d+\.\d{3}  ", "", line) for line in told.out.splitlines()]
    assert lines[0] == "call call-1 on /echo, agent parrot, retell"
    for expected in ("AGENT: Hello, ", "CALLER: I am +**********23 ok", "AGENT: You said: I am +**********23 ok"):
        assert expected in lines, told.out
    assert lines.index("CALLER: I am +**********23 ok") < lines.index("turn 1 (response)")
    assert "the platform tells of the call: inbound, phone, +**********23" in lines
    assert lines[-1].startswith("ended by: ")
    mute = rejoinder("calls", "show", "--route", "/mute").out
    assert "CALLER: (21 characters)" in mute
    assert "You said" not in mute


async def test_its_lines_can_be_had_as_they_are(recorded: Path, rejoinder: Run) -> None:
    told = rejoinder("calls", "show", "--call", "call-1", "--json")
    assert json.loads(told.out.splitlines()[0])["rejoinder"] == "recording"
    (path,) = (path for path in (recorded / "recordings").glob("*.jsonl") if "call-1" in path.read_text())
    assert told.out == path.read_text()
    assert rejoinder("calls", "show", str(path)).out.startswith("call call-1")


async def test_it_asks_before_it_deletes(recorded: Path, rejoinder: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (recorded / "recordings" / "notes.txt").write_text("mine")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    kept = rejoinder("calls", "delete", "--older-than", "0s")
    assert kept.code == 1
    assert "Delete 2 recordings" in kept.err
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    gone = rejoinder("calls", "delete", "--number", NUMBER)
    assert gone.code == 0
    assert gone.out.splitlines()[-1] == "1 recording deleted"
    assert rejoinder("calls", "delete", "--older-than", "0s", "--yes").out.endswith("1 recording deleted\n")
    assert rejoinder("calls", "delete", "--older-than", "0s", "--yes").out == "0 recordings deleted\n"
    assert sorted(path.name for path in (recorded / "recordings").iterdir()) == [".marks.key", "notes.txt"]


async def test_without_saying_which_nothing_is_deleted_or_told(recorded: Path, rejoinder: Run) -> None:
    assert (rejoinder("calls", "delete", "--yes").code, rejoinder("calls", "show").code) == (2, 1)
    assert rejoinder("calls", "show", "--call", "no-such-call").code == 1
    assert len(list((recorded / "recordings").glob("*.jsonl"))) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list",), "no calls are recorded here"),
        (("list", "nowhere"), "there is no nowhere"),
        (("list", "notes.txt"), "notes.txt is neither a recording nor a file that names their folder"),
        (("list", "empty", "--number", "+1555"), "empty has no key"),
        (("list", "--older-than", "soon"), "'soon' is no duration"),
        (("burn",), "invalid choice"),
        (("delete", "--route", "/echo", "--number", ""), "--number: expected some text"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(rejoinder: Run, folder: Path, arguments: tuple[str, ...], said: str) -> None:
    (folder / "notes.txt").write_text("- a list\n")
    (folder / "empty").mkdir()
    told = rejoinder("calls", *arguments)
    assert told.code in (1, 2)
    assert said in told.err
    assert "Traceback" not in told.err


def test_a_damaged_one_is_shown_as_far_as_it_can_be_read(rejoinder: Run, folder: Path) -> None:
    path = folder / "cut.jsonl"
    head = b'{"rejoinder":"recording","version":1,"call":"c","start":"2026-01-01T00:00:00Z","keep":3600}\n'
    path.write_bytes(head + b'\xff\x00\n{"at":1.5,"what":"dialled"}\n')
    assert rejoinder("calls", "show", "cut.jsonl").out.splitlines()[-1] == "    1.500  the platform dials"
    assert rejoinder("calls", "show", "cut.jsonl", "--json").out.splitlines()[-1] == '{"at":1.5,"what":"dialled"}'


async def test_in_a_terminal_it_is_said_in_bold(folder: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "rejoinder.yaml").write_text(YAML)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    _say_recording(Host(folder / "rejoinder.yaml", Registry()), folder)
    assert re.fullmatch("\x1b\\[1mRECORDING every call, .*\x1b\\[0m\n", capsys.readouterr().out)


async def test_recording_everything_is_said_at_the_start(start: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(YAML)
    command = await start("serve", "--port", "0", "--record", "all calls")
    assert await command.line() == "RECORDING every call, with its words, in all calls (see 'rejoinder calls --help')."
    command.signal(signal.SIGTERM)
    await command.ends()
