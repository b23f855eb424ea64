"""A scenario: a call to be played, step by step, and what is expected of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rejoinder.config.tree import Mark
from rejoinder.simulator.replay.past import Past
from rejoinder.simulator.scenarios.expectation import NOWHERE, STANDING, CallExpected
from rejoinder.simulator.scenarios.steps import Step

#: Seconds of call time that a scenario may take unless it says otherwise.
LIMIT = 600.0

CallKind = Literal["web", "phone"]
Direction = Literal["inbound", "outbound"]
#: When the platform tells the details of the call: as soon as it is asked, later than anybody waits, or never.
DetailsTime = Literal["at_once", "late", "never"]


@dataclass(frozen=True, slots=True)
class CallSetup:
    """Who calls whom, as the platform tells it. Numbers count for a call by phone alone."""

    kind: CallKind = "web"
    from_number: str = ""
    to_number: str = ""
    direction: Direction = "inbound"
    variables: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    opt_out: bool = False


@dataclass(frozen=True, slots=True)
class PlatformSetup:
    """The platform's settings; None leaves its own default. Times are in seconds, rates in words a minute.

    `sensitivity` is how easily the agent is interrupted, from 0 (never) to 1; `first_message` is what a platform of chat
    completions says first.
    """

    reminder: float | None = None
    reminders: int | None = None
    sensitivity: float | None = None
    responsiveness: float | None = None
    end_after_silence: float | None = None
    max_call: float | None = None
    details: DetailsTime | None = None
    rate: float | None = None
    agent_rate: float | None = None
    first_message: str | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One call to be played. `applies` names the systems that it is meant for, none for all; `route` is where it is dialled
    if nobody says otherwise; `limit` is in seconds of call time; `past` is what was recorded, where it is made of that."""

    name: str
    steps: tuple[Step, ...] = ()
    about: str = ""
    applies: frozenset[str] = frozenset()
    route: str = ""
    call: CallSetup = CallSetup()
    platform: PlatformSetup = PlatformSetup()
    expected: CallExpected = STANDING
    limit: float = LIMIT
    place: Mark = NOWHERE
    past: Past | None = None
