"""Two texts word by word: what was said then, what is said now, and what is the same.

What redaction has put in place of a word (`***`, `+**********23`) is the same as any word that it may have stood for.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

#: same: in both; gone: only then; new: only now.
Kind = Literal["same", "gone", "new"]

_HIDDEN = re.compile(r"\*+")


@dataclass(frozen=True, slots=True)
class Part:
    """Some words in a row."""

    kind: Kind
    text: str


def fits(then: str, now: str) -> bool:
    """Whether two texts are the same, leaving out how their words are spaced and what was redacted `then`."""
    return _fit(then.split(), now.split())


def _fit(then: Sequence[str], now: Sequence[str]) -> bool:
    return len(then) == len(now) and all(_stands_for(one, other) for one, other in zip(then, now, strict=True))


def _stands_for(then: str, now: str) -> bool:
    if then == now:
        return True
    return "*" in then and re.fullmatch(r"\S+".join(map(re.escape, _HIDDEN.split(then))), now) is not None


def differences(then: str, now: str, *, then_is_cut: bool = False, now_is_cut: bool = False) -> list[Part]:
    """Both texts as one. Of a text that was cut off nobody knows how it would have gone on: it is held against the beginning of
    the other alone."""
    before, after = then.split(), now.split()
    if then_is_cut:
        before, after = _begun(before, after)
    if now_is_cut:
        after, before = _begun(after, before)
    parts: list[Part] = []
    for kind, start, end, begin, stop in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        old, new = before[start:end], after[begin:stop]
        if kind == "equal" or _fit(old, new):
            parts.append(Part("same", " ".join(new)))
        else:
            parts += [Part("gone", " ".join(old))] if old else []
            parts += [Part("new", " ".join(new))] if new else []
    return _joined(parts)


def _begun(cut: list[str], other: list[str]) -> tuple[list[str], list[str]]:
    """A text that was cut off, perhaps inside a word, and of the other one as much."""
    as_much = other[: len(cut)]
    if cut and len(as_much) == len(cut) and as_much[-1].startswith(cut[-1]):
        return [*cut[:-1], as_much[-1]], as_much
    return cut, as_much


def _joined(parts: Iterable[Part]) -> list[Part]:
    """The same with no two parts of one kind side by side."""
    joined: list[Part] = []
    for part in parts:
        if joined and joined[-1].kind == part.kind:
            joined[-1] = Part(part.kind, f"{joined[-1].text} {part.text}")
        else:
            joined.append(part)
    return joined
