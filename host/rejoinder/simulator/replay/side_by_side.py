"""A recorded call and the same call now, side by side, for a person: what is said otherwise, word by word."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rejoinder.simulator.replay.comparison import called, done
from rejoinder.simulator.replay.past import Comparison, Contrast, Reaction
from rejoinder.simulator.replay.word_diff import Part

#: How a word is marked that was said only then, or is said only now.
MARKS = {"same": ("", ""), "gone": ("[-", "-]"), "new": ("{+", "+}")}


@dataclass(frozen=True, slots=True)
class Row:
    """One line: `head` says what it tells of, `parts` are its words."""

    head: str
    parts: tuple[Part, ...]


def rows(comparison: Comparison) -> list[Row]:
    """The lines of a comparison: of each thing that the caller did what the agent said, and if that differs what it did."""
    told = [row for contrast in comparison.contrasts for row in _rows(contrast)]
    return [*told, *(_row("note", note) for note in comparison.notes)]


def _rows(one: Contrast) -> Iterator[Row]:
    now = one.now or Reaction()
    if one.is_same and not one.then.text and not now.text:
        return
    yield _row("caller", f"{one.step}{_times(one)}")
    word = "same" if one.is_same else "differs"
    yield Row(word, tuple(one.parts or [Part("same", "(nothing)")]))
    if one.now is None:
        yield _row("", "the call was over before it came to that")
        return
    if not one.is_done_the_same:
        yield _row("", f"told the platform to do then: {done(one.then)}, now: {done(now)}")
    if not one.are_tools_the_same:
        yield _row("", f"called then: {called(one.then)}, now: {called(now)}")


def _times(one: Contrast) -> str:
    told = [
        f"{'nothing' if seconds is None else f'{seconds:.2f} s'} {when}"
        for when, seconds in (("then", one.then.first_sentence), ("now", one.now.first_sentence if one.now else None))
    ]
    return f"  (first sentence: {', '.join(told)})"


def _row(head: str, text: str) -> Row:
    return Row(head, (Part("same", text),))


def as_text(comparison: Comparison) -> str:
    """The same without colours."""
    return "\n".join(f"{row.head:<8} {' '.join(map(marked, row.parts))}".rstrip() for row in rows(comparison))


def marked(part: Part) -> str:
    """Words with their marks."""
    before, after = MARKS[part.kind]
    return f"{before}{part.text}{after}"


def as_value(comparison: Comparison) -> dict[str, Any]:
    """The same for machines."""
    return {
        "verdict": comparison.word,
        "answers": [_contrast(one) for one in comparison.contrasts],
        "notes": list(comparison.notes),
    }


def _contrast(one: Contrast) -> dict[str, Any]:
    return {
        "after": one.step,
        "same": one.is_same,
        "words": [[part.kind, part.text] for part in one.parts],
        "then": _reaction(one.then),
        "now": _reaction(one.now) if one.now else None,
    }


def _reaction(one: Reaction) -> dict[str, Any]:
    first = None if one.first_sentence is None else round(one.first_sentence, 3)
    tools = None if one.tools is None else [list(tool) for tool in one.tools]
    told = {"said": one.text, "cut": one.is_cut, "action": one.action, "target": one.target}
    return {**told, "tools": tools, "first_sentence": first}
