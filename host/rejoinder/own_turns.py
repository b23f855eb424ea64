"""Turns that ask for nothing of an agent's, and that the host completes itself as soon as they begin."""

from rejoinder.caller_farewells import words_since
from rejoinder.dialogue import EndCall, Transcript
from rejoinder.effects import Effect
from rejoinder.events import TurnRequested
from rejoinder.lines import HostLines
from rejoinder.newest_turn import NewestTurn
from rejoinder.permission import Permission
from rejoinder.reminders import Reminders


class OwnTurns:
    """One call's. `reminders` is how many of them are spoken in a row, None for any number."""

    __slots__ = ("_lines", "_permission", "_reminders")

    def __init__(self, lines: HostLines, permission: Permission, reminders: int | None) -> None:
        self._lines = lines
        self._permission = permission
        self._reminders = Reminders(reminders)

    def complete(self, turn: NewestTurn, asked: TurnRequested, former: NewestTurn | None) -> list[Effect]:
        """Complete a turn that has just begun; [] if it is an agent's. `former` was the newest before it."""
        if asked.kind == "reminder":
            if not self._reminders.allow(asked.transcript, goes_on=former is not None and former.kind == "reminder"):
                return turn.close("", "finished")
            line = self._lines.reminder()
            return turn.close(line, "finished") if line is not None else []
        if former is not None and former.action is not None and self._is_only_farewell(former, asked.transcript):
            turn.action = EndCall()
            return turn.close(self._lines.goodbye(), "finished", uninterruptible=True)
        return []

    def _is_only_farewell(self, former: NewestTurn, transcript: Transcript) -> bool:
        """Whether the caller has only taken leave over a hang-up. A platform that asks for a turn then has discarded it."""
        hung_up = isinstance(former.action, EndCall) and self._permission.is_possible(former.action)
        return hung_up and self._lines.is_farewell(words_since(former.heard, transcript))
