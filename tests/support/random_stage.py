"""Where random calls are played, many at once in virtual time, and what must be true of each of them."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from model import Model
from moody import BOOK
from random_calls import RandomCall
from rejoinder.call import CallFacts
from rejoinder.contract import CallReport, TurnReport
from rejoinder.registry import Registry
from rejoinder.simulator.journal import AskedTurn, Journal
from rejoinder.simulator.judging.call_checks import judge_silence
from rejoinder.simulator.judging.findings import HostTurn, Play, Played, Verdict
from rejoinder.simulator.judging.judge import judge
from rejoinder.simulator.playing.player import Player
from rejoinder.simulator.scenarios.expectation import TimeExpectation
from rejoinder.simulator.scenarios.steps import DialsTwice, Drops, Duplicates, Fault, ReadsSlowly, Reorders, Sends, Step
from rejoinder.testing import clock
from rejoinder.testing.exchange import Exchange

FILE = Path(__file__).parents[1] / "scenarios" / "random.yaml"
SYSTEMS = {"moody": "moody"}
#: Routes whose agents do not always answer; those on which all that is answered is known to the letter.
UNANSWERING, ECHOING = ("/moody", "/rescued", "/ending", "/transferring"), ("/echo", "/parrot")
#: What a random script often waits for in vain, and ends that it brings about itself.
OF_THE_SCRIPT = ("interrupts", "at", "within", "dials_twice", "ends")
REPEATED = ("turns_sensible (starts_over)",)
#: Seconds in which a call is forgotten once its caller is gone.
FORGOTTEN = 70.0
#: Seconds that a reply may go on once nobody wants it: it is cleaned up in one.
CLEANED_UP = 1.5
#: How the platform's own errors end; each needs somebody to bring it about.
ERRORS = "error_"
#: The last rung of the ladder, and how late a sentence may come behind it.
APOLOGY, SPARE = 12.0, 1.5


class _Witness:
    """What the host says became of turns and calls."""

    def __init__(self) -> None:
        self.turns: defaultdict[str, list[HostTurn]] = defaultdict(list)
        self.ended: defaultdict[str, list[CallReport]] = defaultdict(list)

    def call_started(self, call: CallFacts) -> None: ...

    def turn_ended(self, report: TurnReport) -> None:
        self.turns[report.call.id].append(HostTurn(report.number, report.kind, report.outcome))

    def call_ended(self, report: CallReport) -> None:
        self.ended[report.call.id].append(report)


class _Errors(logging.Handler):
    """What is logged as an error, but for those that are planned."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            text = self.format(record)
            if "planned" not in text and "held for" not in text:
                self.found.append(text)


class Outcome(NamedTuple):
    """A call that was played, and all that is wrong with it. What is wrong with none in particular is told of the first."""

    call: RandomCall
    verdict: Verdict
    wrong: list[str]


def play(calls: Sequence[RandomCall]) -> list[Outcome]:
    """All of them, on one loop and against one house."""
    errors = _Errors()
    logging.getLogger().addHandler(errors)
    try:
        played = clock.run(_play(calls))
    finally:
        logging.getLogger().removeHandler(errors)
    played[0].wrong.extend(f"logged: {one}" for one in errors.found)
    return played


def wrong_in(calls: Sequence[RandomCall]) -> dict[str, list[str]]:
    """What is wrong with which of them."""
    return {one.call.told: one.wrong for one in play(calls) if one.wrong}


def shrunk(call: RandomCall) -> RandomCall:
    """The least of `call` with which the first of what is wrong with it, played alone, is still wrong."""
    kind = _kind(call)
    while kind and (less := next((one for one in call.less() if _kind(one) == kind), None)) is not None:
        call = less
    return call


def _kind(call: RandomCall) -> str:
    (played,) = play([call])
    return played.wrong[0].partition(":")[0] if played.wrong else ""


async def _play(calls: Sequence[RandomCall]) -> list[Outcome]:
    witness = _Witness()
    async with Model() as model:
        exchange = Exchange.of_file(FILE, plugins=Registry(SYSTEMS), environ={"LLM_BASE_URL": model.base_url}, witness=witness)
        async with exchange:
            before = asyncio.all_tasks()
            players = [_player(call, exchange) for call in calls]
            await asyncio.gather(*[player.play() for player in players])
            await asyncio.sleep(FORGOTTEN)
            played = [_judged(call, player, witness) for call, player in zip(calls, players, strict=True)]
            left = [f"{len(exchange.calls)} calls are still known"] if len(exchange.calls) else []
            left += [f"a task is left: {task!r}" for task in asyncio.all_tasks() - before if "aiohttp" not in repr(task)]
    played[0].wrong.extend(left)
    return played


def _player(call: RandomCall, exchange: Exchange) -> Player:
    play = Play(call.scenario, call.route, 1, call.seed)
    return Player(play, exchange.dialler(call.route), call_id=f"call_{call.seed}", profile=call.profile)


