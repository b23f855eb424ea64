"""Minutes of everything at once: good callers, bad callers, bad networks and reloads on one server, and what came of it.

    python tests/benchmarks/soak.py [--minutes 3] [--calls 50] [--seed 1] [--json]

Callers talk, barge in, fall silent, lose their socket and dial again, send garbage, read slowly, repeat themselves; others ask
for completions, some of them broken; vandals break off handshakes, break rules and reset connections; every few seconds the
file changes, sometimes to nonsense, and a SIGHUP comes. Ends with 1 if a turn was not answered or wrongly, a call was refused,
a socket hung, the log has a traceback, or calls are left once all have hung up (which a lost call does after a minute).
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import uvloop

from leaks import Size, live_calls
from memory import KIB, resident
from serving import HERE, Running, rejoinder, served, yaml_file
from soak_callers import Score, completions, telephone, vandal

YAML = """\
server: {{watch: false}}
agents:
  parrot: {{system: echo, begin: Hello., options: {{by_word: {by_word}}}}}
  halting: {{system: halting, begin: Hello.}}
routes:
  /echo: {{agent: parrot, platforms: [retell, chat]}}
  /halting: halting
"""
#: Of this many callers one asks for completions, and one is a vandal.
COMPLETIONS, VANDALS = 10, 5
#: Seconds from one reload to the next at the longest, from one progress line to the next, and for calls that vanished to end.
RELOADS, TOLD, SETTLED = 10.0, 5.0, 90.0


async def reload(server: Running, file: Path, chance: random.Random, score: Score, until: Callable[[], bool]) -> None:
    """Change the file so that one agent is replaced, or to nonsense, and say so."""
    while not until():
        await asyncio.sleep(chance.random() * RELOADS)
        text = YAML.format(by_word=chance.choice(["true", "false"]))
        if chance.random() < 0.2:
            text = text.replace("system: echo", "system: no-such-system")
        file.write_text(text)  # noqa: ASYNC240  a few lines
        os.kill(server.pid, signal.SIGHUP)
        score.happened["reloads"] += 1


async def tell(server: Running, score: Score, begun: float, until: Callable[[], bool]) -> None:
    while not until():
        await asyncio.sleep(TOLD)
        memory = resident(server.pid) / KIB
        done = ", ".join(f"{number} {what}" for what, number in sorted(score.happened.items()))
        failed = sum(score.failures.values())
        print(f"{time.monotonic() - begun:4.0f} s, {memory:.0f} KiB: {done}; {failed} failures", file=sys.stderr, flush=True)


async def run(server: Running, file: Path, given: argparse.Namespace, score: Score) -> tuple[Size, Size]:
    """Everything at once; the server's size before and after."""
    begun = time.monotonic()
    before = Size.of(server.pid, 0)

    seconds: float = given.minutes * 60

    def until() -> bool:
        return time.monotonic() - begun >= seconds

    seeds = random.Random(given.seed)
    others = max(1, given.calls // COMPLETIONS), max(1, given.calls // VANDALS)
    callers = zip((telephone, completions, vandal), (given.calls, *others), strict=True)
    async with asyncio.TaskGroup() as group:
        group.create_task(reload(server, file, random.Random(seeds.random()), score, until))
        group.create_task(tell(server, score, begun, until))
        for caller, number in callers:
            for _ in range(number):
                group.create_task(caller(server.port, random.Random(seeds.random()), score, until))
    return before, await settled(server, score)


async def settled(server: Running, score: Score) -> Size:
    """The server's size once no call lives."""
    begun = time.monotonic()
    print("waiting for lost calls to end", file=sys.stderr, flush=True)
    while left := live_calls(server):
        if time.monotonic() - begun > SETTLED:
            score.fail("calls left", f"{left} of them {SETTLED:g} s after the last hung up")
            break
        await asyncio.sleep(1)
    return Size.of(server.pid, score.happened["calls"])


def table(score: Score, before: Size, after: Size) -> str:
    rows: list[tuple[str, object]] = [*sorted(score.happened.items())]
    rows += [(f"FAILED: {kind}", number) for kind, number in sorted(score.failures.items())] or [("failures", 0)]
    rows += [
        ("memory at start, at end", f"{before.memory / KIB:.0f} KiB, {after.memory / KIB:.0f} KiB"),
        ("files, threads at start", f"{before.files}, {before.threads}"),
        ("files, threads at end", f"{after.files}, {after.threads}"),
        ("worst ping", f"{1e3 * score.worst_ping:.0f} ms"),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {what} | {number} |" for what, number in rows), *score.told])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--calls", type=int, default=50, help="at once (50)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="figures instead of a table")
    given = parser.parse_args()
    score = Score()
    with (
        yaml_file(YAML.format(by_word="true")) as file,
        tempfile.NamedTemporaryFile("r", errors="replace") as log,
    ):
        command = [*rejoinder(file), "--plugin", f"halting={HERE / 'halting.py'}"]
        with (
            served(["/bin/sh", "-c", 'log=$1; shift; exec "$@" 2>"$log"', "sh", log.name, *command]) as server,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            before, after = runner.run(run(server, file, given, score))
        lines = log.read().splitlines()
    for at, line in enumerate(lines):
        if "Traceback" in line:
            score.fail("tracebacks", "\n".join(lines[max(0, at - 1) : at + 40]))
    score.happened["lines in the log"] = len(lines)
    if given.json:
        figures = {"happened": score.happened, "failures": score.failures, "told": score.told, "worst_ping": score.worst_ping}
        print(json.dumps({**figures, "before": before.__dict__, "after": after.__dict__}, indent=2))
    else:
        print(table(score, before, after))
    return 1 if score.failures else 0


if __name__ == "__main__":
    sys.exit(main())
