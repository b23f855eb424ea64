"""A folder of recordings: files that only their owner can read, named by when a call began and by a mark of its id.

No name of a file is anybody's choice, so none can lead out of the folder; and nothing is deleted here but recordings.
"""

import hmac
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import msgspec

#: What makes marks; whoever has it can try all telephone numbers, so it stays here when recordings are passed on.
KEY = ".marks.key"
#: Seconds after its last line for which a recording may be of a call that goes on: each platform says something meanwhile.
QUIET = 600.0
_KEY_SIZE = 32
_NAME = re.compile(r"\d{8}T\d{9}Z-[0-9a-f]{16}\.jsonl\Z")
_FIRST = b'{"rejoinder":"recording",'
#: Bytes of a first line, at the most.
_HEAD = 16 * 1024

Open = Callable[[str, int, int], int]


class Shelf:
    """`opens` opens a file, as os.open does."""

    def __init__(self, folder: Path, opens: Open = os.open) -> None:
        self.folder = folder
        self._opens = opens
        self._key = b""

    # Marks.

    def mark(self, text: str) -> str:
        """What stands for a number or an id in a recording: the same for the same one in this folder, and it cannot be read. ""
        if the folder's key cannot be had."""
        key = self._key or self._read_key() or self._make_key()
        return hmac.new(key, _bare(text).encode("utf-8", "surrogatepass"), sha256).hexdigest()[:16] if key else ""

    def known_mark(self, text: str) -> str:
        """The same, where nothing is to be written: "" if there is no key yet."""
        self._key = self._key or self._read_key()
        return self.mark(text) if self._key else ""

    def _read_key(self) -> bytes:
        with suppress(OSError):
            key = (self.folder / KEY).read_bytes()
            if len(key) >= _KEY_SIZE:  # else it is just being written
                return key
        return b""

    def _make_key(self) -> bytes:
        with suppress(OSError):  # another process was quicker, or there is no place
            self.prepare()
            self._make(self.folder / KEY, secrets.token_bytes(_KEY_SIZE), os.open)
        self._key = self._read_key()
        return self._key

    # Writing.

    def prepare(self) -> None:
        """Make the folder, for its owner alone, if it is not there. Raises OSError."""
        if not self.folder.is_dir():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def obstacle(self) -> str:
        """Why nothing can be written here, "" if something can. Tries it: makes the folder, and a file that has no name."""
        try:
            self.prepare()
            with TemporaryFile(dir=self.folder):
                return ""
        except (FileExistsError, NotADirectoryError):
            return "it is no folder, or in none"
        except OSError as error:
            return error.strerror or str(error)

    def create(self, start: datetime, mark: str, content: bytes) -> Path:
        """A new recording with its first lines. Raises OSError, and then there is none."""
        self.prepare()
        stamp = f"{start:%Y%m%dT%H%M%S}{start.microsecond // 1000:03}Z"
        path = self.folder / f"{stamp}-{mark or secrets.token_hex(8)}.jsonl"
        try:
            self._make(path, content, self._opens)
        except FileExistsError:  # the same id, called twice within a millisecond
            path = self.folder / f"{stamp}-{secrets.token_hex(8)}.jsonl"
            self._make(path, content, self._opens)
        return path

    def append(self, path: Path, content: bytes) -> None:
        """Add lines. Raises OSError, and then none is added; FileNotFoundError for a recording that somebody has deleted."""
        self._write(path, os.O_APPEND, content, self._opens)

    def replace(self, path: Path, content: bytes) -> None:
        """Put this in place of a recording's lines. In place: of what was there nothing may stay behind. Raises OSError."""
        self._write(path, os.O_TRUNC, content, self._opens)

    def _make(self, path: Path, content: bytes, opens: Open) -> None:
        """Write a new file whole, or none. Raises FileExistsError, and any other OSError."""
        try:
            self._write(path, os.O_CREAT | os.O_EXCL, content, opens)
        except FileExistsError:  # which is somebody else's
            raise
        except OSError:
            path.unlink(missing_ok=True)
            raise

    def _write(self, path: Path, flags: int, content: bytes, opens: Open) -> None:
        file = opens(str(path), os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | flags, 0o600)
        try:
            size = os.fstat(file).st_size
            rest = memoryview(content)
            try:
                while rest:
                    rest = rest[os.write(file, rest) :]
            except OSError:
                with suppress(OSError):
                    os.ftruncate(file, size)  # half a line would spoil the next one
                raise
        finally:
            os.close(file)

    # What is there.

    def paths(self) -> list[Path]:
        """Every recording of the folder, newest first; [] if there is no such folder. Raises OSError if it cannot be read."""
        if not self.folder.is_dir():
            return []
        found = [path for path in self.folder.iterdir() if _NAME.match(path.name) and head_of(path)]
        return sorted(found, reverse=True)

    def expire(self, now: datetime, keeps: Mapping[str, float], spared: Sequence[Path] = ()) -> Iterator[Path]:
        """Delete what has been kept for as long as was said when it was written or, if that is shorter, as `keeps` says now, in
        seconds by route; except `spared`, and what another process has just written to."""
        for path in self.paths():
            until = ends_on(head_of(path), keeps)
            if until is not None and until <= now and path not in spared:
                with suppress(OSError):
                    if path.stat().st_mtime <= now.timestamp() - QUIET:
                        path.unlink()
                        yield path


def head_of(path: Path) -> dict[str, Any]:
    """The first line of a recording; {} for what is none: not a file of its own, not readable, or anything else."""
    try:
        if path.is_symlink() or not path.is_file():
            return {}
        with path.open("rb") as file:
            line = file.readline(_HEAD)
        head = msgspec.json.decode(line) if line.startswith(_FIRST) else {}
    except (OSError, msgspec.DecodeError, UnicodeError):
        return {}
    return head if isinstance(head, dict) and start_of(head) else {}


def ends_on(head: Mapping[str, Any], keeps: Mapping[str, float]) -> datetime | None:
    """When a recording has been kept for long enough, None if that cannot be told."""
    start, told = start_of(head), head.get("keep")
    if start is None or not isinstance(told, int | float):
        return None
    keep = min(told, keeps.get(str(head.get("route")), told))
    try:
        return start + timedelta(seconds=keep)
    except OverflowError:
        return None


def start_of(head: Mapping[str, Any]) -> datetime | None:
    """When a call began, None if that cannot be told."""
    try:
        start = datetime.fromisoformat(str(head.get("start")))
    except ValueError:
        return None
    return start if start.tzinfo else start.replace(tzinfo=UTC)


def _bare(text: str) -> str:
    """A telephone number however it is written: +44 20 7946 0000 is 442079460000."""
    bare = re.sub(r"[\s().\-/]", "", text).removeprefix("+")
    return bare if re.fullmatch(r"\d+", bare) else text
