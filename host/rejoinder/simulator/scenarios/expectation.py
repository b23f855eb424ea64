"""What a scenario expects, as values: of what the agent says in one place, and of the call as a whole.

Each knows where it was written, so that a failure can be looked up; one that was made by a program has no place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rejoinder.config.tree import Mark

#: The place of what no file holds.
NOWHERE = Mark("")

TextRule = Literal["is", "contains", "matches", "absent"]
#: Who may be expected to end a call.
ENDERS = ("agent", "caller", "platform")


@dataclass(frozen=True, slots=True)
class TextExpectation:
    """A rule for what was heard. `is`, `contains` and `absent` take no notice of case and of how words are spaced; `matches`
    is a pattern of RE2 that is looked for anywhere in the text."""

    rule: TextRule
    text: str
    place: Mark = NOWHERE


@dataclass(frozen=True, slots=True)
class ActionExpectation:
    """What the platform is told to do: "hang_up", "transfer", "digits", or "" for nothing. `target` is the number or the
    keys, "" for any."""

    action: Literal["", "hang_up", "transfer", "digits"]
    target: str = ""
    place: Mark = NOWHERE


@dataclass(frozen=True, slots=True)
class TimeExpectation:
    """At most so many seconds."""

    seconds: float
    place: Mark = NOWHERE


@dataclass(frozen=True, slots=True)
class ToolExpectation:
    """A tool that must be called (`arguments` among what it is given, `once` not twice with the same), or must not."""

    name: str
    is_called: bool = True
    arguments: Mapping[str, Any] = field(default_factory=dict)
    once: bool = False
    place: Mark = NOWHERE


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of the agent in one place of a call: after something the caller did, or in the whole of it.

    `first_sentence` is from the request to the first complete sentence, of each turn that was not given up.
    """

    texts: tuple[TextExpectation, ...] = ()
    action: ActionExpectation | None = None
    first_sentence: TimeExpectation | None = None


#: What says nothing expects nothing.
NOTHING = Expected()


@dataclass(frozen=True, slots=True)
class EndExpectation:
    """How the call ends: who ended it, or the platform's own word for it (`user_hangup`)."""

    by: str
    place: Mark = NOWHERE


@dataclass(frozen=True, slots=True)
class CallExpected:
    """What is expected of a call as a whole. `silence` is the longest that a turn may wait without the agent's voice; the
    checks at the end are always made unless they are switched off."""

    heard: Expected = NOTHING
    ends: EndExpectation | None = None
    tools: tuple[ToolExpectation, ...] = ()
    silence: TimeExpectation | None = None
    turns_closed: bool = True
    turns_answered: bool = True
    turns_sensible: bool = True
    protocol_clean: bool = True
    speech_clean: bool = True


#: Of a scenario that says nothing.
STANDING = CallExpected()
