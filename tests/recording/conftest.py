"""Hosts that record, and what they have written."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rejoinder.host import Host, bind
from rejoinder.recording.archive import Archive
from rejoinder.recording.shelf import Shelf
from rejoinder.registry import Registry
from served import Served

Line = dict[str, Any]
Written = Callable[[], list[Line]]


def lines_of(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where calls are recorded."""
    return tmp_path / "recordings"


@pytest.fixture
async def recording(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Serve a YAML text on a free port and record; `stop` ends it, and with it everything has been written."""
    hosts: list[Host] = []

    async def start(yaml: str, everything: Path | None = None) -> Served:
        file = tmp_path / "rejoinder.yaml"
        file.write_text(yaml)
        acting = Path(__file__).parents[1] / "support" / "acting.py"
        host = Host(
            file,
            Registry({"acting": str(acting)}),
            environ={},
            agent_loop=asyncio.get_running_loop(),
            archive=Archive(everything),
        )
        hosts.append(host)
        await host.start()
        listening = bind(replace(host.routes.config.server, port=0))
        await host.listen(listening)
        return Served(host, file, listening.getsockname()[1])

    yield start
    for host in hosts:
        await host.close()


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
