"""One party's words in one go: spoken at a pace, and entered into the transcript as far as they were heard."""

from collections.abc import Iterable

from rejoinder.simulator.platform.pace import Pace
from rejoinder.simulator.platform.transcript import Item


class Breath:
    """`item` is where the words are entered. `heard` is what was heard of this breath, `known` how many words that are."""

    __slots__ = ("heard", "item", "known", "pace")

    def __init__(self, item: Item, rate: float) -> None:
        self.item = item
        self.pace = Pace(rate)
        self.known = 0
        self.heard = ""

    def add(self, words: Iterable[str], earliest: float) -> None:
        self.pace.add(words, earliest)

    @property
    def has_more(self) -> bool:
        """Whether words wait to be heard."""
        return self.known < len(self.pace.words)

    def grow(self, now: float) -> str:
        """Enter what has been heard since; it."""
        count = self.pace.spoken(now, self.known)
        words = self.pace.words[self.known : count]
        self.known = count
        self.item.grow(words)
        new = "".join([word.text for word in words])
        self.heard += new
        return new

    def cut(self, now: float) -> bool:
        """Say no more; whether there was more to say."""
        self.grow(now)
        return self.pace.cut(self.known)
