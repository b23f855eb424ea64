"""What it costs to run an agent in a thread of its own: CPU per turn against the same host with its agents on the front's loop.

    python tests/benchmarks/handover.py [--rounds 5] [--calls 20] [--turns 18] [--json]

The same turns as in turns.py. What it buys: a plugin that blocks its thread delays no other agent's call and no ping.
"""

import argparse
import json
import sys
from dataclasses import asdict

from serving import HEAD, HERE, YAML, Ratio, served, yaml_file
from turns import compare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=20, help="at once (20)")
    parser.add_argument("--turns", type=int, default=18, help="of each call, 18 at most (18)")
    parser.add_argument("--json", action="store_true", help="figures instead of a table")
    given = parser.parse_args()
    results: dict[str, Ratio] = {}
    with yaml_file(YAML) as file:
        command = [sys.executable, str(HERE / "server_rejoinder.py"), str(file), "--agents"]
        with served([*command, "own"]) as own, served([*command, "front"]) as front:
            for server in (own, front):
                server.measure(("/echo", "--calls", 2))
            for path in ("/echo", "/dummy"):
                load = path, "--calls", given.calls, "--turns", given.turns
                results[f"own thread over front's loop, {path[1:]}"] = compare((own, front), given.rounds, load, "turn")
    if given.json:
        print(json.dumps({what: asdict(ratio) for what, ratio in results.items()}, indent=2))
    else:
        print(HEAD, *(ratio.row(what, "us") for what, ratio in results.items()), sep="\n")


if __name__ == "__main__":
    main()
