"""How a figure that was taken many times is spread: percentiles, which an average hides."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: The shares of all values, in percent, below or at which a percentile lies.
PERCENTILES = (50, 90, 95, 99)


@dataclass(frozen=True, slots=True)
class Spread:
    """`at` holds a value for each of `PERCENTILES`, `most` the largest; all 0 if there was none."""

    count: int
    at: tuple[float, ...]
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        ordered = sorted(values)
        return cls(
            len(ordered), tuple([_nearest(ordered, percent) for percent in PERCENTILES]), ordered[-1] if ordered else 0.0
        )

    @property
    def row(self) -> tuple[float, ...]:
        """The percentiles, then the largest."""
        return (*self.at, self.most)

    def told(self) -> dict[str, float]:
        """For a report: seconds, to the hundredth of a millisecond."""
        names = [*(f"p{percent}" for percent in PERCENTILES), "max"]
        return {"count": self.count, **{name: round(value, 5) for name, value in zip(names, self.row, strict=True)}}


def _nearest(ordered: Sequence[float], percent: int) -> float:
    """The smallest value that so many are not above (nearest rank): one that was really taken."""
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)] if ordered else 0.0
