"""Servers to be measured: each a process of its own on a free port of loopback, ended by its pid; and the callers' process."""

import contextlib
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from load import PATIENCE, Measured

HERE = Path(__file__).parent

#: Seconds that a server may take to say that it is ready, and to stop.
READY_WITHIN = 30.0
STOPPED_WITHIN = 10.0
#: Seconds after which it is told a second time.
DRAINED_WITHIN = 0.5

YAML = """\
server: {watch: false}
agents:
  parrot: {system: echo, begin: "", options: {prefix: "", by_word: true}}
  dummy: {system: dummy, begin: ""}
routes: {/echo: parrot, /dummy: dummy}
"""
DUMMY_YAML = """\
agents: {dummy: {system: dummy}}
routes: {/llm-websocket: dummy}
"""

FASTAPI = [sys.executable, str(HERE / "server_fastapi.py")]
BARE = [sys.executable, str(HERE / "server_aiohttp.py")]


def rejoinder(file: Path) -> list[str]:
    """The command as an operator gives it."""
    return [sys.executable, "-m", "rejoinder", "serve", str(file), "--port", "0"]


@dataclass(frozen=True)
class Running:
    """A server that says it is ready."""

    pid: int
    port: int

    def measure(self, load: Sequence[object]) -> Measured:
        """What a load costs this server: a path, then further arguments of load.py."""
        command = [sys.executable, str(HERE / "load.py"), "--port", self.port, "--pid", self.pid, "--path", *load]
        done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, check=True, timeout=PATIENCE + READY_WITHIN)
        return Measured(**json.loads(done.stdout))


@contextmanager
def served(command: Sequence[str]) -> Iterator[Running]:
    """Run a server until the block ends; its log is shown if it does not become ready."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        guard = threading.Timer(READY_WITHIN, process.kill)
        guard.start()
        try:
            port = _port(process)
            guard.cancel()
            if port is None:
                log.seek(0)
                raise SystemExit(f"{' '.join(command)} did not become ready:\n{log.read()}")
            yield Running(process.pid, port)
        finally:
            guard.cancel()
            _stop(process)


def _port(process: "subprocess.Popen[str]") -> int | None:
    assert process.stdout is not None
    for line in process.stdout:
        if ready := re.search(r"ready on \S*:(\d+)", line):
            return int(ready[1])
    return None


def _stop(process: "subprocess.Popen[str]") -> None:
    for patience in (DRAINED_WITHIN, STOPPED_WITHIN):  # calls that hung up without a word are waited for until told again
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            break
    else:
        process.kill()
        process.wait()
    assert process.stdout is not None
    process.stdout.close()


@contextmanager
def yaml_file(text: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rejoinder.yaml"
        file.write_text(text)
        yield file


@dataclass(frozen=True)
class Ratio:
    """Two servers in interleaved rounds: the medians of both, and what each round gave, ours over theirs; also the floor over
    theirs, where it was measured."""

    ours: float
    theirs: float
    median: float
    low: float
    high: float
    floor: float | None = None

    @classmethod
    def of(cls, ours: Sequence[float], theirs: Sequence[float], floor: Sequence[float] = ()) -> "Ratio":
        each = [a / b for a, b in zip(ours, theirs, strict=True)]
        floors = [a / b for a, b in zip(floor, theirs, strict=True)] if floor else []
        lowest = statistics.median(floors) if floors else None
        return cls(statistics.median(ours), statistics.median(theirs), statistics.median(each), min(each), max(each), lowest)

    def row(self, what: str, unit: str) -> str:
        floor = "" if self.floor is None else f"{self.floor:.4f}"
        return (
            f"| {what} | {self.ours:.4g} {unit} | {self.theirs:.4g} {unit} "
            f"| **{self.median:.4f}** | {self.low:.4f} to {self.high:.4f} | {floor} |"
        )


HEAD = "| | ours | theirs | ratio (median) | rounds | bare |\n|---|---|---|---|---|---|"
