"""`rejoinder simulate --load`: many calls at once, and what they cost."""

import argparse
import asyncio
import contextlib
import shutil
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from rejoinder.cli.files import duration
from rejoinder.cli.report_files import is_written
from rejoinder.cli.words import complain, say

if TYPE_CHECKING:
    from rejoinder.simulator.judging.findings import Play
    from rejoinder.simulator.load.crowd import Load
    from rejoinder.simulator.load.outcome import Outcome, Size
    from rejoinder.simulator.playing.target import Local, Remote, Target
    from rejoinder.simulator.scenarios.scenario import Scenario

#: Seconds, as they are written.
RAMP, LASTS = "10s", "60s"
#: Files that a process has open beside its calls.
OWN_FILES = 200
#: More plays than anybody waits for, or has the memory for.
MOST = 100_000
_INTERRUPTED = 130
_BAR = 24


def count_of(text: str) -> int:
    """A whole number from 1 to MOST."""
    if text.isdecimal() and len(text) <= len(str(MOST)) and 0 < int(text) <= MOST:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number from 1 to {MOST}")


def add_load(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--load", type=count_of, metavar="CALLS", help="play so many calls at once, and tell what they cost")
    parser.add_argument(
        "--ramp", type=duration, default=RAMP, metavar="TIME", help=f"begin the calls of a load over so long (default: {RAMP})"
    )
    parser.add_argument(
        "--for", type=duration, default=LASTS, dest="lasts", metavar="TIME", help=f"keep them up so long (default: {LASTS})"
    )


def odd_beside_load(given: argparse.Namespace) -> str:
    """What tells of single calls, and says nothing of a load."""
    odd = {"--junit": given.junit, "--html": given.html, "--stories": given.stories, "--real-time": given.real_time}
    odd |= {"--repeat": given.repeat > 1, "--parallel": given.parallel > 1}
    found = [flag for flag, value in odd.items() if value]
    return f"{', '.join(found)}: not together with --load" if found else ""


def size_of(given: argparse.Namespace) -> "Size":
    """How large the load is."""
    from rejoinder.simulator.load.outcome import Size

    return Size(given.load, given.ramp, given.lasts)


def small_talk() -> "Sequence[Scenario]":
    """What is played where no file of scenarios is given."""
    from importlib.resources import as_file, files

    from rejoinder.simulator.scenarios.reading import read_paths

    with as_file(files("rejoinder.simulator.load").joinpath("small_talk.yaml")) as path:
        return read_paths([path]).scenarios


def run_load(given: argparse.Namespace, target: "Local | Remote", scenarios: "Sequence[Scenario]", out: TextIO) -> int:
    """Play the load against a URL, or against a server that is started for it; the exit code. `out` is where a report goes that
    is not for a file."""
    from rejoinder.errors import ConfigError, RejoinderError
    from rejoinder.simulator.load.resources import allow_open_files
    from rejoinder.simulator.playing.batch import plays_of
    from rejoinder.simulator.playing.served import Served
    from rejoinder.simulator.playing.target import Local

    plays = plays_of(scenarios or small_talk(), target, seed=given.seed)
    if not plays:
        complain("rejoinder: nothing to play: no scenario applies to any of the routes")
        return 1
    wanted = given.load + OWN_FILES
    if (allowed := allow_open_files(wanted)) < wanted:
        complain(f"rejoinder: {given.load} calls need {wanted} open files, the system allows {allowed}: see 'ulimit -n'")
        return 1
    over = Served(target, dict(given.plugin)) if isinstance(target, Local) else target
    try:
        # On asyncio's own loop: the clock of uvloop's goes by milliseconds, and stands still while it has something to do.
        outcome = asyncio.run(_play(size_of(given), plays, over))
    except ConfigError as error:
        complain(str(error))
        return 1
    except RejoinderError as error:
        complain(f"rejoinder: {error}")
        return 1
    except (asyncio.CancelledError, KeyboardInterrupt):
        return _INTERRUPTED
    return _told(given, outcome, out)


async def _play(size: "Size", plays: "Sequence[Play]", target: "Target") -> "Outcome":
    from rejoinder.simulator.load.crowd import Load
    from rejoinder.simulator.playing.served import Served

    stopping = _Stopping()
    async with target.open() as switchboard:
        server = target.server if isinstance(target, Served) else None
        stopping.load = load = Load(size, plays, switchboard, server.pid if server else None)
        bar = Bar(size)
        try:
            outcome = await load.run(bar.tell)
        finally:
            bar.clear()
        if server is not None and server.has_ended:
            load.tally.fault("server", f"the server ended while it was loaded: {server.complaints}")
        return outcome


class _Stopping:
    """Ctrl-C and SIGTERM end the load with the report so far; before there is one, the command. Whatever was started is
    stopped first."""

    def __init__(self) -> None:
        self.load: Load | None = None
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C ends the command without a report
                    loop.add_signal_handler(getattr(signal, name), self._stop)

    def _stop(self) -> None:
        if self.load is not None:
            self.load.stop()
        elif self._task is not None:
            self._task.cancel()


class Bar:
    """How a load gets on, in a line that a terminal shows over and over."""

    def __init__(self, size: "Size") -> None:
        self._whole = max(size.ramp + size.lasts, 0.001)
        self._is_terminal = sys.stdout.isatty()

    def tell(self, load: "Load") -> None:
        if not self._is_terminal:
            return
        done = min(int(_BAR * load.now / self._whole), _BAR)
        bar = f"[{'#' * done}{'-' * (_BAR - done)}]"
        wrong = sum(fault.count for fault in load.tally.faults.values())
        told = f"{bar} {load.now:.0f}/{self._whole:.0f} s  {len(load.live):,} calls, {load.turns:,} turns, {wrong:,} errors"
        self._write(told[: shutil.get_terminal_size((100, 24)).columns - 1])

    def clear(self) -> None:
        if self._is_terminal:
            self._write("")

    def _write(self, line: str) -> None:
        sys.stdout.write(f"\r\x1b[K{line}")
        sys.stdout.flush()


def _told(given: argparse.Namespace, outcome: "Outcome", out: TextIO) -> int:
    from rejoinder.simulator.reports.load_report import as_json, text

    say(text(outcome))
    if given.json is not None and not is_written(given.json, as_json(outcome), out):
        return 1
    if outcome.was_stopped:
        return _INTERRUPTED
    return 0 if outcome.is_well else 1
