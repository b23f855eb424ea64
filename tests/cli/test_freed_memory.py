"""The C library keeps what large frames leave behind, where it can be told to."""

import os
import subprocess
import sys

import pytest

PAGES_FAULTED = """
import resource
from rejoinder.cli.serve import keep_freed_memory

def frames():
    kept = [b"x" * size for size in (700_000, 900_000, 300_000)]

def faults():
    frames()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        frames()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

before, told = faults(), keep_freed_memory()
print(told, before, faults())
"""


@pytest.mark.skipif("CS_GNU_LIBC_VERSION" not in getattr(os, "confstr_names", ()), reason="needs glibc")
def test_large_frames_are_not_mapped_afresh_each_time() -> None:
    done = subprocess.run([sys.executable, "-c", PAGES_FAULTED], capture_output=True, text=True, check=True)
    told, before, after = done.stdout.split()
    assert told == "True"
    assert int(after) < int(before) / 10
