"""What a system does to its thread, to other calls, and to the process that it lives in."""

import asyncio
import threading
from collections import Counter, deque
from typing import Any

from rejoinder.conformance.check import distinct
from rejoinder.conformance.line import details_of
from rejoinder.conformance.probe import Probe
from rejoinder.conformance.trial import House, Trial
from rejoinder.contract import ResponseSystem

#: What only one caller says, and is called.
MARK = "Quillfeather"
#: Calls after the first, in which everything lazy is made: what grows with each of them is left behind.
CALLS = 3


async def opens_and_closes(trial: Trial) -> list[str]:
    seen: list[str] = []
    tasks = asyncio.all_tasks()
    async with trial.opened() as first, trial.opened() as second:
        for house in (first, second):
            await house.call()
    async with trial.opened() as again:
        pass
    for house in (first, second, again):
        seen += [f"on closing, {house.raised(error)}" for what, error in house.probe.faults if what == Probe.LEAVING]
    await first.settled(lambda: asyncio.all_tasks() <= tasks)
    left = asyncio.all_tasks()
    async with trial.opened() as again:
        pass
    if not await again.settled(lambda: asyncio.all_tasks() <= left):
        seen.append(f"left behind when it was closed: {_tasks_in_words(asyncio.all_tasks() - left)}")
    return distinct(seen)


async def does_not_block(trial: Trial) -> list[str]:
    await _whole_life(trial)
    first = {(hold.at.file, hold.at.function) for hold in trial.guard.holds}
    if first:  # once may be the machine, or an import
        known = len(trial.guard.holds)
        await _whole_life(trial)
        again = [hold for hold in trial.guard.holds[known:] if (hold.at.file, hold.at.function) in first]
        return distinct(f"its thread was held for {hold.seconds:.2f} s at {hold.at}" for hold in again[:1])
    return []


async def _whole_life(trial: Trial) -> None:
    async with trial.opened() as house:
        line = await house.call()
        for text in trial.says:
            if line.is_over:
                line = await house.call()
            await house.answer(line, text)
        if not line.is_over:
            await line.is_silent()
            await house.closed(line, 0, reminder=True)
        await line.presses("5")
        await house.pause()
        await house.hang_up(line)
        await house.pause()


async def keeps_nothing_between_calls(trial: Trial) -> list[str]:
    """One call full of a name, and calls beside it and after it in which that name must not be heard."""
    seen: list[str] = []
    async with trial.opened() as house:
        marked = await house.call(details_of(MARK))
        await house.answer(marked, f"My name is {MARK}.")
        for text in trial.says:
            if not marked.is_over:
                await house.answer(marked, f"{text} {MARK}")
        beside = await house.call()
        await house.answer(beside, trial.says[0])
        await house.hang_up(marked)
        behind = await house.call()
        for text in trial.says:
            if not behind.is_over:
                await house.answer(behind, text)
        made = [system for _, system in house.probe.made]
        if len({id(system) for system in made}) < len(made):
            seen.append("one object answers several calls")
        seen += [
            f"a caller heard what another had said: {reply.text[:200]!r}"
            for reply in house.probe.replies
            if reply.call != marked.call_id and MARK.casefold() in reply.text.casefold()
        ]
        seen += [f"the class keeps what a caller said, for all calls: {one}" for one in _kept(made)]
    return distinct(seen)


def _kept(made: list[ResponseSystem[Any]]) -> list[str]:
    """Attributes of classes in which the mark stands. An object's own are its call's, a module's may be a cache."""
    classes = {
        kind for system in made for kind in type(system).__mro__ if not kind.__module__.startswith(("rejoinder.", "abc"))
    }
    return [
        f"{kind.__name__}.{name}"
        for kind in classes
        for name, value in vars(kind).items()
        if isinstance(value, list | dict | set | deque) and MARK in repr(value)
    ]


async def cleans_up(trial: Trial) -> list[str]:
    seen: list[str] = []
    async with trial.opened() as house:
        await _cut_call(house, trial)
        tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
        for _ in range(CALLS):
            await _cut_call(house, trial)
        await house.settled(lambda: len(asyncio.all_tasks() - tasks) < CALLS)
        grown = asyncio.all_tasks() - tasks
        if len(grown) >= CALLS:
            seen.append(
                f"{len(grown)} tasks of {CALLS} calls were still there when these had long ended: {_tasks_in_words(grown)}"
            )
        started = {one for one in set(threading.enumerate()) - threads if not one.name.startswith(("agent ", "asyncio_"))}
        if len(started) >= CALLS:
            names = ", ".join(sorted({one.name for one in started})[:CALLS])
            seen.append(f"{len(started)} threads of {CALLS} calls were still there when these had long ended: {names}")
        for task in grown:
            task.cancel()
    return seen


async def _cut_call(house: House, trial: Trial) -> None:
    """A call in which each answer is heard, then asked for again and cut; the caller hangs up on one."""
    line = await house.call()
    for text in trial.few:
        if not line.is_over:
            await house.answer(line, text)
        if not line.is_over:
            await line.asks()
            await house.pause()
    await house.hang_up(line)


def _tasks_in_words(tasks: "set[asyncio.Task[Any]]") -> str:
    names = Counter(getattr(task.get_coro(), "__qualname__", task.get_name()) for task in tasks)
    return ", ".join(f"{count} of {name}" for name, count in names.most_common(3))
