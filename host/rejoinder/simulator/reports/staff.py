"""Paper for the timeline of a call: rows of so many seconds one below another, as music is written, and what is drawn on them.

Rows need no sideways scrolling, and can be printed. Pure: texts in, SVG out. Whatever was said in a call is inert here.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

#: Units of a row's width: the names of the lanes, then the seconds.
WIDTH, GUTTER, MARGIN = 1000.0, 62.0, 10.0
#: Seconds of a row, by the longest call for which it is taken; beyond the last it is `LONGEST_ROW`.
ROWS = ((10.0, 10.0), (15.0, 15.0), (25.0, 25.0), (240.0, 20.0), (600.0, 30.0))
LONGEST_ROW = 60.0
#: Units that a character of a small text takes at most.
CHARACTER = 5.7

#: What XML and HTML cannot hold, and what turns the direction of the text around it.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def inert(text: str) -> str:
    """`text` to be shown: no mark-up, no control characters, safe between quotes too."""
    return html.escape(_UNPRINTABLE.sub("\ufffd", text))


def clock(seconds: float) -> str:
    """A time of a call: 1:05.2."""
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


def number(value: float) -> str:
    """A coordinate: a tenth of a unit is less than a screen shows."""
    return f"{value:.1f}".removesuffix(".0")


def titled(content: str, title: str) -> str:
    """A part of a drawing, with the words that a pointer over it shows."""
    return f"<g><title>{inert(title)}</title>{content}</g>"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the seconds from `begin` to `end`."""

    begin: float
    end: float

    @property
    def scale(self) -> float:
        """Units of a second."""
        return (WIDTH - GUTTER - MARGIN) / (self.end - self.begin)

    def x(self, at: float) -> float:
        return GUTTER + (at - self.begin) * self.scale

    def holds(self, at: float) -> bool:
        return self.begin <= at < self.end

    def part(self, begin: float, end: float) -> tuple[float, float] | None:
        """Where a stretch of time lies in this row: its left and its right end; None if it lies elsewhere."""
        if end < self.begin or begin >= self.end or (end == self.begin and begin < end):
            return None
        return self.x(max(begin, self.begin)), self.x(min(end, self.end))

    def grid(self, height: float, over: float) -> str:
        """A line for every few seconds, with its time; `over` is when the call was over."""
        step = next(one for one in (1, 2, 5, 10) if one * self.scale >= 50 or one == 10)
        times = [self.begin + step * count for count in range(int((self.end - self.begin) / step) + 1)]
        lines = "".join([f"M{number(self.x(at))} 16V{number(height)}" for at in times])
        told = "".join([f'<text x="{number(self.x(at))}" y="11">{_whole(at)}</text>' for at in times[:-1]])
        return f'{self._after(height, over)}<path class="grid" d="{lines}"/><g class="time">{told}</g>'

    def _after(self, height: float, over: float) -> str:
        """What lies behind the end of the call."""
        if over >= self.end:
            return ""
        x = self.x(over)
        size = f'width="{number(WIDTH - MARGIN - x)}" height="{number(height - 16)}"'
        return f'<rect class="after" x="{number(x)}" y="16" {size}/>'


def _whole(at: float) -> str:
    return f"{int(at) // 60}:{int(at) % 60:02d}"


def rows(seconds: float) -> list[Row]:
    """The rows of a call that was so long."""
    rounded = round(seconds, 2)  # no row more for a hair
    length = next((row for longest, row in ROWS if rounded <= longest), LONGEST_ROW)
    count = max(1, ceil(rounded / length))
    return [Row(place * length, (place + 1) * length) for place in range(count)]


@dataclass(frozen=True, slots=True)
class Label:
    """A moment with a word beside it; `title` is what a pointer shows, `kind` how it is coloured."""

    at: float
    text: str
    title: str
    kind: str = "event"


def labels(row: Row, found: Sequence[Label], top: float, *, line: float = 13.0) -> tuple[str, float]:
    """Labels below one another where they would lie over one another; the drawing, and how high it is."""
    ends: list[float] = []
    drawn: list[str] = []
    for label, times in _gathered(row, found):
        told = label.text + (f" \u00d7{times}" if times > 1 else "")
        x, length = row.x(label.at), 8 + len(told) * CHARACTER
        left = x if x + length < WIDTH else x - length  # the last ones stand before their moment
        level = next((place for place, end in enumerate(ends) if end < left), len(ends))
        ends[level:level + 1] = [left + length]  # fmt: skip
        y = top + level * line
        text = f'<text x="{number(left + 4)}" y="{number(y + 9)}">{inert(told)}</text>'
        stem = f'<path d="M{number(x)} {18 if label.kind == "wrong" else number(top - 4)}V{number(y + 10)}"/>'
        drawn.append(f'<g class="{label.kind}"><title>{inert(label.title)}</title>{stem}{text}</g>')
    return "".join(drawn), len(ends) * line


def _gathered(row: Row, found: Sequence[Label]) -> Iterator[tuple[Label, int]]:
    """The labels of a row in order; what happens again and again at almost the same place is one."""
    mine = sorted([label for label in found if row.holds(label.at)], key=lambda label: label.at)
    while mine:
        first = mine[0]
        near = [one for one in mine if one.text == first.text and (one.at - first.at) * row.scale < len(first.text) * CHARACTER]
        same = near if first.kind == "event" else near[:1]
        yield first, len(same)
        gone = set(map(id, same))
        mine = [one for one in mine if id(one) not in gone]
