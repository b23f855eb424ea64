"""Calls of both platforms, over real sockets, as they are written down."""

import asyncio
import json
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rejoinder.recording.frames import Restored
from rejoinder.recording.shelf import Shelf
from rejoinder.testing.telephone import calling
from served import Served

AGENTS = "agents: {parrot: {system: echo, begin: Hello}}\n"
WORDS = AGENTS + "routes: {/echo: {agent: parrot, platforms: [retell, chat], record: {keep: 7d, text: on}}}\n"
SIZES = AGENTS + "routes: {/echo: {agent: parrot, record: {keep: 7d}}}\n"
NUMBER = "+442079460123"
PHONE = {"call_type": "phone_call", "direction": "inbound", "from_number": NUMBER, "to_number": "+15550002222"}
Line = dict[str, Any]


async def talk(served: Served, *said: str, details: dict[str, Any] | None = PHONE, call_id: str = "call-1") -> None:
    async with calling(served.ws("/echo"), call_id=call_id, details=details) as caller:
        await caller.hears()
        for words in said:
            await caller.says(words)
            await caller.hears()


def every(lines: list[Line], what: str) -> list[Line]:
    return [line for line in lines if line["what"] == what]


def frames(lines: list[Line]) -> list[Any]:
    restored = Restored()
    return [restored.frame(line) for line in every(lines, "received")]


def recordings(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


def content(folder: Path) -> str:
    (path,) = recordings(folder)
    return path.read_text("utf-8")


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(one.stat().st_mode) for one in (folder, *folder.iterdir())}


async def test_a_call_is_written_with_facts_frames_decisions_and_an_end(recording: Any, written: Any) -> None:
    served = await recording(WORDS)
    await talk(served, "When are you open?")
    await served.host.close()
    head, *lines = written()
    assert (head["rejoinder"], head["version"], head["route"], head["agent"]) == ("recording", 1, "/echo", "parrot")
    assert (head["platform"], head["call"], head["words"], head["keep"]) == ("retell", "call-1", "kept", 7 * 86400)
    assert head["start"].endswith("Z")
    whats = [line["what"] for line in lines]
    assert (whats[0], whats[-1]) == ("dialled", "ended")
    assert [(one["turn"], one["kind"]) for one in every(lines, "turn started")] == [(0, "begin"), (1, "response")]
    (reply,) = every(lines, "reply started")
    assert (reply["turn"], reply["agent"]) == (1, "parrot")
    assert [(one["turn"], one["outcome"], one["agent"]) for one in every(lines, "turn ended")] == [
        (0, "finished", ""),
        (1, "finished", "parrot"),
    ]
    said = [line["frame"]["content"] for line in every(lines, "sent") if "content" in line["frame"]]
    assert "".join(said) == "HelloYou said: When are you open?"
    assert frames(lines)[-1]["transcript"][-1]["content"] == "When are you open?"
    times = [line["at"] for line in lines]
    assert times[0] >= 0.0
    assert times == sorted(times)
    assert lines[-1]["ended_by"] in ("platform", "server")
    assert lines[-1]["turns"] == 2


async def test_numbers_and_secrets_do_not_reach_the_disk(recording: Any, written: Any, folder: Path) -> None:
    secret = "a-secret-of-sixteen-letters"
    served = await recording(WORDS.replace("agent: parrot", f"agent: parrot, secret: {secret}"))
    async with calling(served.ws(f"/echo/{secret}"), call_id="call-1", details={**PHONE, "access_token": "token"}) as caller:
        await caller.hears()
        await caller.says(f"I am {NUMBER}, at ann@example.com, and know {secret} ok")
        await caller.hears()
    await served.host.close()
    text = content(folder)
    assert "I am +**********23, at ***@example.com, and know *** ok" in text
    for hidden in (NUMBER, NUMBER[1:8], "ann@", secret, '"token"', "+15550002222"):
        assert hidden not in text, hidden
    (details,) = every(written()[1:], "details")
    assert (details["kind"], details["number"], details["our_number"]) == ("phone", "+**********23", "+*********22")
    assert details["number_mark"] != details["our_number_mark"]


