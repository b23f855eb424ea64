"""Words and when they are spoken: a text as it comes, made into timed words at a speaking rate. Pure: time is given."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rejoinder.speech import has_sentence, is_unspaced

#: Seconds by which a clock may be early: a timer fires within its clock's resolution.
EARLY = 0.001
#: A character of a script without spaces takes so much of the time of a word.
CHARACTER = 0.5

_WORD = re.compile(r"\s*\S+")


@dataclass(slots=True)
class TimedWord:
    """`text` with whatever space came before it; `start` and `end` in seconds of the call."""

    text: str
    start: float
    end: float


def words_of(text: str) -> list[str]:
    """`text` in pieces that are spoken one after another, each with the space before it; space at the end is left out.

    Where a script has no spaces, each of its characters is a piece.
    """
    found: list[str] = []
    for word in _WORD.findall(text):
        found += [word] if word.isascii() else _pieces(word)
    return found


def _pieces(word: str) -> Iterable[str]:
    piece = ""
    for character in word:
        if piece.strip() and (is_unspaced(character) != is_unspaced(piece[-1]) or is_unspaced(character)):
            yield piece
            piece = ""
        piece += character
    if piece:
        yield piece


class Pace:
    """What one party says without giving up the floor, word after word, each as long as the other.

    `words` are those whose time is known. Times never overlap: a word that comes while others are spoken waits for them.
    """

    __slots__ = ("_seconds", "words")

    def __init__(self, rate: float) -> None:
        self._seconds = 60.0 / rate
        self.words: list[TimedWord] = []

    def add(self, words: Iterable[str], earliest: float) -> None:
        """Say these next, as soon as the floor is free."""
        start = max(earliest, self.until) if self.words else earliest
        for word in words:
            end = start + self._seconds * (CHARACTER if is_unspaced(word[-1]) else 1.0)
            self.words.append(TimedWord(word, start, end))
            start = end

    @property
    def until(self) -> float:
        """When the last word ends, 0 if there is none."""
        return self.words[-1].end if self.words else 0.0

    def spoken(self, now: float, known: int = 0) -> int:
        """How many words have been spoken to their end by `now`; `known` of them for certain."""
        while known < len(self.words) and self.words[known].end <= now + EARLY:
            known += 1
        return known

    def cut(self, known: int) -> bool:
        """Say nothing after the first `known` words; whether there was more to say."""
        rest = len(self.words) > known
        del self.words[known:]
        return rest


class Sentences:
    """A text that comes in chunks, given out in whole sentences: a voice begins with the first complete one.

    A sentence is taken to be complete when its last mark is the last that came; what follows without a space is read as one
    word with it, in the transcript too.
    """

    __slots__ = ("_looked_at", "_waiting")

    def __init__(self) -> None:
        self._waiting = ""
        # So much of it is whole words in which no sentence ends: an agent may talk for ever without a full stop.
        self._looked_at = 0

    def take(self, text: str) -> list[str]:
        """The words of the sentences that are complete now."""
        self._waiting += text
        words = words_of(self._waiting[self._looked_at :])
        count = next((index + 1 for index in range(len(words) - 1, -1, -1) if has_sentence(words[index])), 0)
        if count:
            return self._give([*words_of(self._waiting[: self._looked_at]), *words[:count]])
        self._looked_at += sum(map(len, words[:-1]))
        return []

    def close(self) -> list[str]:
        """No more text comes: the words that remain."""
        return self._give(words_of(self._waiting))

    def _give(self, words: list[str]) -> list[str]:
        self._waiting = self._waiting[sum(map(len, words)) :]
        self._looked_at = 0
        return words
