"""Where a part of the configuration was written: an opaque handle with which others report problems in the right place."""

from collections.abc import Sequence
from dataclasses import dataclass

from rejoinder.config.tree import Entry, Listing, Mark, Node, Table
from rejoinder.errors import Problem

Step = str | int


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """A value of the file, its path of keys and the place of the key that leads to it."""

    where: str
    key: Mark
    node: Node

    def problem(self, steps: Sequence[Step], what: str, remedy: str = "", *, key: str = "") -> Problem:
        """What is wrong at the value under `steps` (keys and list positions), or as far towards it as the file goes.

        A mapping is shown by the key that leads to it: that is where a reader looks for it. `key` shows a key of the
        value instead of the value as a whole.
        """
        place: Origin = self
        where = self.where
        for step in steps:
            place = place.child(step) or place
            where = join(where, step)
        found = place.child(key) if key else None
        mark = found.key if found else place.key if isinstance(place.node, Table) else place.node.mark
        return problem_at(mark, where, what, remedy)

    def child(self, step: Step) -> "Origin | None":
        """The handle of the value under a key or list position, if there is one."""
        match self.node, step:
            case Table(entries=entries), str() if step in entries:
                return Origin(join(self.where, step), *entries[step])
            case Listing(items=items), int() if 0 <= step < len(items):
                return Origin(join(self.where, step), *Entry(items[step].mark, items[step]))
            case _:
                return None


def join(where: str, step: Step) -> str:
    """A path of keys, one step longer."""
    if isinstance(step, int):
        return f"{where}[{step}]"
    return f"{where}.{step}" if where else step


def problem_at(mark: Mark, where: str, what: str, remedy: str = "") -> Problem:
    """A problem that is one line on any terminal, whatever keys, names and the words of a plugin hold."""
    return Problem(*mark, _one_line(where), _one_line(what), _one_line(remedy))


def _one_line(text: str) -> str:
    """Keys and names may hold anything; a problem is one line that any terminal can print."""
    return text if text.isprintable() else "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