async def test_without_words_there_are_sizes_and_structure(recording: Any, written: Any, folder: Path) -> None:
    served = await recording(SIZES)
    await talk(served, "My name is Ann")
    await served.host.close()
    head, *lines = written()
    assert head["words"] == "off"
    assert "Ann" not in content(folder)
    assert "You said" not in content(folder)
    assert frames(lines)[-1]["transcript"][-1] == {"role": "user", "content": len("My name is Ann"), "words": []}
    assert sum(line["frame"]["content"] for line in every(lines, "sent") if "content" in line["frame"]) == len(
        "HelloYou said: My name is Ann"
    )


@pytest.mark.parametrize(
    "wish",
    [{"opt_out_sensitive_data_storage": True}, {"data_storage_setting": "everything_except_pii"}],
    ids=lambda one: next(iter(one)),
)
async def test_a_call_that_opts_out_has_no_words_and_no_numbers(recording: Any, written: Any, folder: Path, wish: Any) -> None:
    served = await recording(WORDS)
    async with calling(served.ws("/echo"), call_id="call-1", details=None) as caller:
        await caller.hears()
        await caller.says("I am Ann")  # before anybody has objected
        await caller.hears()
        await caller.send({"interaction_type": "call_details", "call": {**PHONE, **wish}})
        await caller.says("and I live in London")
        await caller.hears()
    await served.host.close()
    text = content(folder)
    assert [word for word in ("Ann", "London", "Hello", "**23", "number_mark") if word in text] == []
    head, *lines = written()
    assert head["words"] == "opted out"
    assert every(lines, "details") == [{"at": every(lines, "details")[0]["at"], "what": "details"}]
    assert frames(lines)[-1]["transcript"][-1]["content"] == len("and I live in London")


async def test_nothing_of_a_call_is_written_before_it_is_known_and_all_of_it_when_it_ends(
    recording: Any, written: Any, folder: Path
) -> None:
    served = await recording(WORDS)
    await talk(served, "nobody says who I am", details=None)
    await served.host.close()
    assert written()[0]["words"] == "kept"
    assert every(written()[1:], "details") == []


async def test_a_call_that_is_dialled_again_is_one_recording(recording: Any, written: Any) -> None:
    served = await recording(WORDS)
    async with calling(served.ws("/echo"), call_id="call-1", details=PHONE) as caller:
        await caller.hears()
        await caller.drop()
        await caller.dial()
        await caller.says("once more")
        await caller.hears()
    await served.host.close()
    lines = written()[1:]
    assert len(every(lines, "dialled")) == 2
    assert lines[-1]["redials"] == 1


async def test_a_barge_in_and_a_late_answer_are_told(recording: Any, written: Any) -> None:
    yaml = "agents: {actor: {system: acting}}\nroutes: {/echo: {agent: actor, record: {text: on}}}\n"
    served = await recording(
        yaml.replace("system: acting", "system: acting, options: {act: waiting}, late: {filler: 100ms, stall: 100ms}")
    )
    async with calling(served.ws("/echo"), call_id="call-1", details=PHONE) as caller:
        await caller.says("wait")
        await anext(caller.chunks())
        await caller.says("stop")
        await caller.hears()
    await served.host.close()
    lines = written()[1:]
    assert [one["outcome"] for one in every(lines, "turn ended")][1:] == ["interrupted", "timed out"]
    assert [one["reply"] for one in every(lines, "reply cancelled")] == [2, 3]
    assert {(one["turn"], one["rung"]) for one in every(lines, "timer")} >= {(2, "late")}


@pytest.mark.parametrize("stream", [True, False])
async def test_chat_completions_are_recorded_too(recording: Any, written: Any, stream: bool) -> None:
    served = await recording(WORDS)
    body = {"stream": stream, "messages": [{"role": "user", "content": "I am 07700 900 123 ok"}], "user_id": NUMBER}
    async with aiohttp.ClientSession() as session, session.post(served.http("/echo/chat/completions"), json=body) as answer:
        assert answer.status == 200
        await answer.read()
    await served.host.close()
    head, *lines = written()
    assert (head["platform"], head["call"], head["words"]) == ("chat", "+**********23", "kept")
    assert frames(lines)[0]["messages"][0]["content"] == "I am ***** *** *23 ok"
    (sent,) = (json.dumps(every(lines, "sent")),)
    assert "You said: I am ***** *** *23 ok" in sent
    assert NUMBER not in json.dumps([head, *lines])


