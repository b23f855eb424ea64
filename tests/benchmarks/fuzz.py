"""Thousands of random calls against every system, in virtual time: what goes wrong in them, each shrunk to the least that does.

    python tests/benchmarks/fuzz.py [--first 0] [--calls 10000] [--calm] [--route /echo] [--most 5]

About fifty calls a second on a busy core. The same seed is the same call. Exit code 1 if anything went wrong.
"""

import argparse
import logging
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from random_calls import ROUTES, random_call
from random_stage import Outcome, play, shrunk

#: Calls at once, against one house.
TOGETHER = 50


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--calls", type=int, default=10_000, help="how many (10000)")
    parser.add_argument("--calm", action="store_true", help="nothing goes wrong with a connection")
    parser.add_argument("--route", choices=ROUTES, action="append", help="only this one; may be given again")
    parser.add_argument("--most", type=int, default=5, help="tell of so many that went wrong, and stop (5)")
    given = parser.parse_args()
    logging.getLogger().addHandler(logging.NullHandler())
    begun, found, end = time.perf_counter(), 0, given.first + given.calls
    for first in range(given.first, end, TOGETHER):
        seeds = range(first, min(first + TOGETHER, end))
        played = play([random_call(seed, tuple(given.route or ROUTES), calm=given.calm) for seed in seeds])
        for one in played:
            if one.wrong and found < given.most:
                found += 1
                tell(one)
        if found >= given.most:
            break
    print(f"{end - given.first} calls from seed {given.first} on, {found} went wrong, {time.perf_counter() - begun:.0f} s")
    return 1 if found else 0


def tell(one: Outcome) -> None:
    """What is wrong with a call, and the least of it that is wrong when it is played alone."""
    print("\n".join([*one.wrong, shrunk(one.call).told, ""]), flush=True)


if __name__ == "__main__":
    sys.exit(main())
