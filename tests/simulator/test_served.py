"""The server that is started for a load: ready, or told why not; gone afterwards whatever happens."""

import asyncio
import sys
from pathlib import Path

import pytest

from rejoinder.simulator.playing.served import CannotServe, ServerProcess


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


async def test_a_server_is_ready_when_it_says_where_it_listens_and_gone_when_it_was_stopped(tmp_path: Path) -> None:
    code = "import time; print('Rejoinder is ready on 127.0.0.1:4711; stop it', flush=True); time.sleep(60)"
    server = await ServerProcess.start(python(code), tmp_path / "log")
    assert (server.port, server.has_ended) == (4711, False)
    await server.stop()
    assert server.has_ended


async def test_a_server_that_does_not_become_ready_says_why(tmp_path: Path) -> None:
    with pytest.raises(CannotServe, match="ended with 1: the port is taken"):
        await ServerProcess.start(python("print('hm'); raise SystemExit('the port is taken')"), tmp_path / "log")
    with pytest.raises(CannotServe, match="ended with 3: it did not say why"):
        await ServerProcess.start(python("raise SystemExit(3)"), tmp_path / "log")


async def test_a_server_that_hears_no_request_to_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rejoinder.simulator.playing.served.STOP", (0.05, 0.05))
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready on :1', flush=True)\n"
        "while True: time.sleep(60)"
    )
    server = await ServerProcess.start(python(code), tmp_path / "log")
    await server.stop()
    assert server.has_ended


async def test_nothing_is_left_of_a_server_whose_start_is_broken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ServerProcess] = []
    begun = asyncio.Event()

    async def never(server: ServerProcess) -> None:
        made.append(server)
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(ServerProcess, "_become_ready", never)
    task = asyncio.create_task(ServerProcess.start(python("import time; time.sleep(60)"), tmp_path / "log"))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert made[0].has_ended
