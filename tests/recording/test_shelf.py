"""A folder of recordings: what lies there, what finds it again, and what is deleted from it."""

import json
import os
import resource
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rejoinder.recording.archive import Archive
from rejoinder.recording.catalogue import Wanted, chosen, lines_of, recordings
from rejoinder.recording.shelf import KEY, QUIET, Shelf

DAY = 86400.0
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def first(start: datetime, *, route: str = "/echo", keep: float = DAY, **others: str) -> bytes:
    about = {"rejoinder": "recording", "version": 1, "route": route, "agent": "a", "platform": "retell", "call": "call-1"}
    return (
        json.dumps(
            {**about, "start": start.isoformat(), "keep": keep, "words": "off", **others}, separators=(",", ":")
        ).encode()
        + b"\n"
    )


def recorded(shelf: Shelf, age: timedelta, *lines: dict[str, object], **others: object) -> Path:
    start = NOW - age
    head = first(start, **others)  # type: ignore[arg-type]
    path = shelf.create(
        start, shelf.mark("call-1"), head + b"".join(json.dumps(one, separators=(",", ":")).encode() + b"\n" for one in lines)
    )
    return written_at(path, start)


def written_at(path: Path, when: datetime) -> Path:
    os.utime(path, (when.timestamp(), when.timestamp()))
    return path


def test_what_was_kept_for_long_enough_is_deleted(folder: Path) -> None:
    shelf = Shelf(folder)
    old, young = recorded(shelf, timedelta(hours=25)), recorded(shelf, timedelta(hours=23))
    assert list(shelf.expire(NOW, {})) == [old]
    assert shelf.paths() == [young]


def test_a_shorter_time_counts_for_older_recordings_too_and_a_longer_one_does_not(folder: Path) -> None:
    shelf = Shelf(folder)
    short = recorded(shelf, timedelta(hours=13), route="/short")
    recorded(shelf, timedelta(hours=13), route="/other")
    long = recorded(shelf, timedelta(hours=25), route="/long")
    assert set(shelf.expire(NOW, {"/short": DAY / 2, "/long": 10 * DAY})) == {short, long}


def test_a_call_that_goes_on_is_spared(folder: Path) -> None:
    shelf = Shelf(folder)
    live = recorded(shelf, timedelta(days=2))
    assert list(shelf.expire(NOW, {}, [live])) == []


def test_so_is_one_that_another_process_has_just_written_to(folder: Path) -> None:
    """A new server starts while the old one drains."""
    shelf = Shelf(folder)
    written_at(recorded(shelf, timedelta(days=2)), NOW - timedelta(seconds=QUIET - 1))
    assert list(shelf.expire(NOW, {})) == []
    assert len(list(shelf.expire(NOW + timedelta(seconds=1), {}))) == 1


def test_nothing_but_recordings_is_deleted(folder: Path) -> None:
    shelf = Shelf(folder)
    name = recorded(shelf, timedelta(days=9)).name
    (folder / "notes.jsonl").write_bytes(first(NOW - timedelta(days=9)))
    (folder / name.replace("T12", "T11")).write_text("{}\n")
    (folder / name.replace("T12", "T10")).mkdir()
    elsewhere = folder.parent / "elsewhere.jsonl"
    elsewhere.write_bytes(first(NOW - timedelta(days=9)))
    (folder / name.replace("T12", "T09")).symlink_to(elsewhere)
    before = {path.name for path in folder.iterdir()}
    assert [path.name for path in shelf.expire(NOW, {})] == [name]
    assert {path.name for path in folder.iterdir()} == before - {name}
    assert elsewhere.exists()


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"{",
        b'{"rejoinder":"recording",',
        b'{"rejoinder":"recording","start":"soon"}',
        b'{"rejoinder":"recording","start":"2026-01-01T00:00:00Z","keep":1e300}',
        b"\xff" * 99,
    ],
)
def test_what_only_looks_like_one_is_left_alone(folder: Path, head: bytes) -> None:
    shelf = Shelf(folder)
    path = written_at(shelf.create(NOW - timedelta(days=9), "", head + b"\n"), NOW - timedelta(days=9))
    assert list(shelf.expire(NOW, {})) == []
    assert path.exists()


def test_a_number_is_found_however_it_is_written_and_only_with_the_key(folder: Path) -> None:
    shelf = Shelf(folder)
    mark = shelf.mark("+442079460123")
    assert len(mark) == 16
    assert Shelf(folder).known_mark("+44 (20) 7946-0123") == mark
    assert shelf.mark("+442079460124") != mark
    (folder / KEY).unlink()
    assert Shelf(folder).known_mark("+442079460123") == ""
    assert Shelf(folder).mark("+442079460123") != mark, "another installation makes another mark"


