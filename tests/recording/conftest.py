"""Hosts that record, and what they have written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rejoinder.recording.archive import Archive
from rejoinder.recording.shelf import Shelf
from served import Serve, Served

Line = dict[str, Any]
Written = Callable[[], list[Line]]


def lines_of(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where calls are recorded."""
    return tmp_path / "recordings"


@pytest.fixture
def recording(serve: Serve) -> Serve:
    """Serve a YAML text and record; once the host is closed, everything has been written."""

    async def start(yaml: str, everything: Path | None = None) -> Served:
        return await serve(yaml, archive=Archive(everything))

    return start


@pytest.fixture
def written(folder: Path) -> Written:
    """The lines of the one recording that there is."""

    def read() -> list[Line]:
        (path,) = folder.glob("*.jsonl")
        return lines_of(path)

    return read


@pytest.fixture
def recorded(recording: Any, folder: Path) -> Callable[..., Any]:
    """Serve a YAML text, let somebody call, and give the one recording that came of it."""

    async def record(yaml: str, call: Callable[[Served], Any]) -> Path:
        served = await recording(yaml)
        await call(served)
        await served.host.close()
        (path,) = Shelf(folder).paths()
        return path

    return record
