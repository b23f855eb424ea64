"""What a system does when the caller speaks over it."""

import asyncio
import json
from dataclasses import dataclass

from rejoinder.conformance.check import NotApplicable, OnlyInRealTime, distinct
from rejoinder.conformance.guard import LONGEST_STEP
from rejoinder.conformance.line import Line
from rejoinder.conformance.probe import Given, described
from rejoinder.conformance.trial import LONGEST_TURN, House, Trial
from rejoinder.conformance.turn_checks import unclosed
from rejoinder.dialogue import ToolCalled
from rejoinder.handover import CLEANUP

#: Loop seconds into a reply at which the caller barges in. 0: as soon as there is a reply at all.
MOMENTS = (0.0, 0.05, 0.5)
#: How long a tool has run when the same is asked for again.
MOMENT = 0.01
#: Loop seconds that a real clock may be late.
GRACE = 0.25


async def cancels_within_bound(trial: Trial) -> list[str]:
    seen: list[str] = []
    was_live = is_stepped = False
    for text in trial.few:
        for moment in MOMENTS:
            async with trial.opened() as house:
                reply = await _live(house, await house.call(), text, moment)
                if reply is None:
                    is_stepped |= any(one.is_stepped for one in house.probe.replies)
                    continue
                was_live = True
                await house.lines[0].says("Stop.")
                seen += [f"`respond`, asked {text!r}, {one}" for one in await _after(house, reply)]
    if not was_live:
        # a virtual clock stands still while a step of a plain generator runs: nobody gets a word in
        over = OnlyInRealTime if is_stepped else NotApplicable
        raise over("all its answers had come to their end before anybody could interrupt them")
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


@dataclass(frozen=True)
class Work:
    """What a request had done: the arguments of each tool of `run_once`, each once, the tools that the system runs and tells of
    by itself, and how often there was an effect."""

    runs: dict[str, list[str]]
    own: set[str]
    effects: int


async def tools_once(trial: Trial) -> list[str]:
    """The same request again while a tool runs, as a platform sends it that has asked too early; beside one asked plainly."""
    seen: list[str] = []
    done: list[Work] = []
    for text in trial.says:
        async with trial.opened() as house:
            plain = await _done(house, trial, text, again=False)
            twice = await _done(house, trial, text, again=True)
        done += [plain, twice]
        seen += [
            f"tool {name} was run {len(runs)} times for one request: {_difference(runs)}"
            for name, runs in twice.runs.items()
            if len(runs) > len(plain.runs.get(name, runs[:1]))
        ]
        if twice.effects > max(plain.effects, 1):
            seen.append(f"{text!r}, asked for again while it was answered, had its effect {twice.effects} times")
    _require_tools(trial, done)
    return distinct(seen)


async def _done(house: House, trial: Trial, text: str, *, again: bool) -> Work:
    before = trial.effects() if trial.effects else 0
    replies = len(house.probe.replies)
    line = await house.call()
    await line.says(text)
    if again:
        await house.until(lambda: bool(line.tools) or line.now.complete, 1.0)
        await asyncio.sleep(MOMENT)
        await line.asks()
    await line.completed(LONGEST_TURN)
    await house.until(lambda: False, 1.0 if house.is_virtual else 0.1)  # the tool of an answer that was cut runs on
    given = [one for reply in house.probe.replies[replies:] for _, one in reply.outputs]
    own = {one.name for one in given if isinstance(one, ToolCalled)}
    runs: dict[str, list[str]] = {}
    for name, arguments in line.tools:
        if name not in own and arguments not in runs.setdefault(name, []):
            runs[name].append(arguments)
    await house.hang_up(line)
    return Work(runs, own, (trial.effects() if trial.effects else 0) - before)


def _difference(runs: list[str]) -> str:
    first, last = json.loads(runs[0]), json.loads(runs[-1])
    names = [name for name in first if first[name] != last.get(name)]
    return f"its arguments differ in {', '.join(names) or 'their names'}"


def _require_tools(trial: Trial, done: list[Work]) -> None:
    if any(one.runs or one.effects for one in done):
        return
    if trial.effects is not None:
        raise NotApplicable("nothing that callers said had an effect: give sentences that have (`says`)")
    if noted := {name for one in done for name in one.own}:
        what = ", ".join(sorted(noted))
        raise NotApplicable(
            f"it runs {what} by itself; if that has an effect, use `run_once`, or count it in a test (`effects`)"
        )
    raise NotApplicable("no tool was run: if it has any, give sentences that have them run (`says`, or --says)")
