"""A call's transcript, parsed once: each frame repeats the whole conversation, and only its end is new.

What is finished is remembered as the bytes it came in and as the utterances they gave. A new frame whose transcript begins
with the same bytes is cut: the frame is decoded with only the rest of its array, under a key of our own. The same bytes in
the same place of the same array mean the same utterances, so this is exactly as true as parsing the whole; a frame that is
not laid out in the usual way (see `_HEAD`) is not cut, and the codec parses it whole.
"""

import re

from msgspec import Raw, Struct, field
from msgspec.json import Decoder

from rejoinder.dialogue import Utterance

#: The key under which the rest of an array is decoded. DELETE is legal in a JSON string and occurs in no platform's keys;
#: a frame that holds it, plain or escaped, is parsed whole.
REST = "\x7f"
_REST_ESCAPED = b"\\u007"  # of \u007f and \u007F

#: A frame up to its transcript: an object whose keys before it have no escapes and scalar values, so that neither a
#: look-alike in a text nor one in an object further in can match. Possessive throughout: no backtracking.
_HEAD = re.compile(
    rb'[ \t\n\r]*+\{[ \t\n\r]*+(?:"[^"\\]*+"[ \t\n\r]*+:[ \t\n\r]*+(?:"[^"\\]*+"|[-+.0-9eE]++|true|false|null)'
    rb'[ \t\n\r]*+,[ \t\n\r]*+)*+("transcript"[ \t\n\r]*+:[ \t\n\r]*+\[)[ \t\n\r]*+'
)
_SEPARATOR = re.compile(rb"[ \t\n\r]*+,[ \t\n\r]*+")

#: The last utterances grow in place, and two people may speak at once.
_STILL_GROWING = 2

#: Items that platforms put among utterances and nobody said (call object of retell-sdk 5.60, read 2026-11-22).
NOT_SAID = frozenset({"tool_call_invocation", "tool_call_result", "dtmf", "sms", "injected", "node_transition"})


class Item(Struct, gc=False):
    """One item of a transcript, without word timings: skipping them is 17 times cheaper than decoding them."""

    role: str | None = None
    content: str | None = None

    @property
    def said(self) -> bool:
        """Whether somebody said this."""
        return self.role not in NOT_SAID


class _RawRest(Struct):
    """A cut frame's items as bytes, to see where each ends."""

    items: list[Raw] = field(name=REST, default_factory=list)


_RAW_REST = Decoder(_RawRest)


def utterances(items: list[Item]) -> tuple[Utterance, ...]:
    """What was said in `items`: any role, text "" where there is none."""
    return tuple([Utterance(item.role or "", item.content or "") for item in items if item.role not in NOT_SAID])


class Cut(Struct, frozen=True, gc=False):
    """A frame without the items that are known: `frame` is to be decoded with the array under `REST` instead of
    `transcript`; `first` is where the array's items begin in the whole frame, `rest` where those under `REST` do."""

    frame: bytes
    first: int
    rest: int


class TranscriptCache:
    """What one call has already seen of its transcript. Holds bytes up to about the size of the last frame."""

    __slots__ = ("_finished", "_prefix", "is_used")

    def __init__(self) -> None:
        #: whether anything is remembered
        self.is_used = False
        self._prefix = b""
        self._finished: tuple[Utterance, ...] = ()

    def cut(self, frame: bytes) -> Cut | None:
        """`frame` without what is known; None if it is not laid out in the usual way."""
        head = _HEAD.match(frame)
        if head is None:
            return None
        key = head.start(1)
        first = rest = head.end()
        if frame.startswith(self._prefix, first):
            rest += len(self._prefix)
        short = frame[:key] + b'"\x7f":[' + frame[rest:]
        # Looked for one byte at a time, which costs a third of counting, or of looking for the escape at once.
        if short.find(b"\x7f") != key + 1 or short.find(b"\x7f", key + 2) != -1:
            return None
        if short.find(b"\\") != -1 and _REST_ESCAPED in short:
            return None
        return Cut(short, first, rest)

    def join(self, frame: bytes, cut: Cut, items: list[Item]) -> tuple[Utterance, ...] | None:
        """All utterances of `frame`, given the `items` decoded from its cut; what has finished by now is remembered.

        None if the frame is not what it seemed: the known part ends with a comma, so something has to follow it.
        """
        abridged = cut.rest > cut.first
        if abridged and not items:
            return None
        known = self._finished if abridged else ()
        finishing = len(items) - _STILL_GROWING
        if finishing > 0:
            known += utterances(items[:finishing])
            items = items[finishing:]
            # One frame in several comes here: to ask of each where its items end would cost more.
            finished = _RAW_REST.decode(cut.frame).items[:finishing]
            self.is_used = True
            self._prefix = frame[cut.first : _end(frame, cut.rest, finished)]
            self._finished = known
        return known + utterances(items)


def _end(frame: bytes, start: int, items: list[Raw]) -> int:
    """Where in `frame` the item after `items` begins, which lie one after another from `start`."""
    position = start
    for item in items:
        separator = _SEPARATOR.match(frame, position + len(memoryview(item)))
        assert separator is not None, "an item that another follows has a comma behind it"
        position = separator.end()
    return position
