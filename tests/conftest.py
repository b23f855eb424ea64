"""What tests of the whole host share: a host on a port that the system chose, and the choice of event loops."""

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from rejoinder.host import Host, bind
from rejoinder.recording.archive import Archive
from rejoinder.registry import Registry
from served import ACTING_FILE, Serve, Served

pytest_plugins = ["rejoinder.testing.fixtures"]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Each test runs on asyncio's loop; marked `both_loops` on uvloop's too. Of `virtual_time` the kit's fixtures take care."""
    if item.get_closest_marker("both_loops"):
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test that was skipped for want of a program has proved nothing: it fails."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and "needs" in str(report.longrepr):
        report.outcome = "failed"
    return report


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Serve a YAML text on a free port of 127.0.0.1; the system `acting` is at hand, and any `plugins` given as NAME=FILE."""
    hosts: list[Host] = []

    async def start(
        yaml: str, plugins: dict[str, str] | None = None, *, own_loop: bool = False, archive: Archive | None = None
    ) -> Served:
        file = tmp_path / "rejoinder.yaml"
        file.write_text(yaml)
        registry = Registry({"acting": str(ACTING_FILE), **(plugins or {})})
        loop = None if own_loop else asyncio.get_running_loop()
        host = Host(file, registry, environ={}, agent_loop=loop, archive=archive)
        hosts.append(host)
        await host.start()
        listening = bind(replace(host.routes.config.server, port=0))  # whatever the file says
        await host.listen(listening)
        return Served(host, file, listening.getsockname()[1])

    yield start
    for host in hosts:
        await host.close()


@pytest.fixture(autouse=True)
def _no_log_left_behind() -> Iterator[None]:
    """A test that set up logging leaves none to the next."""
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, threading.excepthook
    names = ("_srcfile", "logThreads", "logMultiprocessing", "logProcesses")
    asked = {name: getattr(logging, name) for name in names}
    yield
    for name, value in asked.items():
        setattr(logging, name, value)
    threading.excepthook = hook
    root.handlers[:] = handlers
    root.setLevel(level)
