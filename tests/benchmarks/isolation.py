"""How long others wait because of one plugin: pings and first chunks of 200 live calls while another agent's call does harm.

    python tests/benchmarks/isolation.py [--calls 200] [--seconds 8] [--json]

`rejoinder serve` runs `echo` and, beside it, the plugin of neighbour.py: it blocks its thread for 3 s, computes in Python as
long, never yields (its loop has no rest, also when it is cancelled), or leaks 20,000 tasks. The 200 calls talk in real time,
with transcripts of 17 KB, and ping twice a second each. The row `none` says what this machine and these callers cost by
themselves. Fails if a wait is longer than 250 ms. `named` is how often the watchdog has named the plugin.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import get_args

import uvloop

from load import TURNS, Call, masked, script
from neighbour import Harm
from serving import HERE, Running, rejoinder, served, yaml_file

LIMIT_MS = 250.0
#: Seconds from one event of a call to the next, and from one ping to the next.
PACE = 0.3
PING_EVERY = 0.5
#: Turns at which the calls begin, where frames have the mean size.
FIRST = TURNS // 2

YAML = """\
agents:
  parrot: {{system: echo, begin: "", options: {{prefix: "", by_word: true}}}}
  neighbour: {{system: neighbour, begin: "", options: {{harm: {harm}}}}}
routes: {{/echo: parrot, /neighbour: neighbour}}
"""


@dataclass(frozen=True)
class Waits:
    """Milliseconds that others waited, beside a harm, and how often the watchdog named it."""

    harm: str
    worst_ping: float
    p99_ping: float
    pings: int
    worst_chunk: float
    p99_chunk: float
    turns: int
    named: int

    @property
    def is_within(self) -> bool:
        return max(self.worst_ping, self.worst_chunk) <= LIMIT_MS

    def row(self) -> str:
        return (
            f"| {self.harm} | {self.worst_ping:.1f} | {self.p99_ping:.1f} | {self.worst_chunk:.1f} | {self.p99_chunk:.1f} "
            f"| {self.named} | {'yes' if self.is_within else '**NO**'} |"
        )


HEAD = f"""\
| the neighbour | worst ping | ping p99 | worst first chunk | first chunk p99 | named | within {LIMIT_MS:g} ms |
|---|---|---|---|---|---|---|"""


class Talk:
    """One call that notes how long it waits for each answer."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._asked: dict[int, float] = {}
        self.pings: list[float] = []
        self.chunks: list[float] = []

    async def listen(self) -> None:
        while True:
            frame = json.loads(await self._call.frame())
            now = time.perf_counter()
            if frame.get("response_type") == "ping_pong":
                self.pings.append(1e3 * now - 1e-3 * frame["timestamp"])
            elif (asked := self._asked.pop(frame.get("response_id", 0), None)) is not None:
                self.chunks.append(1e3 * (now - asked))

    async def talk(self, frames: Sequence[Sequence[bytes]], delay: float) -> None:
        await asyncio.sleep(delay)
        for turn, events in enumerate(frames, FIRST + 1):
            for event in events:
                await asyncio.sleep(PACE)
                self._call.send(event)
            self._asked[turn] = time.perf_counter()

    async def ping(self, delay: float) -> None:
        await asyncio.sleep(delay)
        while True:
            self._call.send(masked({"interaction_type": "ping_pong", "timestamp": round(1e6 * time.perf_counter())}))
            await asyncio.sleep(PING_EVERY)


async def waits(server: Running, harm: Harm, calls: int, seconds: float) -> Waits:
    """Let everybody talk for a second, then have the harm done, then listen on."""
    frames = script()[FIRST:]
    period = PACE * len(frames[0])
    talks = [Talk(await Call.dial(server.port, "/echo", number)) for number in range(calls)]
    neighbour = await Call.dial(server.port, "/neighbour", calls)
    async with asyncio.TaskGroup() as group:
        tasks = []
        for number, talk in enumerate(talks):
            share = number / calls
            tasks += [talk.listen(), talk.talk(frames, share * period), talk.ping(share * PING_EVERY)]
        running = [group.create_task(task) for task in tasks]
        await asyncio.sleep(1.0)
        asked = {"interaction_type": "response_required", "response_id": 1, "transcript": [{"role": "user", "content": "x"}]}
        neighbour.send(masked(asked))
        await asyncio.sleep(seconds)
        for task in running:
            task.cancel()
    pings = sorted(wait for talk in talks for wait in talk.pings)
    chunks = sorted(wait for talk in talks for wait in talk.chunks)
    named = await asyncio.to_thread(_named, server)
    return Waits(harm, pings[-1], _p99(pings), len(pings), chunks[-1], _p99(chunks), len(chunks), named)


def _p99(ordered: Sequence[float]) -> float:
    return statistics.quantiles(ordered, n=100)[-1]


def _named(server: Running) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz", timeout=10) as page:
        return int(json.load(page)["held"].get("neighbour", 0))


def measure(harm: Harm, calls: int, seconds: float) -> Waits:
    plugin = ("--plugin", f"neighbour={HERE / 'neighbour.py'}")
    with (
        yaml_file(YAML.format(harm=harm)) as file,
        served([*rejoinder(file), *plugin]) as server,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(waits(server, harm, calls, seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200, help="live calls of the other agent (200)")
    parser.add_argument("--seconds", type=float, default=8.0, help="to listen once the harm is begun (8; a turn takes 3)")
    parser.add_argument("--json", action="store_true", help="figures instead of a table")
    given = parser.parse_args()
    results = []
    if not given.json:
        print(HEAD, flush=True)
    for harm in get_args(Harm):
        results.append(measure(harm, given.calls, given.seconds))
        if not given.json:
            print(results[-1].row(), flush=True)
    if given.json:
        print(json.dumps([{**asdict(one), "is_within": one.is_within} for one in results], indent=2))
    sys.exit(0 if all(one.is_within for one in results) else 1)


if __name__ == "__main__":
    main()
