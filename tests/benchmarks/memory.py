"""Memory of a call: resident bytes of the server for each one that is silent, and for each one that talks, against F.

    python tests/benchmarks/memory.py [--rounds 3] [--calls 1000] [--turns 2] [--json]

Silent is a call that was opened and has said nothing. Talking is one that has been answered so often that its frames are 17 KB;
what it keeps of its last frame is in the figure. Each round has a new server.
"""

import argparse
import asyncio
import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from load import TURNS, Call, script
from serving import BARE, FASTAPI, HEAD, YAML, Ratio, rejoinder, served, yaml_file

KIB = 1024
#: Calls at work at the same time while the others wait: how many buffers are grown is no question of memory for a call.
AT_WORK = 20
PATH = "/echo"


@dataclass(frozen=True)
class Cost:
    """Bytes of one call."""

    silent: float
    talking: float


def resident(pid: int) -> int:
    """Bytes of a process in memory (proc_pid_status(5))."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * KIB
    raise ProcessLookupError(pid)


async def opened(port: int, count: int, first: int) -> list[Call]:
    return [await Call.dial(port, PATH, first + number, silent=True) for number in range(count)]


async def talk(calls: Sequence[Call], turns: int) -> None:
    first = (TURNS - turns) // 2
    frames = script()[first : first + turns]
    for at in range(0, len(calls), AT_WORK):
        await asyncio.gather(*(call.play(frames, first + 1, 0.0, 0.0) for call in calls[at : at + AT_WORK]))


async def cost(pid: int, port: int, count: int, turns: int) -> Cost:
    warm = await opened(port, AT_WORK, 0)  # they say nothing: what their frames left behind would be taken by the next
    empty = resident(pid)
    calls = await opened(port, count, AT_WORK)
    silent = resident(pid)
    await talk(calls, turns)
    talking = resident(pid)
    for call in (*warm, *calls):
        call.hang_up()
    return Cost((silent - empty) / count, (talking - empty) / count)


def measured(command: Sequence[str], count: int, turns: int) -> Cost:
    with served(command) as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(cost(server.pid, server.port, count, turns))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=1000, help="at once (1000)")
    parser.add_argument(
        "--turns", type=int, choices=range(1, TURNS + 1), metavar="N", default=2, help="of each talking call (2)"
    )
    parser.add_argument("--json", action="store_true", help="figures instead of a table")
    given = parser.parse_args()
    costs: tuple[list[Cost], list[Cost], list[Cost]] = ([], [], [])
    with yaml_file(YAML) as file:
        for _ in range(given.rounds):
            for command, found in zip((rejoinder(file), FASTAPI, BARE), costs, strict=True):
                found.append(measured(command, given.calls, given.turns))
    results = {
        "memory of a silent call": Ratio.of(*([each.silent / KIB for each in found] for found in costs)),
        "memory of a talking call": Ratio.of(*([each.talking / KIB for each in found] for found in costs)),
    }
    if given.json:
        print(json.dumps({what: asdict(ratio) for what, ratio in results.items()}, indent=2))
        return
    print(HEAD, *(ratio.row(what, "KiB") for what, ratio in results.items()), sep="\n")
    frame = statistics.mean(len(event) for event in script()[(TURNS - given.turns) // 2 + given.turns - 1])
    print(f"\nThe last frame of a talking call has {frame / KIB:.1f} KiB.")


if __name__ == "__main__":
    main()
