"""What came of playing a scenario: what was played, what was found wrong, and the verdict.

A verdict keeps the whole journal, so that whoever tells of it (a table, a page) can tell all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rejoinder.config.tree import Mark
from rejoinder.dialogue import Outcome as TurnOutcome
from rejoinder.dialogue import TurnKind
from rejoinder.simulator.journal import AskedTurn, Journal
from rejoinder.simulator.replay.past import Comparison
from rejoinder.simulator.scenarios.expectation import NOWHERE
from rejoinder.simulator.scenarios.scenario import Scenario
from rejoinder.simulator.scenarios.steps import Step

#: passed: all was as expected; failed: something was not; broken: there was nobody to play it with.
Outcome = Literal["passed", "failed", "broken"]

#: Those of servers that are asked for chat completions.
ChatFault = Literal["lost_answer", "refused_request", "no_chunk", "no_done", "no_finish_reason", "bad_tool_call"]

#: Faults of servers that are found whatever a scenario expects, by the names under which the manual tells what to do.
FaultName = Literal[
    "",
    # turns_closed
    "never_greeted", "never_answered", "never_completed", "empty_transcript",
    # turns_sensible
    "reminder_answers", "silent_hang_up", "starts_over",
    # protocol_clean: frames
    "unasked_answer", "stale_answer", "words_after_the_end", "greeted_twice", "wrong_type", "not_json", "unknown_type",
    "no_type", "late_config", "polluted_config", "two_actions", "transfer_on_web", "tool_id_twice",
    "half_character", "endless_answer",
    # protocol_clean: connections
    "pings_unanswered", "late_pongs", "deaf_while_answering", "stands_still", "no_keepalive", "lost_connection",
    "closed_socket", "hung_up_by_closing", "odd_frame_ends_it", "frame_too_big", "binary_frame",
    # protocol_clean: chat completions
    ChatFault,
    # speech_clean
    "markup", "glued_words",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `check` is the key of the expectation that found it, `at` the second of the call and `turn` the
    place in `Journal.turns` where it shows (None: nowhere in particular), `place` where the expectation was written. `fault` is
    the name of what is a known fault of servers."""

    check: str
    what: str
    at: float | None = None
    turn: int | None = None
    place: Mark = NOWHERE
    fault: FaultName = ""

    @property
    def title(self) -> str:
        """The check, and the name of the fault if it has one."""
        return f"{self.check} ({self.fault})" if self.fault else self.check


@dataclass(frozen=True, slots=True)
class Play:
    """A scenario as it is played once: on which route ("" where a URL was given), which time (from 1), with which seed."""

    scenario: Scenario
    route: str = ""
    number: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent did about one step: `turns` are the places in `Journal.turns` of all that was asked from then on until the
    caller acted again. `at` is when the step began."""

    step: Step
    at: float
    turns: range

    def of(self, journal: Journal) -> list[AskedTurn]:
        return [journal.turns[place] for place in self.turns if place < len(journal.turns)]


@dataclass(frozen=True, slots=True)
class HostTurn:
    """What the host says became of a turn, where the host is ours: no platform can tell its apology from an answer."""

    number: int
    kind: TurnKind
    outcome: TurnOutcome


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario that was played: `missed` is what the player waited for in vain, `left` are the steps for which the call ended
    too early, `fault` what stopped the player ("" if nothing did), `host_turns` what the host tells, if it can be asked."""

    play: Play
    journal: Journal
    answers: tuple[Answer, ...] = ()
    missed: tuple[Finding, ...] = ()
    left: tuple[Step, ...] = ()
    fault: str = ""
    host_turns: tuple[HostTurn, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of one play. `took` is real seconds, `lasted` seconds of the call; `comparison` is that of a recorded
    call with this one."""

    play: Play
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    journal: Journal = field(default_factory=lambda: Journal(""))
    took: float = 0.0
    comparison: Comparison | None = None

    @property
    def word(self) -> str:
        """The outcome; of a recorded call that could be played again whether it is the same."""
        return self.comparison.word if self.comparison and self.outcome == "passed" else self.outcome

    @property
    def lasted(self) -> float:
        entries = self.journal.entries
        return entries[-1].at if entries else 0.0


def failed(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Those that did not pass."""
    return [verdict for verdict in verdicts if verdict.outcome != "passed"]