def test_what_cannot_be_written_whole_is_not_written_at_all(folder: Path) -> None:
    """Half a line would spoil the next one."""
    shelf = Shelf(folder)
    path = recorded(shelf, timedelta())
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            shelf.append(path, b"x" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before


def test_two_processes_that_begin_at_once_have_one_key(folder: Path) -> None:
    marks: list[str] = []
    threads = [threading.Thread(target=lambda: marks.append(Shelf(folder).mark("1"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(marks) - {""}) == 1


def test_the_same_call_twice_within_a_millisecond_is_two_files(folder: Path) -> None:
    shelf = Shelf(folder)
    recorded(shelf, timedelta())
    recorded(shelf, timedelta())
    assert len(shelf.paths()) == 2


def test_a_recording_that_is_in_the_way_stays_and_so_does_whatever_else_is(folder: Path) -> None:
    """Another process may have made it in the moment before."""
    shelf = Shelf(folder)
    path = recorded(shelf, timedelta())
    before = path.read_bytes()
    assert recorded(shelf, timedelta()) != path
    assert path.read_bytes() == before
    path.unlink()
    path.symlink_to(folder.parent / "nowhere")
    assert recorded(shelf, timedelta()) != path
    assert path.is_symlink()
    assert not path.exists()


def test_a_key_that_did_not_fit_on_the_disk_is_made_another_time(folder: Path) -> None:
    folder.mkdir()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        assert Shelf(folder).mark("1") == ""
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert Shelf(folder).mark("1") == Shelf(folder).mark("1") != ""


def test_recordings_are_chosen_by_call_number_route_and_age(folder: Path) -> None:
    shelf = Shelf(folder)
    told = {"at": 0.1, "what": "details", "number_mark": shelf.mark("+442079460123")}
    ended = {"at": 9.0, "what": "ended", "ended_by": "platform", "duration": 9.0}
    new = recorded(shelf, timedelta(hours=1), told, ended, call="call-2", call_mark=shelf.mark("call-2"))
    old = recorded(shelf, timedelta(days=3), route="/other")

    def found(**wanted: object) -> list[Path]:
        return [one.path for one in chosen(recordings(shelf.paths()), Wanted(**wanted), shelf, NOW)]  # type: ignore[arg-type]

    assert found() == [new, old]
    assert found(call="call-2") == [new]
    assert found(number="+44 20 7946 0123") == [new]
    assert found(number="+44 20 7946 0124") == []
    assert found(route="/other") == [old]
    assert found(older_than=DAY) == [old]
    assert found(older_than=DAY, call="call-2") == []
    assert [one.ended.get("ended_by") for one in recordings(shelf.paths())] == ["platform", None]


def test_a_number_is_found_however_late_the_platform_told_it(folder: Path) -> None:
    shelf = Shelf(folder)
    frame = {"at": 0.0, "what": "received", "frame": {"metadata": "x" * 300_000}}
    told = {"at": 0.1, "what": "details", "number": "+", "number_mark": shelf.mark("+442079460123")}
    recorded(shelf, timedelta(), {"at": 0.0, "what": "details", "kind": "phone"}, frame, told)
    assert len(list(chosen(recordings(shelf.paths()), Wanted(number="+442079460123"), shelf, NOW))) == 1


def test_a_number_finds_a_call_that_has_it_for_an_id(folder: Path) -> None:
    shelf = Shelf(folder)
    recorded(shelf, timedelta(), call="+**********23", call_mark=shelf.mark("+442079460123"))
    assert len(list(chosen(recordings(shelf.paths()), Wanted(number="+44 20 7946 0123"), shelf, NOW))) == 1


def test_an_age_beyond_all_years_is_nobodys(folder: Path) -> None:
    shelf = Shelf(folder)
    recorded(shelf, timedelta(days=9))
    assert list(chosen(recordings(shelf.paths()), Wanted(older_than=1e15), shelf, NOW)) == []


def test_a_damaged_recording_hides_no_other(folder: Path) -> None:
    shelf = Shelf(folder)
    shelf.create(NOW, "", first(NOW).replace(b'"call-1"', b'["call-1"]') + b'{"at":1,"what":"details","number_mark":["x"]}\n')
    whole = recorded(shelf, timedelta(hours=1))
    deep = recorded(shelf, timedelta(hours=2))
    shelf.append(deep, b'{"at":1,"what":"details","number":' + b"[" * 9000 + b'\n{"at":2,"what":"timer"}\n')
    found = list(chosen(recordings(shelf.paths()), Wanted(call="call-1"), shelf, NOW))
    assert [one.path for one in found] == [whole, deep]
    assert [line["what"] for line in lines_of(deep)] == ["timer"]


def test_a_time_without_a_zone_is_taken_for_utc(folder: Path) -> None:
    shelf = Shelf(folder)
    shelf.create(NOW, "", first(NOW).replace(b"+00:00", b""))
    (one,) = chosen(recordings(shelf.paths()), Wanted(older_than=0.0), shelf, NOW)
    assert one.start == NOW


def test_half_a_line_at_the_end_is_still_being_written(folder: Path) -> None:
    shelf = Shelf(folder)
    path = recorded(shelf, timedelta(), {"at": 0.0, "what": "dialled"})
    shelf.append(path, b'{"at":0.1,"what":"clo')
    assert [line["what"] for line in lines_of(path)] == ["dialled"]


async def test_a_server_that_starts_deletes_what_is_due_though_nothing_is_recorded_any_more(folder: Path) -> None:
    from rejoinder.config import Config

    start = datetime(2020, 1, 1, tzinfo=UTC)
    written_at(Shelf(folder).create(start, "0" * 16, first(start)), start)
    archive = Archive()
    archive.start(lambda: Config(folder.parent / "rejoinder.yaml"))
    await archive.close()
    assert Shelf(folder).paths() == []
