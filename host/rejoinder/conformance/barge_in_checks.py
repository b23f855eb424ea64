"""What a system does when the caller speaks over it."""

import asyncio
import json

from rejoinder.conformance.check import NotApplicable, distinct
from rejoinder.conformance.guard import LONGEST_STEP
from rejoinder.conformance.line import Line
from rejoinder.conformance.probe import Given, described
from rejoinder.conformance.trial import House, Trial
from rejoinder.conformance.turn_checks import unclosed
from rejoinder.dialogue import ToolCalled
from rejoinder.handover import CLEANUP

#: Loop seconds into a reply at which the caller barges in. 0: as soon as there is a reply at all.
MOMENTS = (0.0, 0.05, 0.5)
#: Loop seconds that a real clock may be late.
GRACE = 0.25


async def cancels_within_bound(trial: Trial) -> list[str]:
    seen: list[str] = []
    was_live = False
    for text in trial.few:
        for moment in MOMENTS:
            async with trial.opened() as house:
                reply = await _live(house, await house.call(), text, moment)
                if reply is None:
                    continue
                was_live = True
                await house.lines[0].says("Stop.")
                seen += [f"`respond`, asked {text!r}, {one}" for one in await _after(house, reply)]
    if not was_live:
        raise NotApplicable("all its answers had come to their end before anybody could interrupt them")
    return distinct(seen)


async def _live(house: House, line: Line, text: str, moment: float) -> Given | None:
    """The reply to `text`, so many seconds old, if it still goes on then."""
    replies = len(house.probe.replies)
    await line.says(text)
    if not await house.until(lambda: len(house.probe.replies) > replies or line.now.complete, 1.0):
        return None
    given = house.probe.given(line.call_id)
    return None if not given or await house.over(given[-1], moment) else given[-1]


async def _after(house: House, reply: Given) -> list[str]:
    """What is wrong with the end of a reply that the caller has just spoken over."""
    has_ended = await house.over(reply, LONGEST_STEP if reply.is_stepped else CLEANUP + GRACE)
    if reply.defiant:
        return ["swallowed its cancellation and went on to yield"]
    if not has_ended:
        return [f"was still running {CLEANUP:g} s after it was cancelled"]
    if reply.how == "raised" and "ignored GeneratorExit" in str(reply.error):
        return ["went on after its generator was closed"]
    return []


async def survives_barge_ins(trial: Trial) -> list[str]:
    """The same question, asked plainly and asked after every answer was cut."""
    seen = []
    for text in trial.few:
        async with trial.opened() as house:
            plain = await house.answer(await house.call(), text)
            if plain is None or not plain.is_closed:
                continue
            line = await house.call()
            for moment in MOMENTS:
                reply = await _live(house, line, text, moment)
                await line.says("No, wait.")
                if reply is not None and await house.over(reply, CLEANUP + GRACE) and reply.how == "raised":
                    seen.append(f"`respond` raised {described(reply.error)} when it was cancelled")
                await line.completed(CLEANUP)
                if line.is_over:
                    break
            if line.is_over:
                continue
            again = await house.answer(line, text)
            seen.append(_unlike(plain, again, text))
    return distinct(seen)


def _unlike(plain: Given, again: Given | None, text: str) -> str:
    if again is None:
        return f"after barge-ins {text!r} is not answered any more"
    if why := unclosed(again):
        return f"after barge-ins {why}"
    if plain.text.strip() and not again.text.strip() and not again.acts:
        return f"after barge-ins {text!r} is answered without a word"
    return ""


async def tools_once(trial: Trial) -> list[str]:
    """The same request again while a tool runs, as a platform sends it that has asked too early."""
    seen: list[str] = []
    run, noted, done = 0, set[str](), 0
    for text in trial.says:
        async with trial.opened() as house:
            before = trial.effects() if trial.effects else 0
            line = await house.call()
            await line.says(text)
            await house.until(lambda line=line: bool(line.tools) or line.now.complete, 1.0)  # type: ignore[misc]
            await asyncio.sleep(0.01)
            await line.asks()
            await line.completed(70.0)
            await house.until(lambda: False, 1.0 if house.is_virtual else 0.1)
            own = {one.name for reply in house.probe.replies for _, one in reply.outputs if isinstance(one, ToolCalled)}
            noted |= own
            run += sum(name not in own for name, _ in line.tools)
            seen += _differing(line, own)
            effects = (trial.effects() if trial.effects else 0) - before
            done += effects
            if effects > 1:
                seen.append(f"{text!r}, asked for again while it was answered, had its effect {effects} times")
    _require_tools(trial, run, noted, done)
    return distinct(seen)


def _differing(line: Line, noted: set[str]) -> list[str]:
    """Tools of `run_once` that were started twice because their arguments were not the same."""
    started: dict[str, list[str]] = {}
    for name, arguments in line.tools:
        if name not in noted and arguments not in started.setdefault(name, []):
            started[name].append(arguments)
    return [
        f"tool {name} was run {len(runs)} times for one request: {_difference(runs[0], runs[1])}"
        for name, runs in started.items()
        if len(runs) > 1
    ]


def _difference(one: str, other: str) -> str:
    first, second = json.loads(one), json.loads(other)
    names = [name for name in first if first[name] != second.get(name)]
    return f"its arguments differ in {', '.join(names) or 'their names'}"


def _require_tools(trial: Trial, run: int, noted: set[str], done: int) -> None:
    if run or done:
        return
    if trial.effects is not None:
        raise NotApplicable("nothing that callers said had an effect: give sentences that have (`says`)")
    if noted:
        what = ", ".join(sorted(noted))
        raise NotApplicable(
            f"it runs {what} by itself; if that has an effect, use `run_once`, or count it in a test (`effects`)"
        )
    raise NotApplicable("no tool was run: if it has any, give sentences that have them run (`says`, or --says)")
