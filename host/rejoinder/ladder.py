"""When a turn is late, and what is due then. Pure: the time comes in, what to do goes out.

The rungs, in seconds since the turn was asked for (`Late`, per route):

- `filler`: nothing speakable yet, so a filler line keeps the caller company; not in two turns running, unless a tool runs.
- `fallback`: still nothing, so the next agent takes the turn, with a window of its own (from `fallback` to `apology`).
- `apology`: nothing from any agent, so the host apologises and does what the route says to do on failure.
- `stall`: a reply that spoke has given nothing for so long; the turn is closed and keeps what was said, or, if that is not one
  whole sentence (platforms speak by sentences), goes to the next agent. While the platform does not take what was said, or
  there is no socket, a reply cannot go on and has not stalled.
- `longest`: no turn goes on for longer, or beyond `LONGEST_TEXT` characters.

What counts is what can be spoken, not a byte. A begin message or reminder has no filler and no other agent: when a filler
would be due the host says its own line. While a tool of the live reply runs, its own bound replaces the rungs and the filler
may repeat.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

from msgspec.structs import replace

from rejoinder.dialogue import Action, EndCall, Outcome, Reason, TransferCall, Turn, TurnKind
from rejoinder.effects import Effect, Judged, StartReply, StartTimer, Warn
from rejoinder.late import Late
from rejoinder.lines import HostLines
from rejoinder.newest_turn import NewestTurn
from rejoinder.permission import NO_TELEPHONE, Permission
from rejoinder.speech import has_sentence, is_speakable, seam

#: Characters of one turn: about eight minutes of speech, more than anybody listens to.
LONGEST_TEXT = 8000
#: Seconds between two fillers while a tool runs.
FILLER_AGAIN = 8.0
#: Seconds to the next look at least: what is due in less than a clock can tell would be looked at for ever in the same moment.
SOONEST = 0.001

Step = Literal["filler", "next", "close"]


def due(turn: NewestTurn, late: Late, now: float, *, has_next: bool, may_fill: bool) -> tuple[Step | None, float]:
    """The step that is due in a live turn at `now`, and the seconds until the next look.

    `has_next` is whether another agent could take the turn, `may_fill` whether a filler may be said in it.
    """
    left = late.longest - (now - turn.asked)
    if left <= 0 or turn.length >= LONGEST_TEXT:
        return "close", 0.0
    if turn.tools:
        step, wait = _while_a_tool_runs(turn, late, now)
    elif turn.answer and is_speakable(turn.answer):
        idle = now - turn.spoke_at
        ending: Step = "close" if has_sentence(turn.answer) or not has_next else "next"
        step, wait = (ending, 0.0) if idle >= late.stall else (None, late.stall - idle)
    else:
        step, wait = _in_silence(turn, late, now, has_next=has_next, may_fill=may_fill)
    return step, min(wait, left)


def _in_silence(turn: NewestTurn, late: Late, now: float, *, has_next: bool, may_fill: bool) -> tuple[Step | None, float]:
    # How long the agent that has the turn may be silent, in seconds of its window.
    if turn.kind != "response":
        patience = late.filler
    elif turn.agent:
        patience = max(late.apology - late.fallback, 0.0)
    else:
        patience = late.fallback if has_next else late.apology
    waited = now - turn.window
    if waited >= patience:
        return "next", 0.0
    to_filler = turn.asked + late.filler - now
    if turn.kind != "response" or turn.fillers or not may_fill:
        return None, patience - waited
    if to_filler <= 0:
        return "filler", patience - waited
    return None, min(patience - waited, to_filler)


def _while_a_tool_runs(turn: NewestTurn, late: Late, now: float) -> tuple[Step | None, float]:
    since = max(turn.asked, turn.spoke_at, turn.filled_at)
    wait = FILLER_AGAIN if turn.fillers or is_speakable(turn.answer) else late.filler
    quiet = now - since
    return ("filler", FILLER_AGAIN) if quiet >= wait else (None, wait - quiet)


class Ladder:
    """The rungs of one call's turns: an agent, those that take its place, the host itself.

    `agents` names the route's agent and its substitutes, in order, and `may_answer` says by position whether one may be asked
    now; `on_failure` is done when none has answered; `waits` says whether words of a turn are still to be taken by the
    platform. `may_fill` is whether the newest turn may have a filler.
    """

    __slots__ = ("_agents", "_late", "_lines", "_may_answer", "_on_failure", "_permission", "_replies", "_waits", "may_fill")

    def __init__(
        self,
        lines: HostLines,
        permission: Permission,
        agents: Sequence[str],
        may_answer: Callable[[int], bool],
        late: Late,
        on_failure: Action | None,
        waits: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self._lines = lines
        self._permission = permission
        self._agents = agents
        self._may_answer = may_answer
        self._late = late
        self._on_failure = on_failure
        self._waits = waits
        self._replies = 0
        self.may_fill = True

    def ask(self, turn: NewestTurn, asked: Turn, now: float, *, first: int = 0) -> list[Effect]:
        """Have the turn answered by the first agent from position `first` that may, else by the host."""
        positions = range(first, len(self._agents) if turn.kind == "response" else 1)
        for agent in positions:
            if self._may_answer(agent):
                break
        else:
            return self._say_instead(turn, "failed")
        if agent > turn.agent and not asked.instead_of:
            asked = replace(asked, instead_of=self._agents[0], because="skipped")
        handed = turn.hand_over(agent, asked, now)
        if agent:  # nothing else would say so: the turn may yet end well
            handed.append(Warn(f"a turn went to agent {self._agents[agent]} instead of {asked.instead_of} ({asked.because})"))
        self._replies += 1
        turn.reply = self._replies
        return [*handed, StartReply(self._replies, asked, agent), self._look_again(turn, now)]

    def _look_again(self, turn: NewestTurn, now: float) -> StartTimer:
        return StartTimer(turn.number, "late", max(self._due(turn, now)[1], SOONEST))

    def _due(self, turn: NewestTurn, now: float) -> tuple[Step | None, float]:
        has_next = turn.kind == "response" and turn.agent + 1 < len(self._agents)
        return due(turn, self._late, now, has_next=has_next, may_fill=self.may_fill)

    def overdue(self, turn: NewestTurn, now: float) -> list[Effect]:
        if turn.is_held_up or self._due(turn, now)[0]:  # words that were put down just now are no sign that nobody takes them
            turn.excuse(now, is_held_up=self._waits(turn.number))
        step, _ = self._due(turn, now)
        match step:
            case "next":
                return self.next(turn, "late", now)
            case "close" if is_speakable(turn.answer):
                # Who waits for a platform that is gone is late through no fault of its own.
                is_excused = turn.is_held_up and turn.length < LONGEST_TEXT
                judged = [] if is_excused else [Judged(turn.agent, good=False)]
                return [*judged, *turn.drop_reply(), *turn.close("", "timed out")]
            case "close":
                return [Judged(turn.agent, good=False), *self._say_instead(turn, "late")]
            case "filler" if not turn.is_held_up and (line := self._lines.filler()):
                return [*turn.fill(seam(turn.text, line) + " ", now), self._look_again(turn, now)]
            case _:
                return [self._look_again(turn, now)]

    def next(self, turn: NewestTurn, why: Reason, now: float) -> list[Effect]:
        """The agent that has the turn did not answer it: `why`."""
        asked = replace(turn.request, spoken=turn.text, instead_of=self._agents[turn.agent], because=why)
        judged = Judged(turn.agent, good=False)
        if turn.kind != "response" or turn.agent + 1 >= len(self._agents):
            return [judged, *self._say_instead(turn, why)]
        return [judged, *self.ask(turn, asked, now, first=turn.agent + 1)]

    def _say_instead(self, turn: NewestTurn, why: Reason) -> list[Effect]:
        """Nobody has answered: the host's own line, and what the route wants done then."""
        wanted = self._on_failure if turn.kind == "response" else None
        if wanted is not None and self._permission.is_possible(wanted):
            turn.action = wanted
        in_vain = wanted is not None and self._permission.is_in_vain(wanted)
        lines, is_last = self._lines, isinstance(turn.action, EndCall | TransferCall)
        by_kind: dict[TurnKind, Callable[[], str]] = {
            "begin": lines.hello,
            "reminder": lines.nudge,
            "response": lines.transfer if in_vain else partial(lines.apology, is_last=is_last),
        }
        outcome: Outcome = "timed out" if why == "late" else "failed"
        warned = [Warn(NO_TELEPHONE)] if in_vain else []
        return [*warned, *turn.drop_reply(), *turn.close(seam(turn.text, by_kind[turn.kind]()), outcome)]
