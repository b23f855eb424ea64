"""The transcript as the platform has it: what was heard, word by word, and what its frames say of it.

Every frame repeats the whole conversation, so an utterance that has not changed is encoded once.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from rejoinder.dialogue import Utterance
from rejoinder.simulator.pace import TimedWord

Role = Literal["agent", "user"]
#: What stands for speech of which no word was understood ("Troubleshooting", docs.retellai.com).
UNINTELLIGIBLE = "(unintelligible audio)"


class Item:
    """One item of a transcript: an utterance that may still grow, or something else that happened (a key press, a tool)."""

    __slots__ = ("_content", "_encoded", "_fields", "_wired", "_with_words", "_words", "role")

    def __init__(self, role: str, fields: Mapping[str, Any] | None = None, *, with_words: bool = True) -> None:
        self.role = role
        self._fields = fields
        self._content = ""
        self._words: list[dict[str, Any]] = []
        self._with_words = with_words
        self._wired: dict[str, Any] | None = None
        self._encoded: bytes | None = None

    @property
    def is_said(self) -> bool:
        return self._fields is None

    @property
    def content(self) -> str:
        return self._content.strip()

    def grow(self, words: Sequence[TimedWord]) -> None:
        for word in words:
            self._content += word.text
        if self._with_words:
            self._words += [_timed(word) for word in words]
        self._wired = self._encoded = None

    def part(self) -> None:
        """What comes next was said in another breath: one space between."""
        if self._content and not self._content[-1].isspace():
            self._content += " "

    def wired(self) -> dict[str, Any]:
        """As it stands in a frame now; never changed afterwards."""
        if self._wired is None:
            told = {"content": self.content, "words": [*self._words]} if self._fields is None else self._fields
            self._wired = {"role": self.role, **told}
        return self._wired

    def encoded(self) -> bytes:
        if self._encoded is None:
            self._encoded = msgspec.json.encode(self.wired())
        return self._encoded


def _timed(word: TimedWord) -> dict[str, Any]:
    return {"word": word.text.strip(), "start": round(word.start, 3), "end": round(word.end, 3)}


class Transcript:
    """All items of a call, in the order in which they began."""

    def __init__(self) -> None:
        self._items: list[Item] = []

    @property
    def said(self) -> list[Item]:
        return [item for item in self._items if item.is_said]

    @property
    def utterances(self) -> list[Utterance]:
        """What was said, without what is still empty."""
        return [Utterance(item.role, item.content) for item in self.said if item.content]

    @property
    def last_user_text(self) -> str:
        return next((item.content for item in reversed(self._items) if item.is_said and item.role == "user"), "")

    def begin(self, role: Role, *, with_words: bool = True) -> Item:
        """An utterance that begins now."""
        item = Item(role, with_words=with_words)
        self._items.append(item)
        return item

    def resume(self, role: Role) -> Item:
        """The last utterance if it is of `role`: one who goes on, goes on in the same sentence. Else a new one.

        What nobody heard a word of is no utterance.
        """
        last = next((item for item in reversed(self._items) if item.is_said and item.content), None)
        if last is None or last.role != role:
            return self.begin(role)
        last.part()
        return last

    def add(self, role: str, fields: Mapping[str, Any]) -> None:
        """Something that nobody said."""
        self._items.append(Item(role, fields))

    def wired(self, *, with_tools: bool = False) -> list[dict[str, Any]]:
        return [item.wired() for item in self._shown(with_tools)]

    def encoded(self, *, with_tools: bool = False) -> bytes:
        """The same as bytes of a JSON array."""
        return b"[" + b",".join([item.encoded() for item in self._shown(with_tools)]) + b"]"

    def _shown(self, with_tools: bool) -> list[Item]:
        return [item for item in self._items if (item.content if item.is_said else with_tools)]
