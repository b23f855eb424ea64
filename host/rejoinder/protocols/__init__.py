"""Codecs: one file for each platform, bytes to events and commands to bytes. No asyncio, no socket, no plugin.

A codec lives as long as its call, not as long as a socket: it maps the platform's ids to our turns.
"""

from typing import Protocol

import msgspec

from rejoinder.dialogue import Action
from rejoinder.events import Command, Event


class Codec(Protocol):
    """The wire rules of one platform, for one call."""

    #: The platform's name, as used in YAML and logs.
    platform: str
    #: Seconds a call waits for its platform to dial again after a socket was lost; and after a peer's tidy goodbye.
    grace: float
    grace_after_goodbye: float
    #: Whether the platform asks for first words (a begin message) when a call opens.
    begins: bool
    #: Seconds after which a peer that has sent no frame is no longer there; None: it may say nothing for ever.
    longest_silence: float | None

    #: How frames begin that say nothing but that the transcript grew. One that begins otherwise may be such a frame too.
    updates: tuple[bytes, ...]

    @property
    def actions(self) -> frozenset[type[Action]]:
        """What this platform can do; the engine refuses anything else."""
        ...

    def opened(self) -> list[bytes]:
        """The frames that open each new socket of the call, in order, before anything else."""
        ...

    def decode(self, frame: bytes | str) -> list[Event]:
        """What a frame says. Raises PeerError for one that cannot be read; the call goes on."""
        ...

    def encode(self, command: Command) -> list[bytes]:
        """The frames that say `command`, [] if this platform has no word for it."""
        ...

    def closed(self) -> list[Event]:
        """What it means for the talk that a socket of the call was lost."""
        ...


def debug_frame(frame: bytes | str) -> bytes:
    """The answer to a person who tries a route by hand with a text that no platform sends.

    Not a frame of any platform's, so it goes out only when debugging, and never to a peer that was understood once.
    """
    text = frame if isinstance(frame, str) else frame[:200].decode("utf-8", "replace")
    return msgspec.json.encode({"rejoinder": "debug", "received": text[:200]})
