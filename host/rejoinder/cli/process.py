"""How the process of a server is set up: what Python, the C library and the kernel are told before anything runs in it."""

import gc
import os
import sys

#: Seconds between two switches of threads. At Python's 5 ms one plugin that spins holds every ping back by up to a second; at
#: 1 ms by some tens of milliseconds at the worst. Shorter ones cost: 0.5 ms is 4 % of a turn.
SWITCH_INTERVAL = 0.001

#: New objects after which Python looks for circles of garbage among them, and how often it does before it looks through older
#: ones, and through all. A turn leaves none, and at Python's 700 the looking takes 5 % of it. What lives as long as a call and
#: leaves circles, as a plugin's own objects may, goes after some 200,000: with 10 and 10, as Python has it, after a million.
GARBAGE = (10_000, 5, 2)

#: glibc's mallopt(3): numbers of its parameters in malloc.h, and bytes. A frame of 100 KB and more is mapped afresh and given
#: back each time otherwise, and its pages are faulted in one by one: half of what an update of a long call costs. At most 8 MiB
#: that are free stay with the process.
MALLOC = ((-3, 4 * 2**20), (-1, 8 * 2**20))  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD


def set_up() -> None:
    """In the main thread, before there are others: threads take over what it is told here."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.set_threshold(*GARBAGE)
    keep_freed_memory()
    let_wakers_finish()


def keep_freed_memory() -> bool:
    """Have the C library hold on to memory for the next large frame; whether it can (glibc alone)."""
    try:
        if not os.confstr("CS_GNU_LIBC_VERSION"):
            return False
        import ctypes

        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, ImportError, OSError, ValueError):
        return False
    return all(mallopt(*setting) == 1 for setting in MALLOC)


def let_wakers_finish() -> bool:
    """Keep a thread that is woken from taking the CPU of the thread that woke it: Linux's SCHED_BATCH (sched(7)). Whether it
    does from now on; not on other systems, nor where the operator has chosen a policy (chrt(1)), which stays.

    A loop wakes another while it holds the interpreter lock. The other, put on the same CPU, would run only to find that it
    must wait for the lock, and the kernel switch to and fro five times for one: 6 to 10 % of what a call costs at its own pace.
    It has a price where other programs keep every CPU busy: with two of them on two CPUs a first chunk comes after 5 to 12 ms
    (p99) instead of 5.
    """
    if sys.platform != "linux":
        return False
    try:
        if os.sched_getscheduler(0) != os.SCHED_OTHER:
            return False
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except (AttributeError, OSError):  # a sandbox forbids it, or the C library does (musl)
        return False
    return True
