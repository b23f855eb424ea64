"""The command line, in this process and in one of its own."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from rejoinder.cli import main

#: Seconds for a process to say what it must; far more than it needs.
PATIENCE = 20.0


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def rejoinder(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process, in an empty folder."""

    def run(*arguments: str) -> Outcome:
        capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        return Outcome(code, *capsys.readouterr())

    return run


class Command:
    """A command in a process of its own."""

    def __init__(self, process: Process) -> None:
        self.process = process

    @property
    def pid(self) -> int:
        return self.process.pid

    async def line(self, holding: str = "") -> str:
        """The next line that it writes, or the next that holds a text; all before are passed over."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while raw := await self.process.stdout.readline():
                line = raw.decode().rstrip("\n")
                if holding in line:
                    return line
        pytest.fail(f"the command ended without a line that holds {holding!r}")

    async def error_line(self, holding: str) -> str:
        assert self.process.stderr is not None
        async with asyncio.timeout(PATIENCE):
            while raw := await self.process.stderr.readline():
                if holding in (line := raw.decode().rstrip("\n")):
                    return line
        pytest.fail(f"the command ended without an error that holds {holding!r}")

    async def type(self, *lines: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        await self.process.stdin.drain()

    async def ends(self) -> Outcome:
        """Its end; what it wrote since the last line that was asked for."""
        async with asyncio.timeout(PATIENCE):
            out, err = await self.process.communicate()
        assert self.process.returncode is not None
        return Outcome(self.process.returncode, out.decode(), err.decode())

    def signal(self, number: int) -> None:
        self.process.send_signal(number)


@pytest.fixture
async def start(folder: Path) -> AsyncIterator[Callable[..., object]]:
    """Start a command in a process of its own; it is ended with the test."""
    started: list[Process] = []

    async def run(*arguments: str) -> Command:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI")}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-m", "rejoinder", *arguments,
            stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=folder, env=environ,
        )  # fmt: skip
        started.append(process)
        return Command(process)

    yield run
    for process in started:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()
