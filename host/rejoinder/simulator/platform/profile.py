"""What the platform does on its own: how patient it is, how fast it speaks, how it was set up. Durations in seconds.

Source: docs.retellai.com, "Set up your server", "LLM WebSocket" (API reference), "Best practices" and "Troubleshooting"; the
agent's settings from the source of retell-sdk 5.60; all read 2026-11. What no page says is assumed here and nowhere else, so
that one field is changed when somebody sees it on a real call.
"""

from dataclasses import dataclass
from typing import Literal

#: What is asked after a redial for a turn that was still open: the same request again, a new one, or nothing.
AfterRedial = Literal["repeats", "asks anew", "waits"]

#: The range of two settings of an agent (API reference, `update_agent`).
LOWEST, HIGHEST = 0.0, 1.0


@dataclass(frozen=True, slots=True)
class Profile:
    """One agent's settings on the platform, and the platform's own figures."""

    # The connection ("Set up your server"; "Troubleshooting").
    connect_tries: int = 3
    connect_timeout: float = 7.0
    connect_pause: float = 3.0
    ping_every: float = 2.0
    keepalive_lost: float = 5.0
    keepalive_redials: int = 2
    abnormal_redials: int = 4

    # An agent's settings and their defaults (retell-sdk). `end_after_silence` counts from when anybody spoke last.
    reminder_after: float = 10.0
    reminders: int = 1
    responsiveness: float = 1.0
    sensitivity: float = 1.0
    end_after_silence: float = 600.0
    begin_delay: float = 0.0
    max_duration: float = 3600.0

    # How people and voices speak: words a minute, of either side. Assumed.
    caller_rate: float = 180.0
    agent_rate: float = 180.0
    # Between a sentence that is complete and its first sound. Assumed.
    voice_delay: float = 0.2
    # Two to five updates a second while somebody speaks. Assumed: the rate is documented nowhere.
    update_every: float = 0.3
    # Silence after which a caller is taken to have finished, at the highest and the lowest responsiveness. Assumed.
    endpointing: float = 0.5
    endpointing_slowest: float = 1.5
    # A caller's speech that silences the agent, at the highest and the lowest sensitivity above 0. Assumed.
    barge_in: float = 0.2
    barge_in_slowest: float = 1.2

    # The rest is documented nowhere either.
    # The call's details come so long after they were asked for; None: never.
    details_after: float | None = 0.0
    # Before each redial, and tries of each: a redial that reaches nobody ends the call ("Troubleshooting").
    redial_pause: float = 0.5
    redial_tries: int = 1
    # Whether a new connection remembers what was configured on the former one, and whether details are sent once more.
    keeps_config: bool = False
    details_again: bool = True
    # Whether the begin message is asked for, and heard, once more, and whether ids go on.
    begins_again: bool = False
    ids_go_on: bool = True
    after_redial: AfterRedial = "repeats"
    # Whether a close with another code than 1000, 1005, 1006 and 1007 is dialled again.
    redials_unexpected: bool = False
    # Whether word timings are filled for the agent's words too.
    agent_words: bool = True
    # Whether a caller's key presses make the platform ask for an answer, as words do.
    digits_ask: bool = False
    # An old connection stays open so long beside the one that takes its place, where both overlap.
    overlap: float = 1.0
    # A chunk of an answer that a newer request has replaced may be on its way so long, before it counts as a fault.
    overtaken_within: float = 1.0

    def endpoint(self, responsiveness: float) -> float:
        """Silence after which a caller is taken to have finished."""
        return _between(self.endpointing_slowest, self.endpointing, responsiveness)

    def interruption(self, sensitivity: float) -> float:
        """A caller's speech that silences the agent; never asked for a sensitivity of 0."""
        return _between(self.barge_in_slowest, self.barge_in, sensitivity)


def _between(slowest: float, fastest: float, value: float) -> float:
    return slowest + (fastest - slowest) * min(max(value, LOWEST), HIGHEST)


@dataclass(slots=True)
class Settings:
    """What a server may change while the call lasts (`update_agent`)."""

    responsiveness: float
    sensitivity: float
    reminder_after: float
    reminders: int

    @classmethod
    def of(cls, profile: Profile) -> "Settings":
        return cls(profile.responsiveness, profile.sensitivity, profile.reminder_after, profile.reminders)
