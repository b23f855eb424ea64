"""How the process of a server is set up."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rejoinder.cli.process import GARBAGE, SWITCH_INTERVAL

PAGES_FAULTED = """
import resource
from rejoinder.cli.process import keep_freed_memory

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


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such a policy")

POLICY = """
import os, sys
from rejoinder.cli.process import let_wakers_finish

os.sched_setscheduler(0, int(sys.argv[1]), os.sched_param(0))
print(let_wakers_finish(), os.sched_getscheduler(0))
"""


def policy_after(before: int) -> str:
    done = subprocess.run([sys.executable, "-c", POLICY, str(before)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@LINUX
def test_threads_that_are_woken_let_their_wakers_finish() -> None:
    assert policy_after(os.SCHED_OTHER) == f"True {os.SCHED_BATCH}"


FORBIDDEN = """
import errno, os, sys
from rejoinder.cli.process import let_wakers_finish

def refuse(*_):
    raise OSError(errno.ENOSYS, "not here")

setattr(os, sys.argv[1], refuse)
print(let_wakers_finish())
"""


@LINUX
@pytest.mark.parametrize("call", ["sched_getscheduler", "sched_setscheduler"])
def test_a_system_that_knows_no_policies_is_no_trouble(call: str) -> None:
    done = subprocess.run([sys.executable, "-c", FORBIDDEN, call], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@LINUX
def test_a_policy_that_the_operator_chose_stays() -> None:
    assert policy_after(os.SCHED_IDLE) == f"False {os.SCHED_IDLE}"


def policies_of(process: int) -> list[int]:
    return [os.sched_getscheduler(int(thread.name)) for thread in Path(f"/proc/{process}/task").iterdir()]


def test_what_the_process_is_told() -> None:
    asked = "from rejoinder.cli.process import *; set_up(); print(sys.getswitchinterval(), *gc.get_threshold())"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(SWITCH_INTERVAL), *map(str, GARBAGE)]


@LINUX
@pytest.mark.skipif(getattr(os, "sched_getscheduler", lambda _: 0)(0) != 0, reason="the tests have a policy of their own")
async def test_all_threads_of_a_server_are_scheduled_alike(folder: Path, start: Any) -> None:
    (folder / "rejoinder.yaml").write_text("agents: {a: {system: echo}, b: {system: dummy}}\nroutes: {/a: a, /b: b}\n")
    server = await start("serve", "rejoinder.yaml", "--port", "0")
    await server.line("ready on")
    policies = policies_of(server.pid)
    assert len(policies) > 3
    assert set(policies) == {os.SCHED_BATCH}
