"""Disks that are full, slow or gone: what cannot be written is dropped and counted, and no turn waits for it."""

import asyncio
import json
import logging
import os
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rejoinder.calls import Calls
from rejoinder.events import Details
from rejoinder.observers import ObserverDesk
from rejoinder.recording import writer
from rejoinder.recording.archive import Archive
from rejoinder.recording.frames import Restored
from rejoinder.recording.redaction import Redaction
from rejoinder.recording.shelf import Shelf
from rejoinder.recording.tape import Head, Tape
from rejoinder.recording.writer import Entry, Reel, Writer
from rejoinder.testing.exchange import Exchange

YAML = "agents: {parrot: {system: echo, begin: Hello}}\nroutes: {/echo: {agent: parrot, record: {text: on}}}\n"


class Disk:
    """Opens files, or what behaves like a bad disk. `turns_bad` is asked at each opening."""

    def __init__(self, bad: Path, *, is_bad: bool = True) -> None:
        self.bad = bad
        self.is_bad = is_bad
        self.asked = threading.Event()

    def __call__(self, path: str, flags: int, mode: int) -> int:
        if not self.is_bad:
            return os.open(path, flags, mode)
        self.asked.set()
        return os.open(self.bad, os.O_WRONLY)


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[Disk]:
    """A disk that takes nothing: a pipe that nobody reads. At the end somebody does, so that the thread may end."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    disk = Disk(pipe)
    yield disk
    disk.is_bad = False
    os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # until this process ends: the thread may only now be about to open it


@pytest.fixture
def write() -> Iterator[Callable[..., Writer]]:
    """Writers, closed with the test."""
    writers: list[Writer] = []

    def make() -> Writer:
        writers.append(Writer(dict))
        return writers[-1]

    yield make
    for one in writers:
        one.close()


def reel(shelf: Shelf, call: str = "call-1", *, with_words: bool = False) -> Reel:
    head = Head("/echo", "parrot", "retell", call, datetime.now(UTC), 3600.0)
    return Reel(Tape(head, Redaction(), shelf.mark, with_words=with_words), shelf)


def put(into: Writer, onto: Reel, act: str, *facts: Any, must: bool = False) -> bool:
    return into.offer(Entry(onto, lambda: getattr(onto.tape, act)(0.0, *facts), 1, 0), must=must)


def lines(folder: Path) -> list[dict[str, Any]]:
    (path,) = folder.glob("*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def frame(*said: str) -> bytes:
    return json.dumps({"transcript": [{"role": "user", "content": one} for one in said]}).encode()


def test_a_full_disk_drops_and_tells_once(
    write: Any, folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "GATHERING", 0.0)
    disk = Disk(Path("/dev/full"))
    shelf, into = Shelf(folder, disk), write()
    one = reel(shelf)
    into.start(shelf)
    for _ in range(3):
        disk.asked.clear()
        put(into, one, "noted", "timer", {})
        assert disk.asked.wait(5)
    into.close()
    assert into.dropped == 3
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == [
        f"recordings cannot be written to {folder}: [Errno 28] No space left on device; what is dropped is counted"
    ]
    assert list(folder.glob("*.jsonl")) == []


def test_what_is_written_after_a_full_disk_says_what_is_missing_and_is_whole(
    write: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "GATHERING", 0.0)
    disk = Disk(Path("/dev/full"), is_bad=False)
    shelf, into = Shelf(folder, disk), write()
    one = reel(shelf, with_words=True)
    into.start(shelf)
    put(into, one, "told", Details())
    disk.is_bad = True
    put(into, one, "received", frame("a", "b", "c"))
    disk.asked.wait(5)
    put(into, one, "received", frame("a", "b", "c", "d"))
    monkeypatch.setattr(disk, "is_bad", False)
    put(into, one, "received", frame("a", "b", "c", "d", "e"))
    put(into, one, "ended", {}, must=True)
    into.close()
    _, *rest = lines(folder)
    (gap,) = (line for line in rest if line["what"] == "lost")
    behind = [line for line in rest[rest.index(gap) :] if line["what"] == "received"]
    assert "grown" not in behind[0]
    assert Restored().frame(behind[0])["transcript"][0]["content"] == "a"
    assert into.dropped == gap["entries"]


def test_a_folder_that_vanishes_takes_its_calls_along_and_is_there_for_the_next(
    write: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What somebody has deleted stays deleted."""
    monkeypatch.setattr(writer, "GATHERING", 0.0)
    shelf, into = Shelf(folder), write()
    first, second, third = reel(shelf, "1"), reel(shelf, "2"), reel(shelf, "3")
    into.start(shelf)
    put(into, first, "noted", "timer", {})
    put(into, third, "ended", {}, must=True)
    into.close()
    assert len(list(folder.glob("*.jsonl"))) == 2
    shutil.rmtree(folder)
    into = write()
    into.start(shelf)
    put(into, first, "noted", "timer", {})
    put(into, first, "ended", {}, must=True)
    put(into, second, "ended", {}, must=True)
    into.close()
    assert [line.get("call") for line in lines(folder)] == ["2", None]
    assert into.dropped == 0


