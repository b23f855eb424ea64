"""The README tells how to run each benchmark, and names none that is not there."""

import re

from manual import ROOT, page

#: What benchmarks are made of.
PARTS = {
    "halting",
    "listener",
    "load",
    "neighbour",
    "server_aiohttp",
    "server_fastapi",
    "server_rejoinder",
    "serving",
    "soak_callers",
}


def test_the_readme_names_every_benchmark() -> None:
    named = set(re.findall(r"python tests/benchmarks/(\w+)\.py", page("README.md")))
    assert named == {path.stem for path in (ROOT / "tests/benchmarks").glob("*.py")} - PARTS
