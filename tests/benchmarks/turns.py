"""CPU of the server per turn, per event and per update: `rejoinder serve` against F (server_fastapi.py), in one run.

    python tests/benchmarks/turns.py [--rounds 5] [--calls 20] [--turns 18] [--quick] [--json]

A turn is 8 updates and a request in (17 KB a frame in the mean, word timings and all) and 9 chunks out (`echo`) or one
(`dummy`). The servers live through the whole run and take turns, round by round; the callers are a process of their own.
"bare" is the floor over F: what aiohttp costs by itself, with nothing decoded and nothing kept (server_aiohttp.py).
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Literal

from serving import BARE, FASTAPI, HEAD, HERE, Ratio, Running, rejoinder, served, yaml_file

# As on an address that is not loopback, where files are not watched by default: F runs without its reloader, too.
YAML = """\
server: {watch: false}
agents:
  parrot: {system: echo, begin: "", options: {prefix: "", by_word: true}}
  dummy: {system: dummy, begin: ""}
  listener: {system: listener, begin: ""}
routes: {/echo: parrot, /dummy: dummy, /listener: listener}
"""

#: Utterances of a transcript whose updates are measured.
LENGTHS = (10, 50, 100, 200, 400)
#: Calls at once and the seconds between two events of one of them, as on a busy server in real life.
REAL_TIME = ("--calls", 200, "--turns", 2, "--pace", 0.3)


def compare(servers: Sequence[Running], rounds: int, load: tuple[object, ...], per: Literal["turn", "event"]) -> Ratio:
    """Rounds of all `servers` (ours, theirs, perhaps the floor), one after the other: microseconds of CPU per turn or event."""
    costs: list[list[float]] = [[] for _ in servers]
    for _ in range(rounds):
        for server, cost in zip(servers, costs, strict=True):
            done = server.measure(load)
            cost.append(1e6 * done.cpu / (done.turns if per == "turn" else done.events))
    return Ratio.of(*costs)


def run(given: argparse.Namespace, servers: Sequence[Running]) -> dict[str, Ratio]:
    results: dict[str, Ratio] = {}

    def measure(what: str, per: Literal["turn", "event"], *load: object) -> None:
        results[what] = compare(servers, given.rounds, load, per)
        if not given.json:
            print(results[what].row(what, "us"), flush=True)

    talk = ("--calls", given.calls, "--turns", given.turns)
    for server in servers:
        server.measure(("/echo", "--calls", 2))
    measure("CPU per turn, echo in 9 chunks", "turn", "/echo", *talk)
    measure("CPU per turn, dummy", "turn", "/dummy", *talk)
    if given.quick:
        return results
    measure("CPU per event, 200 calls in real time", "event", "/echo", *REAL_TIME)
    for length in LENGTHS:
        measure(f"CPU per update at {length} utterances", "event", "/echo", "--utterances", length)
        measure("the same, told to an agent that listens", "event", "/listener", "--utterances", length)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="of each comparison (5)")
    parser.add_argument("--calls", type=int, default=20, help="at once, at full load (20)")
    parser.add_argument("--turns", type=int, default=18, help="of each call, 18 at most (18)")
    parser.add_argument("--quick", action="store_true", help="only turns at full load")
    parser.add_argument("--json", action="store_true", help="figures instead of a table")
    given = parser.parse_args()
    if not given.json:
        print(HEAD, flush=True)
    plugin = ("--plugin", f"listener={HERE / 'listener.py'}")
    with yaml_file(YAML) as file, served([*rejoinder(file), *plugin]) as ours, served(FASTAPI) as theirs, served(BARE) as bare:
        results = run(given, (ours, theirs, bare))
    if given.json:
        print(json.dumps({what: asdict(ratio) for what, ratio in results.items()}, indent=2))


if __name__ == "__main__":
    main()
