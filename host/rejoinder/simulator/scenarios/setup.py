"""How a scenario sets up its call: what the platform tells of it, and with which figures it plays."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.scenarios.scenario import CallSetup, PlatformSetup

#: Later than any server should wait for the details of a call before it greets without them.
LATE_DETAILS = 3.0
#: What a platform of chat completions says first, unless the scenario says it.
FIRST_MESSAGE = "Hello, how may I help you?"
#: How far what people and networks do varies between two plays of different seeds, as a share of itself.
VARIATION = 0.15


def details_of(call: CallSetup) -> Mapping[str, Any]:
    """A call as the platform tells of it. What is not known is left out, as it is there."""
    known: dict[str, Any] = {"call_type": f"{call.kind}_call", "call_status": "registered"}
    if call.kind == "phone":
        numbers = {"from_number": call.from_number, "to_number": call.to_number, "direction": call.direction}
        known |= {name: value for name, value in numbers.items() if value}
    if call.variables:
        known["retell_llm_dynamic_variables"] = dict(call.variables)
    if call.metadata:
        known["metadata"] = dict(call.metadata)
    if call.opt_out:
        known["opt_out_sensitive_data_storage"] = True
    return known


def vapi_details_of(call: CallSetup, call_id: str) -> Mapping[str, Any]:
    """The same as Vapi tells of it with each request (docs.vapi.ai, "Custom LLM", read 2026-11)."""
    told: dict[str, Any] = {"id": call_id, "type": f"{call.direction}PhoneCall" if call.kind == "phone" else "webCall"}
    if call.variables:
        told["assistantOverrides"] = {"variableValues": dict(call.variables)}
    known: dict[str, Any] = {"call": told}
    if call.kind == "phone":
        customer, ours = call.from_number, call.to_number
        if call.direction == "outbound":
            customer, ours = ours, customer
        numbers = {"customer": customer, "phoneNumber": ours}
        known |= {name: {"number": number} for name, number in numbers.items() if number}
    return known | ({"metadata": dict(call.metadata)} if call.metadata else {})


def profile_of(setup: PlatformSetup, seed: int) -> Profile:
    """The platform's figures: as the scenario says, else its own. What nobody says varies with the seed; with 0 it is as the
    platform has it."""
    given = {
        "reminder_after": setup.reminder,
        "reminders": setup.reminders,
        "sensitivity": setup.sensitivity,
        "responsiveness": setup.responsiveness,
        "end_after_silence": setup.end_after_silence,
        "max_duration": setup.max_call,
        "caller_rate": setup.rate,
        "agent_rate": setup.agent_rate,
    }
    own = Profile()
    said: dict[str, float | None] = {name: value for name, value in given.items() if value is not None}
    varied: dict[str, float | None] = {}
    if seed:
        random = Random(seed)  # noqa: S311
        for name in ("caller_rate", "agent_rate", "voice_delay", "update_every", "redial_pause"):
            varied[name] = getattr(own, name) * random.uniform(1 - VARIATION, 1 + VARIATION)
    details = {"at_once": 0.0, "late": LATE_DETAILS, "never": None}
    if setup.details is not None:
        said["details_after"] = details[setup.details]
    changes: dict[str, Any] = varied | said
    return replace(own, **changes)
