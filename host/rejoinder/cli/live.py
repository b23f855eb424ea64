"""A call on every route, to see before the first caller does that agents open and answer."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rejoinder.call import CallFacts
from rejoinder.contract import CallReport, TurnReport
from rejoinder.errors import PluginError, RejoinderError
from rejoinder.host import Host, bind
from rejoinder.registry import Registry
from rejoinder.routes import Route
from rejoinder.testing.telephone import CannotDial, NotHeard, calling

#: What the caller says in the one turn.
QUESTION = "Hello, can you help me?"
#: Seconds for all agents to open, and for each answer to be complete.
OPENING = 60.0
ANSWER = 20.0

Tell = Callable[[str], None]


@dataclass(slots=True)
class Played:
    """How the call on one route went. Times in seconds from the request to the end of the first sentence, None if none came."""

    route: str
    agent: str
    begin: str = ""
    begin_after: float | None = None
    answer: str = ""
    answer_after: float | None = None
    fault: str = ""


@dataclass(slots=True)
class Reports:
    """Keeps what the host measures of each turn, by route and number of the turn."""

    turns: dict[tuple[str, int], TurnReport] = field(default_factory=dict)

    def call_started(self, call: CallFacts) -> None: ...

    def turn_ended(self, report: TurnReport) -> None:
        self.turns[report.call.route, report.number] = report

    def call_ended(self, report: CallReport) -> None: ...


async def play(path: Path, registry: Registry, tell: Tell) -> list[Played]:
    """Serve the file to this process alone and play a call on each route, one after the other; `tell` is given progress."""
    reports = Reports()
    host = Host(path, registry, host="127.0.0.1", port=0, witness=reports)
    try:
        tell("opening the agents ...")
        async with asyncio.timeout(OPENING):
            await host.start()
        listening = bind(host.routes.config.server)
        await host.listen(listening)
        url = f"ws://127.0.0.1:{listening.getsockname()[1]}"
        return [await _play(route, url, reports, host.routes.broken, tell) for route in host.routes.routes.values()]
    except TimeoutError:
        return [_unopened("", f"the agents did not open within {OPENING:g} s", tell)]
    except (RejoinderError, OSError) as error:
        return [_unopened("", str(error), tell)]
    finally:
        await host.close()


def _unopened(route: str, fault: str, tell: Tell) -> Played:
    tell(f"FAILED: {fault}")
    return Played(route, "", fault=fault)


async def _play(route: Route, url: str, reports: Reports, broken: Mapping[str, PluginError], tell: Tell) -> Played:
    played = Played(route.path, route.agent_config.name)
    tell(f"{route.path} -> {played.agent}")
    if fault := broken.get(played.agent):
        played.fault = f"the agent does not open: {fault}"
    elif "retell" not in (route.config.platforms or ("retell",)):
        tell("  not played: only Retell's protocol is, and the route is for others")
        return played
    else:
        await _talk(played, url + route.config.door.unlocked(route.path), reports, tell)
    if played.fault:
        tell(f"  FAILED: {played.fault}")
    return played


async def _talk(played: Played, url: str, reports: Reports, tell: Tell) -> None:
    try:
        async with calling(url) as caller:
            played.begin = (await caller.hears(ANSWER)).text
            played.begin_after = _judge(played, reports, 0)
            tell(_line("begins", played.begin, played.begin_after) if played.begin else "  lets the caller speak first")
            await caller.says(QUESTION)
            played.answer = (await caller.hears(ANSWER)).text
            played.answer_after = _judge(played, reports, 1)
            tell(_line("answers", played.answer, played.answer_after) if played.answer else "  answers nothing")
    except (NotHeard, CannotDial) as error:
        played.fault = played.fault or str(error)


def _judge(played: Played, reports: Reports, turn: int) -> float | None:
    """Time to the first sentence of a turn; a turn that the host had to end for the agent is a fault of the route."""
    report = reports.turns.get((played.route, turn))
    if report is None:
        return None
    if report.outcome in ("failed", "timed out") and not played.fault:
        what = "its begin message" if turn == 0 else f"the answer to {QUESTION!r}"
        played.fault = f"{what} {report.outcome}; the log above says why"
    return report.first_sentence


def _line(verb: str, words: str, after: float | None) -> str:
    if after is None:
        return f"  {verb}: {words}"
    return f"  {verb} after {f'{after * 1000:.1f} ms' if after < 1 else f'{after:.2f} s'}: {words}"