def _judged(call: RandomCall, player: Player, witness: _Witness) -> Outcome:
    journal = player.journal
    played = replace(player.played, host_turns=tuple(witness.turns[journal.call_id]))
    if call.route in UNANSWERING:
        played = replace(played, host_turns=())
    verdict = judge(played)
    borne = {*OF_THE_SCRIPT, *_borne(call)}
    wrong = [f"{one.title}: {one.what} (at {one.at})" for one in verdict.findings if not {one.check, one.title} & borne]
    wrong += [*_ends(call, played), *_silences(call, journal), *_letters(call, journal), *_replies(journal)]
    if len(witness.ended[journal.call_id]) != 1:
        wrong.append(f"the call ended {len(witness.ended[journal.call_id])} times")
    return Outcome(call, verdict, wrong)


def _ends(call: RandomCall, played: Played) -> Iterator[str]:
    journal, steps = played.journal, call.scenario.steps
    lost = sum(isinstance(step, Drops | ReadsSlowly) for step in steps)
    if played.fault:
        yield f"it could not be played: {played.fault}"
    if journal.reason.startswith(ERRORS) and lost <= 2:
        yield f"it ended by {journal.reason}"


def _dies(call: RandomCall) -> bool:
    """Whether a connection is lost in it, or so slow that it is given up."""
    return any(isinstance(step, Drops | ReadsSlowly) for step in call.scenario.steps)


def _borne(call: RandomCall) -> Iterator[str]:
    """What is found in such a call, and is nobody's fault."""
    steps = call.scenario.steps
    if _dies(call):
        yield from ("protocol_clean (greeted_twice)", *REPEATED)  # what a line took last is said again, arrived or not
    if any(isinstance(step, DialsTwice) for step in steps):
        yield from REPEATED
    if call.profile.begins_again:
        yield "protocol_clean (stale_answer)"  # the former turn goes on
    if any(isinstance(step, Duplicates) for step in steps):
        yield "protocol_clean (words_after_the_end)"  # a request that comes twice is answered twice by hand
    if call.profile.details_after != 0 or not call.profile.details_again:
        yield "protocol_clean (transfer_on_web)"  # nobody has told the host that it is one
    if _dies(call) and call.profile.after_redial == "waits":  # what it asked was lost, and is not asked again
        yield from ("turns_closed (never_answered)", "turns_closed (never_completed)", "protocol_clean (stale_answer)")
    if steps and isinstance(steps[0], Fault) and _dies(call):
        yield from ("played", "protocol_clean (no_keepalive)")  # it is dead before anything came
    if not call.profile.ids_go_on:
        yield "speech_clean (glued_words)"  # an answer under another id begins anew
    if call.route in UNANSWERING:
        yield "limit"  # an endless answer takes its time to be spoken


def is_disturbed(call: RandomCall) -> bool:
    """Whether frames are lost or late in it, or come in an order that no platform sends them in."""
    return any(isinstance(step, Drops | ReadsSlowly | Reorders | Sends) for step in call.scenario.steps)


def _silences(call: RandomCall, journal: Journal) -> Iterator[str]:
    """Nobody waits for longer than the ladder promises, unless there is nothing by which it could be heard."""
    if is_disturbed(call):
        return
    limit = TimeExpectation(APOLOGY + SPARE + call.profile.voice_delay)
    for finding in judge_silence(journal, limit):
        yield f"silence: {finding.what}"


def _letters(call: RandomCall, journal: Journal) -> Iterator[str]:
    """An echo says back what it heard, to the letter and once; but what is under way when a line breaks is lost."""
    if call.route not in ECHOING or any(_loses_words(step) for step in call.scenario.steps):
        return
    may_repeat = _dies(call)
    for turn in journal.turns:
        if (
            turn.kind == "response"
            and turn.asked_for
            and (wrong := _is_not(turn, f"You said: {turn.asked_for.strip()}", may_repeat=may_repeat))
        ):
            yield f"turn {turn.number}: {wrong}"


def _loses_words(step: Step) -> bool:
    return isinstance(step, Sends | ReadsSlowly | DialsTwice) or (isinstance(step, Drops) and step.what == "connection")


def _is_not(turn: AskedTurn, wanted: str, *, may_repeat: bool) -> str:
    said = " ".join(turn.said.split())
    if may_repeat and _is_among(wanted.split(), said.split()):
        return ""  # some of it was said again: nobody knows what has arrived
    if turn.superseded_at is not None:
        return "" if may_repeat or wanted.startswith(said) else f"said {said!r}, wanted the beginning of {wanted!r}"
    if turn.completed_at is None:
        return ""  # it was broken off at the end of the call, or is found by another check
    return "" if said == wanted else f"said {said!r}, wanted {wanted!r}"


def _is_among(wanted: list[str], said: list[str]) -> bool:
    """Whether all words were said, in order, whatever was said between them."""
    rest = iter(said)
    return all(word in rest for word in wanted)


def _replies(journal: Journal) -> Iterator[str]:
    """A reply is left once it has come to an end, the caller has gone on, or the call is over."""
    kept = BOOK.pop(journal.call_id, [])
    for reply, later in zip(kept, [*kept[1:], None], strict=False):
        if reply.left is None:
            yield f"reply {reply.number} ({reply.mood}) was never left"
        elif reply.mood != "is_stubborn" and later is not None and reply.left > later.begun + CLEANED_UP:
            yield f"reply {reply.number} ({reply.mood}) went on for {reply.left - later.begun:.1f} s while another was wanted"