def test_lines_are_written_while_entries_come_without_a_pause(
    write: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "AT_A_TIME", 10)
    monkeypatch.setattr(writer, "GATHERING", 0.01)
    shelf, into = Shelf(folder), write()
    one = reel(shelf)
    seen: list[int] = []
    enough = threading.Event()

    def act() -> None:
        one.tape.noted(0.0, "timer", {})
        seen.append(len(list(folder.glob("*.jsonl"))))
        if len(seen) < 100:
            into.offer(Entry(one, act, 1, 0))
        else:
            enough.set()

    into.start(shelf)
    into.offer(Entry(one, act, 1, 0))
    assert enough.wait(5)
    into.close()
    assert seen[50] == 1
    assert len(lines(folder)) == 101


def test_an_entry_that_cannot_be_made_is_told_of_in_its_place(
    write: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelf, into = Shelf(folder), write()
    one = reel(shelf)
    into.start(shelf)
    put(into, one, "received", frame("a"))
    put(into, one, "noted", "timer", {"what": object})
    put(into, one, "received", frame("a", "b"))
    put(into, one, "ended", {}, must=True)
    into.close()
    assert [line.get("what") for line in lines(folder)] == [None, "received", "lost", "received", "ended"]
    assert into.dropped == 1
    assert "could not be made" in caplog.text


def test_a_recording_that_cannot_be_rid_of_its_words_is_deleted_and_the_others_go_on(
    write: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelf, into = Shelf(folder), write()
    one, other = reel(shelf, with_words=True), reel(shelf, "call-2")
    into.start(shelf)

    def act() -> None:
        one.path = shelf.create(one.tape.head.start, "", one.tape.first + b"[1]\n")
        one.tape.told(0.0, Details())
        one.tape.ready()
        one.tape.told(0.1, Details(raw={"call": {"opt_out_sensitive_data_storage": True}}))

    into.offer(Entry(one, act, 1, 0))
    put(into, other, "ended", {}, must=True)
    into.close()
    assert [line.get("what", line.get("call")) for line in lines(folder)] == ["call-2", "ended"]
    assert "cannot be written" in caplog.text


def test_an_opt_out_counts_for_what_waits_since_a_disk_was_full(
    write: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "GATHERING", 0.0)
    disk = Disk(Path("/dev/full"))
    shelf, into = Shelf(folder, disk), write()
    one = reel(shelf, with_words=True)
    into.start(shelf)
    put(into, one, "told", Details())
    assert disk.asked.wait(5)

    def act() -> None:
        disk.is_bad = False
        one.tape.received(0.1, frame("I am Ann"))
        one.tape.told(0.2, Details(raw={"call": {"opt_out_sensitive_data_storage": True}}))

    into.offer(Entry(one, act, 1, 0))
    put(into, one, "ended", {}, must=True)
    into.close()
    first, *rest = lines(folder)
    assert first["words"] == "opted out"
    assert [line["what"] for line in rest] == ["lost", "received", "details", "ended"]
    assert "Ann" not in json.dumps(rest)


def test_a_folder_that_is_not_ours_costs_nothing_but_a_line(
    write: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    shelf, into = Shelf(tmp_path / "file" / "recordings"), write()
    one = reel(shelf)
    into.start(shelf)
    put(into, one, "ended", {}, must=True)
    into.close()
    assert into.dropped == 1
    assert "recordings cannot be written" in caplog.text


def test_a_slow_disk_fills_the_queue_and_nobody_waits(
    write: Any, folder: Path, stuck: Disk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "GATHERING", 0.0)
    monkeypatch.setattr(writer, "ROOM", 10)
    shelf, into = Shelf(folder, stuck), write()
    one = reel(shelf)
    into.start(shelf)
    put(into, one, "noted", "timer", {})
    assert stuck.asked.wait(5)  # from here on the thread hangs in the kernel
    taken = [put(into, one, "noted", "timer", {}) for _ in range(30)]
    assert taken == [True] * 10 + [False] * 20
    assert put(into, one, "ended", {}, must=True), "the end of a call is always taken, or its file would never be closed"
    assert into.dropped == 20
    assert [record.message for record in caplog.records] == [
        "recordings do not keep up with the calls: 10 entries wait for the disk, more are dropped"
    ]


def test_a_slow_disk_has_time_at_the_end_as_long_as_it_takes_something(
    write: Any, folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn, done = threading.Semaphore(0), threading.Semaphore(0)

    def slow(path: str, flags: int, mode: int) -> int:
        turn.acquire()
        return os.open(path, flags, mode)

    shelf, into = Shelf(folder, slow), write()
    flush = into._flush

    def told(one: Reel) -> None:
        flush(one)
        done.release()

    monkeypatch.setattr(into, "_flush", told)
    into.start(shelf)
    for number in range(5):
        put(into, reel(shelf, f"call-{number}"), "ended", {}, must=True)
    thread = into._thread
    join = thread.join

    def one_write(seconds: float) -> None:
        """Patience that runs out with each write."""
        turn.release()
        assert done.acquire(timeout=5)
        join(0.0 if len(list(folder.glob("*.jsonl"))) < 5 else 5)

    monkeypatch.setattr(thread, "join", one_write)
    into.close()
    assert len(list(folder.glob("*.jsonl"))) == 5
    assert caplog.records == []


def test_what_a_stuck_disk_never_took_is_counted_at_the_end(
    write: Any, folder: Path, stuck: Disk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "GATHERING", 0.0)
    monkeypatch.setattr(writer, "CLOSING", 0.0)
    shelf, into = Shelf(folder, stuck), write()
    one = reel(shelf)
    into.start(shelf)
    put(into, one, "noted", "timer", {})
    assert stuck.asked.wait(5)
    put(into, one, "noted", "timer", {})
    put(into, one, "ended", {}, must=True)
    into.close()
    assert [record.message for record in caplog.records] == ["recordings: 3 entries are not written after 0.0 s, and lost"]


def test_large_frames_are_bounded_by_their_bytes(
    write: Any, folder: Path, stuck: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "GATHERING", 0.0)
    monkeypatch.setattr(writer, "MOST_BYTES", 1000)
    shelf, into = Shelf(folder, stuck), write()
    one = reel(shelf)
    into.start(shelf)
    put(into, one, "noted", "timer", {})
    assert stuck.asked.wait(5)
    assert [into.offer(Entry(one, lambda: None, 400, 0)) for _ in range(4)] == [True, True, False, False]


def test_words_that_may_not_stay_and_cannot_be_taken_back_are_deleted(
    write: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "GATHERING", 0.0)
    disk = Disk(Path("/dev/full"), is_bad=False)
    shelf, into = Shelf(folder, disk), write()
    one = reel(shelf, with_words=True)
    into.start(shelf)
    put(into, one, "received", frame("I am Ann"))
    written = threading.Event()
    create = shelf.create

    def tell(*wanted: Any) -> Path:
        path = create(*wanted)
        written.set()
        return path

    monkeypatch.setattr(shelf, "create", tell)
    put(into, one, "told", Details())
    assert written.wait(5)
    assert len(list(folder.glob("*.jsonl"))) == 1
    disk.is_bad = True
    put(into, one, "told", Details(raw={"opt_out_sensitive_data_storage": True}))
    assert disk.asked.wait(5)
    disk.is_bad = False
    put(into, one, "ended", {}, must=True)
    into.close()
    assert list(folder.glob("*.jsonl")) == []


async def played(archive: Archive | None, tmp_path: Path, at_first: Callable[[], object] = bool) -> list[tuple[float, Any]]:
    """Every frame of one call with its time, on the virtual clock."""
    file = tmp_path / "rejoinder.yaml"
    file.write_text(YAML.replace("text: on", "text: off"))
    exchange = Exchange.of_file(file, environ={})
    exchange.calls = Calls(ObserverDesk(), None, archive)
    came: list[tuple[float, Any]] = []
    loop = asyncio.get_running_loop()
    async with exchange:
        if archive is not None:
            archive.start(lambda: exchange.routes.config)
        wire = await exchange.dialler("/echo", watched=False)("call-1")
        await wire.receive()
        at_first()
        began = loop.time()
        for number in range(1, 40):
            asked = {
                "interaction_type": "response_required",
                "response_id": number,
                "transcript": [{"role": "user", "content": "x"}],
            }
            await wire.send(json.dumps(asked).encode())
            while True:
                frame_ = json.loads(await wire.receive() or b"{}")
                came.append((loop.time() - began, frame_))
                if frame_.get("response_id") == number and frame_["content_complete"]:
                    break
        wire.abort()
    return came


@pytest.mark.virtual_time
async def test_a_stuck_disk_moves_no_frame_of_a_call(tmp_path: Path, stuck: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "GATHERING", 0.0)
    monkeypatch.setattr(writer, "ROOM", 20)
    monkeypatch.setattr(writer, "CLOSING", 0.0)
    archive = Archive(None, stuck)
    recorded = await played(archive, tmp_path, lambda: stuck.asked.wait(5))
    assert stuck.asked.is_set()
    assert archive.dropped > 0
    assert recorded == await played(None, tmp_path)
    await archive.close()


async def test_healthz_tells_what_was_dropped(recording: Any, tmp_path: Path) -> None:
    import aiohttp

    (tmp_path / "recordings").write_text("in the way")
    served = await recording(YAML)
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(served.ws("/echo/call-1")) as socket:
            await socket.receive()
        async with session.get(served.http("/healthz")) as answer:
            assert isinstance((await answer.json())["unrecorded"], int)
    await served.host.close()
    assert served.host.calls.unrecorded > 0


@pytest.mark.parametrize("everything", [True, False])
async def test_a_folder_that_cannot_be_written_is_told_when_the_server_starts_and_serves(
    recording: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, *, everything: bool
) -> None:
    (tmp_path / "recordings").write_text("in the way")
    folder = tmp_path / "recordings" / "of mine" if everything else tmp_path / "recordings"
    served = await recording(YAML, folder if everything else None)
    remedy = "--record" if everything else "server.recordings"
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
        f"calls cannot be recorded in {folder}: it is no folder, or in none; mend that, or name another folder ({remedy})"
    ]
    assert "/echo" in served.host.routes.routes


async def test_a_folder_that_can_be_written_is_tried_without_a_trace_or_a_word(
    recording: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await recording(YAML)
    assert names(folder) == []
    assert caplog.records == []


def test_a_mode_stays_closed_whatever_the_umask(folder: Path) -> None:
    before = os.umask(0)
    try:
        path = Shelf(folder).create(datetime.now(UTC), "0" * 16, b"")
    finally:
        os.umask(before)
    assert [stat.S_IMODE(one.stat().st_mode) for one in (path, folder)] == [0o600, 0o700]
