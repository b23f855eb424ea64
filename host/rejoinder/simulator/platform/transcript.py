"""The transcript as the platform has it: what was heard, word by word, and what its frames say of it.

Every frame repeats the whole conversation, so an utterance that has not changed is encoded once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from rejoinder.dialogue import Utterance
from rejoinder.simulator.platform.pace import TimedWord

Role = Literal["agent", "user"]
#: What stands for speech of which no word was understood ("Troubleshooting", docs.retellai.com).
UNINTELLIGIBLE = "(unintelligible audio)"

#: Items at the end of a transcript that may well grow: each party's last utterance, and what happened meanwhile.
GROWING = 6


class Item:
    """One item of a transcript: an utterance that may still grow, or something else that happened (a key press, a tool).

    `grew_late` is called if it grows although it `is_settled`.
    """

    __slots__ = ("_content", "_encoded", "_fields", "_grew_late", "_wired", "_with_words", "_words", "is_settled", "role")

    def __init__(
        self,
        role: str,
        fields: Mapping[str, Any] | None = None,
        *,
        grew_late: Callable[[], None],
        with_words: bool = True,
    ) -> None:
        self.role = role
        self.is_settled = False
        self._grew_late = grew_late
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
        if self.is_settled:
            self._grew_late()

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


class _Shelf:
    """The items of a transcript as they are sent. Those that have ceased to grow are put together once: a long call would be
    put together anew a thousand times."""

    __slots__ = ("_bytes", "_dicts", "_settled", "_with_tools")

    def __init__(self, *, with_tools: bool) -> None:
        self._with_tools = with_tools
        self.forget()

    def forget(self) -> None:
        """Put everything together anew."""
        self._settled = 0
        self._dicts: list[dict[str, Any]] = []
        self._bytes = b""

    def wired(self, items: Sequence[Item]) -> list[dict[str, Any]]:
        return [*self._dicts, *[item.wired() for item in self._rest(items)]]

    def encoded(self, items: Sequence[Item]) -> bytes:
        rest = b",".join([item.encoded() for item in self._rest(items)])
        return b"[%b%b%b]" % (self._bytes, b"," if self._bytes and rest else b"", rest)

    def _rest(self, items: Sequence[Item]) -> list[Item]:
        """What is not put together yet, which is little."""
        count = len(items) - GROWING
        if count >= self._settled + GROWING:
            self._settle(items[self._settled : count])
        return self._shown(items[self._settled :])

    def _settle(self, items: Sequence[Item]) -> None:
        shown = self._shown(items)
        for item in items:
            item.is_settled = True
        self._settled += len(items)
        self._dicts += [item.wired() for item in shown]
        self._bytes = b",".join([*([self._bytes] if self._bytes else []), *[item.encoded() for item in shown]])

    def _shown(self, items: Sequence[Item]) -> list[Item]:
        return [item for item in items if (item.content if item.is_said else self._with_tools)]


class Transcript:
    """All items of a call, in the order in which they began."""

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._said_only = _Shelf(with_tools=False)
        self._with_tools = _Shelf(with_tools=True)

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
        item = Item(role, with_words=with_words, grew_late=self._forget)
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
        self._items.append(Item(role, fields, grew_late=self._forget))

    def wired(self, *, with_tools: bool = False) -> list[dict[str, Any]]:
        return self._shelf(with_tools).wired(self._items)

    def encoded(self, *, with_tools: bool = False) -> bytes:
        """The same as bytes of a JSON array."""
        return self._shelf(with_tools).encoded(self._items)

    def _forget(self) -> None:
        self._said_only.forget()
        self._with_tools.forget()

    def _shelf(self, with_tools: bool) -> "_Shelf":
        return self._with_tools if with_tools else self._said_only
