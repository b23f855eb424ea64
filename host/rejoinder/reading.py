"""How far a text that is cleaned for the voice was read, and what was given out of it."""

from typing import Literal
from unicodedata import category

from msgspec import Struct, field

from rejoinder.speech import seam

#: Not a place in a text: what follows its end decides.
HOLD = -1
#: What ends a line (Unicode's mandatory breaks).
BREAKS = "\n\v\f\r\x85\u2028\u2029"
# Behind one of these the next cell of a table needs no comma.
_PAUSES = ".,;:!?…。！？、，："


class Reading(Struct):
    """What is known of a text at the place that was reached.

    `before` ends in what was read last, `said` in what was given out last. Where something was left out, spaces are `loose`:
    one remains of them. `link` is the part of a link that is being read.
    """

    before: str = ""
    said: str = ""
    out: list[str] = field(default_factory=list)
    is_over: bool = False
    at_start: bool = True  # of a line
    loose: bool = False
    in_heading: bool = False
    in_row: bool = False
    behind_cell: bool = False
    code: int = 0  # ticks that opened it
    link: Literal["", "text", "target", "title"] = ""
    depth: int = 0  # of brackets in a link's target
    emphasis: set[str] = field(default_factory=set)
    number: int = -2  # of the last item of a numbered list

    def say(self, text: str) -> None:
        """Give out `text`."""
        if self.loose:
            text = self._tightened(text)
        if text:
            self.out.append(text)
            self.said = text

    def space(self) -> None:
        """Give out a space, unless there is one."""
        if not is_blank(self.said[-1:]):
            self.out.append(" ")
            self.said = " "

    def _tightened(self, text: str) -> str:
        bare = text.lstrip()
        last = self.said[-1:]
        if not bare:
            return "" if self.behind_cell or is_blank(last) else " "
        self.loose = False
        if self.behind_cell:
            self.behind_cell = False
            return bare if is_blank(last) else f"{'' if last in _PAUSES else ','} {bare}"
        if len(bare) < len(text) and not is_blank(last):
            return f" {bare}"
        return seam(last, bare)

    def ends(self, text: str, at: int) -> bool:
        """Whether it takes more of the text to know what stands at `at`."""
        return at == len(text) and not self.is_over

    def prior(self, text: str, at: int) -> str:
        """The character before `at`, "" at the beginning."""
        return text[at - 1] if at else self.before[-1:]


def is_blank(character: str) -> bool:
    return not character or character.isspace()


def is_word(character: str) -> bool:
    return character != "" and category(character)[0] in "LMN"
