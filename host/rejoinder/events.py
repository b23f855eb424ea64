"""Between codec and engine, in nobody's dialect: what a platform can tell us, and what we can tell a platform.

Events are past tense, commands imperative. Turn numbers are ours: the codec maps the platform's ids to them, and 0 is
always the begin message.
"""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

from rejoinder.dialogue import Action, Metadata, ToolCalled, ToolReturned, Transcript, Tuning, TurnKind, WordSource


class Details(Struct, frozen=True):
    """What the platform says of a call. Empty texts where it does not say.

    `number` is the other person's and `our_number` ours, whatever the direction. `raw` is everything as it came,
    without secrets.
    """

    kind: Literal["phone", "web", ""] = ""
    direction: Literal["inbound", "outbound", ""] = ""
    number: str = ""
    our_number: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict)


class PingReceived(Struct, frozen=True, gc=False):
    """The peer asks whether we live; `token` is to be given back as it came."""

    token: int | float | str


class DetailsGiven(Struct, frozen=True):
    details: Details


class TranscriptUpdated(Struct, frozen=True, gc=False):
    """Somebody's words grew. `speaker` is whose turn begins now, None if that did not change."""

    transcript: Transcript
    speaker: Literal["user", "agent"] | None = None


class TurnRequested(Struct, frozen=True):
    """We must speak. The same `turn` may come again: the platform asks twice for one answer."""

    turn: int
    kind: TurnKind
    transcript: Transcript
    word_source: WordSource | None = None


class DigitsPressed(Struct, frozen=True):
    digits: str


class CallerInterrupted(Struct, frozen=True):
    """The platform says that the caller wants to hear no more of the live turn."""


class UnknownReceived(Struct, frozen=True):
    """A frame of a kind this codec does not know. Platforms add kinds: logged once a kind and call, then ignored."""

    name: str


Event = PingReceived | DetailsGiven | TranscriptUpdated | TurnRequested | DigitsPressed | CallerInterrupted | UnknownReceived


class Pong(Struct, frozen=True, gc=False):
    token: int | float | str


class Speak(Struct, frozen=True, gc=False):
    """A chunk of a turn, to be put right behind the chunks before it."""

    turn: int
    text: str
    uninterruptible: bool = False


class Finish(Struct, frozen=True, gc=False):
    """The end of a turn: the last chunk (may be empty), and at most one action to do when all has been heard.

    A TransferCall here carries a telephone number, never a name of the YAML.
    """

    turn: int
    text: str = ""
    action: Action | None = None
    uninterruptible: bool = False


class SpeakOut(Struct, frozen=True):
    """Speak out of turn, over whatever is being said; `number` counts these in a call. `cuts` is the turn that was live and
    ends with this, None if none was."""

    number: int
    text: str
    uninterruptible: bool = True
    action: Action | None = None
    cuts: int | None = None


class Annotate(Struct, frozen=True):
    """Tell the platform of a tool or hand something to its page; never spoken."""

    note: ToolCalled | ToolReturned | Metadata


class Tune(Struct, frozen=True):
    tuning: Tuning


Command = Pong | Speak | Finish | SpeakOut | Annotate | Tune
