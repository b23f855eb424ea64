"""Scenarios on a platform of chat completions: which can be played there, and what of them counts.

Source: OpenAI's "Create chat completion" reference, as Vapi and ElevenLabs use it; read 2026-11. Such a platform speaks its own
first message and posts a request for each turn: there is nothing to dial again, and no reminder.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile

from rejoinder.simulator.scenarios.expectation import NOTHING, Expected
from rejoinder.simulator.scenarios.scenario import Scenario
from rejoinder.simulator.scenarios.steps import (
    Act,
    DialsTwice,
    Drops,
    Duplicates,
    Mumbles,
    Presses,
    Reorders,
    Says,
    Sends,
    Silent,
    Step,
)

#: Steps of which a platform of chat completions knows nothing, and why.
_UNKNOWN: tuple[tuple[type[Step], str], ...] = (
    (Drops, "dials nobody again, and has no keepalive"),
    (DialsTwice, "dials nobody"),
    (Duplicates, "sends single requests, none of them twice"),
    (Reorders, "sends single requests, one after the other"),
    (Sends, "has no frames"),
    (Presses, "tells nobody of keys"),
)
_REMINDS = "reminds nobody"


def why_not(scenario: Scenario) -> str:
    """Why a scenario cannot be played there, "" if it can."""
    why = next(_reasons(scenario), "")
    return f"chat completions: the platform {why}" if why else ""


def over_chat(scenario: Scenario) -> Scenario:
    """The scenario as it counts there: nothing is expected of the first words, which are the platform's own."""
    opening = len([*takewhile(lambda step: not isinstance(step, Act), scenario.steps)])
    steps = [replace(step, expected=NOTHING) for step in scenario.steps[:opening]]
    return replace(scenario, steps=(*steps, *scenario.steps[opening:]))


def _reasons(scenario: Scenario) -> Iterator[str]:
    if scenario.past:
        yield "has no such calls: what was recorded is played as a call of Retell's"
    if not any(isinstance(step, Says | Mumbles) for step in scenario.steps):
        yield "asks nothing before the caller has spoken"
    for step in scenario.steps:
        yield from (why for kind, why in _UNKNOWN if isinstance(step, kind))
        if isinstance(step, Silent) and _is_spoken(step.expected):
            yield _REMINDS
    if scenario.platform.reminder is not None or scenario.platform.reminders:
        yield _REMINDS
    if scenario.platform.details not in (None, "at_once"):
        yield "tells of the call with each request, never later"
    if scenario.call.opt_out:
        yield "tells nobody what must not be stored"
    if scenario.expected.tools:
        yield "is not told of the server's own tools"
    if scenario.expected.ends and scenario.expected.ends.by.startswith("error_llm_websocket"):
        yield "has no connection to lose"


def _is_spoken(expected: Expected) -> bool:
    """Whether something must be heard."""
    heard = [one for one in expected.texts if one.rule != "absent" and not (one.rule == "is" and not one.text)]
    return bool(heard or expected.first_sentence or (expected.action and expected.action.action))
