"""What recordings there are, and which of them are meant."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from rejoinder.recording.shelf import Shelf, head_of, start_of

#: Bytes at a file's end for the last line.
_END = 8 * 1024

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording at a glance. `details` are {} if nobody told of the call, `ended` if it goes on or was cut off."""

    path: Path
    start: datetime
    head: Mapping[str, Any]
    details: Mapping[str, Any]
    ended: Mapping[str, Any]
    size: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which recordings are meant; None and "" say nothing. `older_than` in seconds."""

    call: str = ""
    number: str = ""
    route: str = ""
    older_than: float | None = None

    @property
    def is_anything(self) -> bool:
        return not (self.call or self.number or self.route) and self.older_than is None


def recordings(paths: Iterable[Path]) -> Iterator[Recording]:
    """The recordings of these files, in their order; what is none, or has just been deleted, is left out."""
    for path in paths:
        head = head_of(path)
        start = start_of(head)
        if start is not None:
            try:
                yield _recording(path, start, head)
            except OSError:
                continue


def _recording(path: Path, start: datetime, head: Mapping[str, Any]) -> Recording:
    with path.open("rb") as file:
        details = _told(file)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END))
        end = file.read()
    return Recording(path, start, head, details, next(_said(end.splitlines()[-1:], "ended"), {}), size)


def _told(lines: Iterable[bytes]) -> Line:
    """What the platform told of the call up to its number: as a rule in the first lines, but platforms tell when they like."""
    told: Line = {}
    for line in _said(lines, "details"):
        told |= line
        if "number" in told:
            break
    return told


def _said(lines: Iterable[bytes], what: str) -> Iterator[Line]:
    mark = b'"what":"%b"' % what.encode()
    return (line for line in _decoded(one for one in lines if mark in one) if line.get("what") == what)


def lines_of(path: Path) -> Iterator[Line]:
    """Every line of a recording behind the first one; half a line at its end, which is just being written, is left out. Raises
    OSError."""
    with path.open("rb") as file:
        file.readline()
        yield from _decoded(file)


def _decoded(lines: Iterable[bytes]) -> Iterator[Line]:
    for line in lines:
        try:
            value = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            continue
        if isinstance(value, dict) and "what" in value and isinstance(value.get("at"), int | float):
            yield value


def chosen(found: Iterable[Recording], wanted: Wanted, shelf: Shelf, now: datetime | None = None) -> Iterator[Recording]:
    """Those of `found`, which lie on `shelf`, that are wanted."""
    before = None if wanted.older_than is None else _earlier(now or datetime.now(UTC), wanted.older_than)
    call = {wanted.call, shelf.known_mark(wanted.call)} - {""}
    number = shelf.known_mark(wanted.number) if wanted.number else ""
    for one in found:
        marks = one.head.get("call"), one.head.get("call_mark")
        numbers = one.details.get("number_mark"), one.details.get("our_number_mark"), one.head.get("call_mark")
        if (
            (not wanted.call or any(mark in marks for mark in call))
            and (not wanted.number or (number and number in numbers))
            and (not wanted.route or one.head.get("route") == wanted.route)
            and (before is None or one.start <= before)
        ):
            yield one


def _earlier(now: datetime, seconds: float) -> datetime:
    try:
        return now - timedelta(seconds=seconds)
    except OverflowError:  # before there were years
        return datetime.min.replace(tzinfo=UTC)
