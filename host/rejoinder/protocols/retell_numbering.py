"""Which turn a request is for: the platform's ids on one side, the call's own turn numbers on the other.

The platform's ids grow within a socket; whether they go on after a redial or begin again is documented nowhere, so both are
understood. The one question is whether a request asks for something new, and the caller's words answer it: after a
redial the same request comes with our own half-spoken answer in the transcript, which is not new.
"""

from collections.abc import Callable

from msgspec import Struct

from rejoinder.dialogue import Transcript, TurnKind

#: Requests remembered; older ones can neither be asked again nor answered.
_REMEMBERED = 16


class _Asked(Struct, gc=False):
    turn: int
    kind: TurnKind
    utterances: int  # the caller's; of both parties for a reminder, which nobody's words but ours precede
    user_text: str  # the caller's last

    def says_more_than(self, before: "_Asked") -> bool:
        if self.kind != before.kind or self.utterances != before.utterances:
            return self.kind != before.kind or self.utterances > before.utterances
        return not before.user_text.startswith(self.user_text)  # the last sentence grows in place


class Numbering:
    """The turns of one call by the ids they were asked with. Turn 0 is the begin message, whose id is 0."""

    __slots__ = ("_asked", "_first", "_ids", "_newest", "_turn", "id_of")

    def __init__(self) -> None:
        self._asked: dict[int, _Asked] = {}
        self._ids = {0: 0}
        #: by turn, the id to answer it with, None for one that is long past or was not asked for
        self.id_of: Callable[[int], int | None] = self._ids.get
        self._newest = 0
        self._turn = 0
        self._first = True

    def redialled(self) -> None:
        """A new socket: its first request may begin the ids again."""
        self._first = True

    def turn(self, wanted: int, kind: TurnKind, transcript: Transcript) -> int | None:
        """The turn that a request with the id `wanted` is for: a new one, one asked for before, or None if it is stale."""
        first, self._first = self._first, False
        of_the_caller = [said.text for said in transcript.utterances if said.role == "user"]
        count = len(transcript.utterances) if kind == "reminder" else len(of_the_caller)
        asked = _Asked(self._turn + 1, kind, count, of_the_caller[-1] if of_the_caller else "")
        before = self._asked.get(wanted)
        if wanted < self._newest and first:
            before = None  # nothing older is under way on a new socket: ids have begun again, and whoever had this one is past
        if wanted <= self._newest:
            if before is not None and not asked.says_more_than(before):
                return before.turn
            if not first and wanted != self._newest:
                return None
        self._newest = wanted
        self._turn = asked.turn
        self._remember(wanted, asked)
        return asked.turn

    def _remember(self, wanted: int, asked: _Asked) -> None:
        self._asked.pop(wanted, None)
        self._asked[wanted] = asked
        self._ids[asked.turn] = wanted
        if asked.turn > _REMEMBERED:
            self._ids.pop(asked.turn - _REMEMBERED, None)
        if len(self._asked) > _REMEMBERED:
            del self._asked[next(iter(self._asked))]
