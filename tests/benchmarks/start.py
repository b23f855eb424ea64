"""What a start costs: CPU and time until the port is open, `rejoinder serve` with a dummy route against F.

    python tests/benchmarks/start.py [--rounds 5] [--json]

Also which heavy modules our start imported (there must be none), and which imports took longest, for those who cut them.
"""

import argparse
import json
import re
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from load import cpu_of
from serving import DUMMY_YAML, FASTAPI, HEAD, Ratio, Running, rejoinder, served, yaml_file

#: Libraries of single systems, commands and extras: imported where they are used, never by a start that does not need them.
HEAVY = frozenset(
    {"re2", "rapidfuzz", "jinja2", "rich", "prometheus_client", "opentelemetry", "redis", "ngrok"}
    | {"openai", "anthropic", "litellm", "retell", "httpx", "httpx2", "requests", "pydantic", "fastapi"}
    | {"hypothesis", "pytest", "rejoinder_echo", "rejoinder_rules", "rejoinder_llm"}
)
SLOWEST = 15
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| (\s*)(\S+)")


def start(command: Sequence[str]) -> tuple[float, float]:
    """CPU and wall seconds until the port takes a connection."""
    begun = time.perf_counter()
    with served(command) as server:
        _connect(server)
        return cpu_of(server.pid), time.perf_counter() - begun


def _connect(server: Running) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=5).close()
        except ConnectionRefusedError:
            time.sleep(0.001)
        else:
            return


def imports(file: Path) -> list[tuple[int, int, str]]:
    """Every module our start imported: microseconds of its own and with what it imported, and its name."""
    with tempfile.NamedTemporaryFile("r") as log:
        command = [sys.executable, "-X", "importtime", *rejoinder(file)[1:]]
        with served(["/bin/sh", "-c", 'log=$1; shift; exec "$@" 2>"$log"', "sh", log.name, *command]) as server:
            _connect(server)
        return [(int(own), int(both), name) for own, both, _, name in _IMPORT.findall(log.read())]


def measured(file: Path, rounds: int) -> dict[str, Ratio]:
    costs: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    for _ in range(rounds + 1):
        for command, cost in zip((rejoinder(file), FASTAPI), costs, strict=True):
            cost.append(start(command))
    ours, theirs = (each[1:] for each in costs)  # the first round only warmed the disk's cache
    return {
        "CPU to open port": Ratio.of([1e3 * cpu for cpu, _ in ours], [1e3 * cpu for cpu, _ in theirs]),
        "time to open port": Ratio.of([1e3 * wall for _, wall in ours], [1e3 * wall for _, wall in theirs]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="figures instead of a table")
    given = parser.parse_args()
    with yaml_file(DUMMY_YAML) as file:
        results = measured(file, given.rounds)
        loaded = imports(file)
    tops = {name.partition(".")[0] for _, _, name in loaded}
    heavy = sorted(tops & HEAVY)
    slowest = sorted(loaded, reverse=True)[:SLOWEST]
    if given.json:
        figures = {what: asdict(ratio) for what, ratio in results.items()}
        print(json.dumps({**figures, "heavy": heavy, "modules": len(loaded), "slowest": slowest}, indent=2))
        return
    print(HEAD, *(ratio.row(what, "ms") for what, ratio in results.items()), sep="\n")
    print(f"\nHeavy modules imported: {', '.join(heavy) or 'none'} (looked for {', '.join(sorted(HEAVY))}).")
    print(f"\n{len(loaded)} modules imported; the slowest, in microseconds of their own and with what they import:")
    for own, both, name in slowest:
        print(f"{own:8} {both:8}  {name}")


if __name__ == "__main__":
    main()
