"""Calls that nobody would think of: what callers do and what goes wrong, in any order and all at once, by a seed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.scenarios.expectation import CallExpected
from rejoinder.simulator.scenarios.scenario import CallSetup, Scenario
from rejoinder.simulator.scenarios.steps import (
    DialsTwice,
    Drops,
    Duplicates,
    Fault,
    HangsUp,
    Hears,
    Mumbles,
    Pause,
    Point,
    Presses,
    ReadsSlowly,
    Reorders,
    Says,
    Sends,
    Silent,
    Step,
    Unit,
)
from rejoinder.simulator.scenarios.telling import told

ROUTES = ("/dummy", "/echo", "/parrot", "/rules", "/llm", "/gentle", "/moody", "/rescued", "/ending", "/transferring")
TEXTS = (
    "When are you open?", "Yes.", "I would like a table for two, please", "Reception.", "Press one.", "Goodbye.", "Bye",
    "My name is Ann and I live in a house by the river. It is red. Can you find it?", "営業時間は何時ですか。", "slowly",
    "Dr. Smith told me at 9.30 a.m. to call you", "...", "42", "open", "What?",
)  # fmt: skip
#: The model does not answer these, or not to the end.
UNANSWERED = ("stall", "half", "refuse")
FURTHER = ("for two", "and, well,", "no, wait.", "at nine.", "営業")
FRAMES = (
    b"Hello", b"{}", b"[]", b"null", b'{"interaction_type":"weather_changed"}', b"\xff\xfe",
    b'{"interaction_type":"update_only"}', b'{"interaction_type":"update_only","transcript":null}',
    b'{"interaction_type":"response_required","transcript":[]}', b'{"interaction_type":"ping_pong","timestamp":1}',
    b'{"interaction_type":"response_required","response_id":"1","transcript":[]}',
    b'{"interaction_type":"call_details","call":{}}', b'{"interaction_type":"update_only","transcript":[{"role":"system"}]}',
)  # fmt: skip
#: What may be assumed of a platform, field by field of a Profile. The first is its default.
PROFILES: dict[str, tuple[Any, ...]] = {
    "reminder_after": (10.0, 3.0, 1.0), "reminders": (1, 0, 3), "sensitivity": (1.0, 0.0, 0.5), "responsiveness": (1.0, 0.0),
    "end_after_silence": (600.0, 20.0), "max_duration": (3600.0, 30.0), "caller_rate": (180.0, 90.0, 300.0),
    "agent_rate": (180.0, 90.0, 300.0), "update_every": (0.3, 0.1, 2.0), "details_after": (0.0, 0.5, 3.0, None),
    "redial_pause": (0.5, 0.0, 3.0, 20.0), "keeps_config": (False, True), "details_again": (True, False),
    "begins_again": (False, True), "ids_go_on": (True, False), "after_redial": ("repeats", "asks anew", "waits"),
    "agent_words": (True, False), "digits_ask": (False, True), "overlap": (1.0, 0.0, 5.0), "voice_delay": (0.2, 0.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RandomCall:
    """One of them, and the platform's own figures in it."""

    seed: int
    route: str
    scenario: Scenario
    profile: Profile

    @property
    def told(self) -> str:
        changed = {name: value for name in PROFILES if (value := getattr(self.profile, name)) != getattr(Profile(), name)}
        steps = "\n    ".join(map(_told, self.scenario.steps))
        return f"seed {self.seed} on {self.route}, {self.scenario.call.kind}, {changed}\n    {steps}"

    def less(self) -> Iterator["RandomCall"]:
        """The same with one thing less: a step, what is not as usual about one, a figure that is not the platform's own."""
        steps = self.scenario.steps
        for place, step in enumerate(steps):
            yield self._with((*steps[:place], *steps[place + 1 :]))
            if isinstance(step, Says) and step.pauses:
                yield self._with((*steps[:place], replace(step, pauses=()), *steps[place + 1 :]))
        for name in PROFILES:
            own = getattr(Profile(), name)
            if getattr(self.profile, name) != own:
                yield replace(self, profile=replace(self.profile, **{name: own}))

    def _with(self, steps: tuple[Step, ...]) -> "RandomCall":
        return replace(self, scenario=replace(self.scenario, steps=steps))


def _told(step: Step) -> str:
    point = getattr(step, "interrupts", None) or getattr(step, "at", None)
    return told(step) + (f" at {point.unit} {point.count:g}" if point else "")


def random_call(seed: int, routes: tuple[str, ...], *, calm: bool = False) -> RandomCall:
    """The call of a seed. `calm`: nothing goes wrong with its connection."""
    random = Random(seed)
    route = random.choice(routes)
    unanswered = UNANSWERED if route == "/llm" and random.random() < 0.3 else ()
    steps = [_step(random, calm=calm, unanswered=unanswered) for _ in range(random.choice((1, 2, 3, 4, 6, 9, 14)))]
    expected = CallExpected(turns_answered=not unanswered)
    call = CallSetup(kind=random.choice(("web", "phone")), from_number="+15550001111", to_number="+15550002222")
    given = {name: random.choice(values) for name, values in PROFILES.items() if random.random() < 0.25}
    scenario = Scenario(f"seed {seed}", tuple(steps), call=call, expected=expected)
    return RandomCall(seed, route, scenario, Profile(**given))


def _point(random: Random) -> Point:
    unit: Unit = random.choice(("seconds", "words", "chunks"))
    return Point("seconds", random.choice((0.0, 0.1, 0.7, 2.0))) if unit == "seconds" else Point(unit, random.randint(1, 4))


def _step(random: Random, *, calm: bool, unanswered: tuple[str, ...]) -> Step:
    if not calm and random.random() < 0.4:
        return _fault(random, _point(random) if random.random() < 0.6 else None)
    cuts_in = _point(random) if random.random() < 0.35 else None
    match random.choices(("says", "silent", "mumbles", "presses", "hears", "hangs up"), (50, 16, 5, 6, 8, 2))[0]:
        case "says":
            count = random.randint(1, 3) if random.random() < 0.3 else 0
            pauses = [Pause(random.choice((0.1, 0.4, 0.6, 0.9, 2.5)), random.choice(FURTHER)) for _ in range(count)]
            return Says(interrupts=cuts_in, text=random.choice((*TEXTS, *unanswered)), pauses=tuple(pauses))
        case "silent":
            return Silent(interrupts=cuts_in, seconds=random.choice((0.05, 0.3, 1.0, 3.0, 6.0, 12.0, 30.0)))
        case "mumbles":
            return Mumbles(interrupts=cuts_in)
        case "presses":
            return Presses(interrupts=cuts_in, digits=random.choice(("5", "12#", "*")))
        case "hears":
            return Hears()
        case _:
            return HangsUp(interrupts=cuts_in)


def _fault(random: Random, at: Point | None) -> Fault:
    match random.choices(("drops", "keepalive", "duplicates", "reorders", "slow", "odd", "twice"), (5, 3, 4, 4, 2, 4, 3))[0]:
        case "drops":
            return Drops(at=at, what="connection")
        case "keepalive":
            return Drops(at=at, what="keepalive")
        case "duplicates":
            return Duplicates(at=at, frames=random.choice((1, 3, 20)))
        case "reorders":
            return Reorders(at=at, frames=random.choice((2, 4, 20)))
        case "slow":
            return ReadsSlowly(at=at, seconds=random.choice((0.5, 2.0, 4.0, 8.0)))
        case "odd":
            return Sends(at=at, frame=random.choice(FRAMES), is_binary=random.random() < 0.2)
        case _:
            return DialsTwice(at=at)
