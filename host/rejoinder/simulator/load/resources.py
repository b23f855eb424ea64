"""What a process uses of the machine, and how late its own loop is: figures of a load mean nothing without them."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

#: Seconds between two looks at whether the loop is late.
LOOK = 0.05
#: Beyond these a loop was late enough to spoil what it measured, in seconds: in one look of a hundred, and in the worst.
LATE, VERY_LATE = 0.02, 0.25


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds of all threads so far, bytes in memory at the most until now, and the seconds for which threads that had
    something to do waited for a processor, because others had them (None where the system does not tell)."""

    cpu: float
    memory: int
    waited: float | None = None


def usage(pid: int | None = None) -> Usage | None:
    """Of a process, or of this one. None where the system does not tell (proc(5): Linux alone, of other processes)."""
    here = Path("/proc") / str(pid or "self")
    try:
        fields = (here / "stat").read_text().rpartition(")")[2].split()
        status = dict(line.split(":", 1) for line in (here / "status").read_text().splitlines() if ":" in line)
        ticks = int(fields[11]) + int(fields[12])
        return Usage(ticks / os.sysconf("SC_CLK_TCK"), int(status["VmHWM"].split()[0]) * 1024, _waited(here))
    except (OSError, ValueError, KeyError, IndexError):
        return _own() if pid is None else None


def _waited(process: Path) -> float | None:
    """The second figure of each thread's schedstat, in nanoseconds (Documentation/scheduler/sched-stats.rst of Linux)."""
    try:
        return sum(int(thread.read_text().split()[1]) for thread in process.glob("task/*/schedstat")) / 1e9
    except (OSError, ValueError, IndexError):
        return None


def _own() -> Usage | None:
    try:
        import resource
    except ImportError:
        return None
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Usage(used.ru_utime + used.ru_stime, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def allow_open_files(wanted: int) -> int:
    """Let this process, and those that it starts, have so many files and sockets open; how many it may have now."""
    try:
        import resource
    except ImportError:
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else soft


class Lateness:
    """How late a loop is. `seconds` holds what each look found."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def watch(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK
            await asyncio.sleep(LOOK)
            self.seconds.append(max(loop.time() - due, 0.0))
