"""One call as lines of JSON, in order. Used by the thread that writes, a call's entries one after the other.

Lines are held back for two reasons. Until the platform has said what call it is, nobody knows whether its words may be kept:
then they wait for that, or for the end of the call. And an agent speaks in pieces, a number of which is seen only in the whole:
what was sent in a turn waits until the turn has ended.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from rejoinder.events import Details
from rejoinder.recording.consent import may_opt_out, opts_out
from rejoinder.recording.frames import Line, Place, Shortened, spoken
from rejoinder.recording.muting import muted
from rejoinder.recording.redaction import MASK, Redaction, masked
from rejoinder.recording.rewriting import without_words

#: The form of the lines. A later version reads older ones.
VERSION = 1
#: Bytes of lines that wait to know whether words may be kept. A call of which nothing is told has more after about half an
#: hour, and is then written without words.
MOST_HELD = 2 * 2**20
#: Characters of a call's id that are written; by its mark it is found all the same.
MOST_OF_AN_ID = 200
#: Lines that wait for the end of a turn.
MOST_IN_A_TURN = 2000

#: Whether a recording has the words of its call, and if not, why: nobody asked for them, the platform forbids it, or it never
#: said what call it is. The last one is for as long as lines are held back.
Words = Literal["kept", "off", "opted out", "not told", "not known"]

_EVENT = re.compile(rb"^data: (.*)$", re.MULTILINE)


class Head(Struct, frozen=True):
    """What is known of a call when it opens; `start` is in UTC, `keep` in seconds."""

    route: str
    agent: str
    platform: str
    call: str
    start: datetime
    keep: float


class Tape:
    """`mark` makes of a number what finds it again and cannot be read (see `Shelf.mark`)."""

    def __init__(self, head: Head, redaction: Redaction, mark: Callable[[str], str], *, with_words: bool) -> None:
        self.head = head
        self.words: Words = "not known" if with_words else "off"
        self.is_over = False
        #: what was written before must be replaced, by what `rewritten` makes of it
        self.must_rewrite = False
        self._has_given = False
        self._redaction = redaction
        self._mark = mark
        self._received = Shortened(redaction, self._finish)
        self._turn: list[tuple[Line, list[Place]]] = []  # lines, each with where its spoken texts are
        self._open_turns = 0
        self._lines: list[bytes] = []
        self._stale: list[bytes] = []  # behind what must be rewritten, and with it
        self._held = 0
        self._is_in_doubt = False
        self._lost = 0

    # What happened; `at` is in seconds since the call began.

    def received(self, at: float, frame: bytes | str) -> None:
        if self.words == "not known":
            self._is_in_doubt = self._is_in_doubt or may_opt_out(frame)
        self._add({"at": at, "what": "received", "size": len(frame), **self._received.line(frame)})

    def sent(self, at: float, frames: Sequence[bytes]) -> None:
        for frame in frames:
            line = {"at": at, "what": "sent", "size": len(frame), **_sent(frame)}
            self._add(line, [(holder, key) for holder, key in spoken(line) if isinstance(holder[key], str)])

    def noted(self, at: float, what: str, facts: Mapping[str, Any]) -> None:
        """A decision, or something that befell the call."""
        if what == "turn started":
            self._open_turns += 1
        elif what == "turn ended":
            self._open_turns -= self._open_turns > 0
        self._add({"at": at, "what": what, **self._redaction.value(dict(facts))})

    def told(self, at: float, details: Details) -> None:
        """The platform has said what call it is."""
        if self.words == "opted out" or opts_out(details):  # once said it stays so, though not all is told each time
            self._mute("opted out")
            self.noted(at, "details", {})  # nothing that leads to the person
            return
        if self.words == "not known":
            self.words = "kept"
        facts: dict[str, str] = {"kind": details.kind, "direction": details.direction}
        for name, number in (("number", details.number), ("our_number", details.our_number)):
            if number:
                shown = masked(self._redaction.text(number))  # which may be an address: sip:ann@example.com
                facts |= {name: shown, f"{name}_mark": self._mark(number)}
        self._add({"at": at, "what": "details", **facts})

    def ended(self, at: float, facts: Mapping[str, Any]) -> None:
        self.is_over = True
        self._open_turns = 0
        self.noted(at, "ended", facts)
        if self.words == "not known":
            if self._is_in_doubt:  # the platform has told of the call, and nobody has understood it
                self._mute("not told")
            else:
                self.words = "kept"

    def lose(self, entries: int) -> None:
        """So much is not written: what comes next cannot lean on it."""
        self._lost += entries
        self._received.forget()
        self._open_turns = 0
        self._close_turn(is_whole=False)

    def take_back(self, lines: Sequence[bytes]) -> int:
        """These, which were `ready`, could not be written; how many entries that loses which were not lost before."""
        told = [msgspec.json.decode(line) for line in lines if b'"what":"lost"' in line]
        before = [line["entries"] for line in told if line["what"] == "lost"]
        waiting, self._turn, turns = self._turn, [], self._open_turns
        kept = [one for one in waiting if one[0]["what"] != "received"]  # those lean on what is lost
        entries = len(lines) - len(before) + len(waiting) - len(kept)
        self.lose(entries + sum(before))
        self._open_turns = turns
        for line, places in kept:
            self._add(line, places)
        return entries

    # From lines to bytes.

    @property
    def call_mark(self) -> str:
        return self._mark(self.head.call)

    @property
    def first(self) -> bytes:
        """The first line. A call's id is whatever somebody sent: a number of somebody's, or a megabyte."""
        about = {"rejoinder": "recording", "version": VERSION, **msgspec.to_builtins(self.head)}
        about |= {
            "call": self._redaction.text(self.head.call)[:MOST_OF_AN_ID],
            "call_mark": self.call_mark,
            "words": self.words,
        }
        return msgspec.json.encode(about) + b"\n"

    def ready(self) -> list[bytes]:
        """The lines to be written now, behind those that were given before."""
        if self.words == "not known":
            return []
        lines, self._lines = self._lines, []
        self._has_given = self._has_given or bool(lines)
        return lines

    def rewritten(self, written: Sequence[bytes]) -> list[bytes]:
        """What was `written`, without its first line, as it may be kept."""
        self.must_rewrite = False
        stale, self._stale = self._stale, []
        return list(_muted([*written, *stale]))

    def _finish(self, value: Any, key: str) -> Any:
        return value if self.words in ("kept", "not known") else muted(value, key)

    def _finished(self, frame: Any) -> Any:
        try:
            return self._finish(self._redaction.value(frame), "")
        except RecursionError:  # a plugin's own data: the frame is nobody's words, and the others of the turn are
            return MASK

    def _add(self, line: Line, places: list[Place] | None = None) -> None:
        if self._lost:
            lost, self._lost = self._lost, 0
            self._add({"at": line["at"], "what": "lost", "entries": lost})
        self._turn.append((line, places or []))
        is_whole = not self._open_turns
        if is_whole or len(self._turn) >= MOST_IN_A_TURN:
            self._close_turn(is_whole=is_whole)

    def _close_turn(self, *, is_whole: bool = True) -> None:
        """Put what waits. If what was said in the turn is not known as a whole, its last digits may begin a number."""
        turn, self._turn = self._turn, []
        places = [place for _, found in turn for place in found]
        said = self._redaction.pieces([holder[key] for holder, key in places], growing=not is_whole)
        for (holder, key), text in zip(places, said, strict=True):
            holder[key] = text
        for line, _ in turn:
            if line["what"] == "sent":
                for key in line.keys() & {"frame", "events"}:
                    line[key] = self._finished(line[key])
            self._put(line)
        if self.words == "not known" and self._held > MOST_HELD:  # not before the last of the turn has joined the others
            self._mute("not told")

    def _put(self, line: Line) -> None:
        line["at"] = round(line["at"], 4)
        encoded = msgspec.json.encode(line) + b"\n"
        self._lines.append(encoded)
        self._held += len(encoded) if self.words == "not known" else 0

    def _mute(self, words: Words) -> None:
        """From here on no words, and of what came before none either, nor what the platform told of the call."""
        if self.words == words:
            return
        self.words = words
        self._close_turn()
        self._received.forget()
        if self._has_given:
            self._stale, self._lines = self._lines, []
            self.must_rewrite = True
        else:
            self._lines = list(_muted(self._lines))


def _muted(lines: Sequence[bytes]) -> Iterator[bytes]:
    for line in without_words(map(msgspec.json.decode, lines)):
        yield msgspec.json.encode(line) + b"\n"


def _sent(frame: bytes) -> Line:
    try:
        if events := _EVENT.findall(frame):
            return {"events": ["end" if one == b"[DONE]" else msgspec.json.decode(one) for one in events]}
        return {"frame": msgspec.json.decode(frame)}
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