async def test_where_nobody_asked_nothing_is_written(recording: Any, folder: Path) -> None:
    served = await recording(AGENTS + "routes: {/echo: parrot}\n")
    await talk(served, "hello")
    await served.host.close()
    assert recordings(folder) == []


async def test_a_folder_for_everything_takes_every_call_with_its_words(recording: Any, tmp_path: Path) -> None:
    served = await recording(AGENTS + "routes: {/echo: {agent: parrot, record: off}}\n", tmp_path / "all" / "calls")
    await talk(served, "hello")
    await served.host.close()
    head = json.loads(content(tmp_path / "all" / "calls").splitlines()[0])
    assert (head["words"], head["keep"]) == ("kept", 30 * 86400)


async def test_only_the_owner_can_read_them_whatever_the_id_is_called(recording: Any, folder: Path) -> None:
    served = await recording(WORDS)
    for call_id in ("..%2F..%2Fetc%2Fpasswd", "x" * 300, "%00", "a b"):
        await talk(served, call_id=call_id)
    await served.host.close()
    assert len(recordings(folder)) == 4
    assert modes(folder) == {0o700, 0o600}


async def test_a_reload_decides_for_the_calls_that_come_then(recording: Any, folder: Path) -> None:
    served = await recording(AGENTS + "routes: {/echo: parrot}\n")
    await talk(served)
    served.write(WORDS)
    assert await served.host.reloader.reload()
    await talk(served, call_id="call-2")
    await served.host.close()
    assert len(recordings(folder)) == 1


async def test_a_platform_that_forbids_it_later_has_what_was_written_taken_back(
    recording: Any, written: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rejoinder.recording.writer.GATHERING", 0.0)
    create, created = Shelf.create, threading.Event()

    def tell(shelf: Shelf, *wanted: Any) -> Path:
        path = create(shelf, *wanted)
        created.set()
        return path

    monkeypatch.setattr(Shelf, "create", tell)
    served = await recording(WORDS)
    body: dict[str, Any] = {"messages": [{"role": "user", "content": "I am Ann"}], "call": {"id": "call-1"}}
    async with aiohttp.ClientSession() as session:
        async with session.post(served.http("/echo/chat/completions"), json=body) as answer:
            await answer.read()
        assert await asyncio.to_thread(created.wait, 5)
        assert "Ann" in content(folder)
        body["messages"] += [{"role": "user", "content": "and from London"}]
        body["metadata"] = {"opt_out_sensitive_data_storage": True}
        async with session.post(served.http("/echo/chat/completions"), json=body) as answer:
            await answer.read()
    await served.host.close()
    head, *lines = written()
    assert head["words"] == "opted out"
    assert [word for word in ("Ann", "London") if word in content(folder)] == []
    assert [one["messages"][-1] for one in frames(lines)] == [
        {"role": "user", "content": len("I am Ann")},
        {"role": "user", "content": len("and from London")},
    ]


@pytest.mark.parametrize("said", [True, False])
async def test_what_is_said_of_a_call_is_never_dropped(recording: Any, folder: Path, said: bool, monkeypatch: Any) -> None:
    """Or a call that opts out beside a slow disk would be kept with its words."""
    monkeypatch.setattr("rejoinder.recording.writer.ROOM", 0)
    served = await recording(WORDS)
    await talk(served, details={**PHONE, "opt_out_sensitive_data_storage": said})
    await served.host.close()
    head = json.loads(content(folder).splitlines()[0])
    assert head["words"] == ("opted out" if said else "kept")
    assert [json.loads(line)["what"] for line in content(folder).splitlines()[1:]] == ["lost", "details", "lost", "ended"]


def test_a_server_that_records_nothing_does_not_even_import_what_would() -> None:
    asked = "import sys, rejoinder.host; print(sorted(name for name in sys.modules if name.startswith('rejoinder.recording.')))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "['rejoinder.recording.archive']\n"
