"""Whether calls that are over leave anything behind: 50,000 of them on one server, whose memory, files and threads are watched.

    python tests/benchmarks/leaks.py [--calls 50000] [--at-once 50] [--most 4096] [--minutes 30] [--json]

Each call is dialled, described, asked something, asked again before the answer came, and says goodbye; the agent hangs up.
Memory is compared between a fifth of the calls, when caches and the allocator have what they want, and the last one. Ends with
1 if it has grown by more than --most KiB, or if there are more files or threads than before; it waits for calls to be over.
"""

import argparse
import asyncio
import json
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

import uvloop

from load import Call, masked, utterance
from memory import KIB, resident
from serving import Running, rejoinder, served, yaml_file

YAML = """\
agents:
  desk:
    system: rules
    begin: Hello.
    options:
      rules: [{when: [goodbye], say: Goodbye., end_call: true}]
      default: I can tell you our opening hours.
routes: {/desk: desk}
"""
PATH = "/desk"
#: Parts of a run: each is told of.
STAGES = 20
#: Files that the question for live calls may have open.
ASKING = 1


@dataclass(frozen=True)
class Size:
    """What a process holds."""

    calls: int
    memory: int
    files: int
    threads: int

    @classmethod
    def of(cls, pid: int, calls: int) -> "Size":
        process = Path(f"/proc/{pid}")
        files, threads = (sum(1 for _ in (process / name).iterdir()) for name in ("fd", "task"))
        return cls(calls, resident(pid), files, threads)

    def __str__(self) -> str:
        return f"{self.calls:7} calls: {self.memory / KIB:8.0f} KiB, {self.files} files, {self.threads} threads"


def asked(number: int, words: list[str]) -> bytes:
    """The request with this number, the caller having said these words."""
    transcript = [{**utterance("user", 9, at * 4.0), "content": said} for at, said in enumerate(words)]
    return masked({"interaction_type": "response_required", "response_id": number, "transcript": transcript})


FRAMES = [asked(1, ["when are you open"]), asked(2, ["when are you open", "and where"]), asked(3, ["what", "and", "goodbye"])]


async def whole(port: int, number: int) -> None:
    """One call from its first frame to its last."""
    call = await Call.dial(port, PATH, number)
    call.send(FRAMES[0])
    call.send(FRAMES[1])
    await call.until(b'"response_id":2,')
    call.send(FRAMES[2])
    await call.until(b'"end_call":true')
    await call.close()


async def some(port: int, numbers: Iterator[int], amount: int, at_once: int) -> None:
    left = iter(range(amount))

    async def one_after_another() -> None:
        for _ in left:
            await whole(port, next(numbers))

    await asyncio.gather(*(one_after_another() for _ in range(at_once)))


async def run(server: Running, given: argparse.Namespace) -> list[Size]:
    """The server's size before, and after each stage."""
    numbers = count()
    await some(server.port, numbers, given.at_once, given.at_once)
    sizes = [await settled(server, 0)]
    for stage in range(1, STAGES + 1):
        begun = time.perf_counter()
        await some(server.port, numbers, given.calls // STAGES, given.at_once)
        sizes.append(await settled(server, stage * given.calls // STAGES))
        rate = given.calls / STAGES / (time.perf_counter() - begun)
        print(f"{sizes[-1]}, {rate:.0f} calls a second", file=sys.stderr, flush=True)
    return sizes


async def settled(server: Running, calls: int) -> Size:
    """Its size once no call lives."""
    while live_calls(server):  # noqa: ASYNC110  of another process
        await asyncio.sleep(0.05)
    return Size.of(server.pid, calls)


def live_calls(server: Running) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz", timeout=10) as answer:
        live: int = json.load(answer)["calls"]
    return live


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=50_000, help="in all (50,000)")
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--most", type=int, default=4096, help="KiB that are no leak (4096: 100 bytes a call)")
    parser.add_argument("--minutes", type=float, default=30.0, help="after which it is given up (30)")
    parser.add_argument("--json", action="store_true", help="figures instead of a sentence")
    given = parser.parse_args()
    loops = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with yaml_file(YAML) as file, served(rejoinder(file)) as server, loops as runner:
        sizes = runner.run(asyncio.wait_for(run(server, given), given.minutes * 60))
    first, early, last = sizes[0], sizes[STAGES // 5], sizes[-1]
    grown = (last.memory - early.memory) / KIB
    leaks = grown > given.most or last.files > first.files + ASKING or last.threads > early.threads
    if given.json:
        print(json.dumps({"leaks": leaks, "grown_kib": grown, "sizes": [asdict(size) for size in sizes]}, indent=2))
    else:
        print(f"{'LEAK' if leaks else 'No leak'}: {grown:+.0f} KiB from call {early.calls} to call {last.calls}.")
        print(first, last, sep="\n")
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(main())
