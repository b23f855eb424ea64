"""A server of its own for a load: `rejoinder serve` in a process beside this one, on a free port of this machine."""

import asyncio
import contextlib
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from rejoinder.config import load
from rejoinder.errors import ConfigError, RejoinderError
from rejoinder.simulator.playing.target import Local, Network, Switchboard, network
from rejoinder.simulator.scenarios.scenario import Scenario

#: Seconds for a server to be ready.
READY_WITHIN = 60.0
#: Seconds from one request to stop to the next; then it is killed. Calls without a goodbye hold it until it is asked twice.
STOP = (1.0, 10.0)
#: Characters of its log that are told if it fails.
TOLD = 2000
_LOOPBACK = "127.0.0.1"
_READY = re.compile(rb"ready on \S*:(\d+)")


class CannotServe(RejoinderError):
    """The server did not become ready."""


class ServerProcess:
    """A server that runs until `stop`. `port` is where it listens."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log
        self._reading: asyncio.Task[None] | None = None
        self.port = 0

    @classmethod
    async def start(cls, command: Sequence[str], log: Path) -> "ServerProcess":
        """Start it, and wait until it is ready. Raises CannotServe."""
        with log.open("wb") as stream:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=stream,
                start_new_session=True,  # a Ctrl-C is for whoever plays the calls: they end first
            )
        server = cls(process, log)
        try:
            async with asyncio.timeout(READY_WITHIN):
                await server._become_ready()
        except BaseException as error:
            await server.stop()
            if isinstance(error, TimeoutError):
                raise CannotServe(f"the server was not ready within {READY_WITHIN:g} s: {server.complaints}") from None
            raise
        return server

    async def _become_ready(self) -> None:
        output = self._process.stdout
        assert output is not None
        async for line in output:
            if ready := _READY.search(line):
                self.port = int(ready[1])
                self._reading = asyncio.create_task(_read_on(output), name="load: the server's output")
                return
        code = await self._process.wait()
        raise CannotServe(f"the server did not become ready, and ended with {code}: {self.complaints}")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.returncode is not None

    @property
    def complaints(self) -> str:
        """The end of its log."""
        return self._log.read_text("utf-8", "replace")[-TOLD:].strip() or "it did not say why"

    async def stop(self) -> None:
        """End it, at once if it does not do so by itself; it is gone afterwards whatever happens."""
        try:
            for patience in STOP:
                if self.has_ended:
                    break
                self._process.terminate()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._process.wait(), patience)
        finally:
            if not self.has_ended:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()
            if self._reading is not None:
                self._reading.cancel()


async def _read_on(output: asyncio.StreamReader) -> None:
    """A server whose output nobody reads would wait for ever."""
    while await output.read(65536):
        pass


class Served:
    """The routes of a file, served by a process of its own while it is open. `server` is that process, None before."""

    def __init__(self, local: Local, plugins: Mapping[str, str]) -> None:
        self.server: ServerProcess | None = None
        self._local = local
        self._plugins = plugins

    def routes_of(self, scenario: Scenario) -> list[str]:
        """As for a file that is served without a socket."""
        return self._local.routes_of(scenario)

    @contextlib.asynccontextmanager
    async def open(self, route: str | None = None) -> AsyncIterator[Switchboard]:
        """Raises CannotServe, and ConfigError if the file has become wrong."""
        paths = self._paths()
        with tempfile.TemporaryDirectory() as folder:
            self.server = server = await ServerProcess.start(self._command(), Path(folder) / "log")
            try:
                async with network() as dialler_of:
                    base = f"ws://{_LOOPBACK}:{server.port}"
                    yield Network({name: dialler_of(base + path) for name, path in paths.items()})
            finally:
                await server.stop()

    def _paths(self) -> Mapping[str, str]:
        """The path of each route as it is dialled, with its secret."""
        loaded = load(self._local.path)
        if loaded.config is None:
            raise ConfigError(loaded.problems)
        return {name: loaded.config.routes[name].door.unlocked(name) for name in self._local.routes}

    def _command(self) -> list[str]:
        plugins = [word for name, module in self._plugins.items() for word in ("--plugin", f"{name}={module}")]
        place = ["--host", _LOOPBACK, "--port", "0"]
        return [
            sys.executable,
            "-m",
            "rejoinder",
            "serve",
            os.fspath(self._local.path),
            *place,
            *plugins,
            "--log-level",
            "error",
        ]
