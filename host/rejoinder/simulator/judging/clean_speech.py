"""Speech clean: nothing reaches the voice that was written for the eye.

Judged by its own list of marks and not by what cleans the host's speech: one that judges itself finds nothing.
"""

import re

from rejoinder.simulator.journal import Journal
from rejoinder.simulator.judging.findings import Finding

# Pictures, what joins them, flags, arrows.
_EMOJI = "[\U0001f000-\U0001faff\u2600-\u26ff\u2700-\u27bf\u2b00-\u2bff\u200d\ufe0f\U0001f1e6-\U0001f1ff\u2190-\u21ff]"
#: What chunks make that bring no space of their own.
GLUED = "two sentences without a space between them"
#: What a voice would read aloud or stumble over, by the name that a reader knows it by.
FLAWS: dict[str, re.Pattern[str]] = {
    "emphasis": re.compile(r"\*\*|__|(?<![\w*])\*\w[^*\n]*\*(?!\w)"),
    "a heading": re.compile(r"^[ \t]*#{1,6}\s", re.MULTILINE),
    "a list": re.compile(r"^[ \t]*(?:[-+*•◦▪‣]|\d{1,3}[.)])\s(?=.*\n)", re.MULTILINE),
    "code": re.compile(r"`"),
    "a link": re.compile(r"\]\([^)\s]*\)|https?://"),
    "a table": re.compile(r"^\s*\|.*\|", re.MULTILINE),
    "a tag": re.compile(r"</?[a-zA-Z][^<>]*>"),
    "a field that was not filled in": re.compile(r"\{\{.*?\}\}"),
    "an emoji": re.compile(_EMOJI),
    "a control character": re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffd\ufeff]"),
    "a line break": re.compile(r"\S[ \t]*\n\s*\S"),
    GLUED: re.compile(r"[a-zà-öø-ÿ][.!?…][A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ]"),
}
_SHOWN = 20  # characters on either side


def flaws(text: str) -> list[tuple[str, str]]:
    """What is not for a voice in `text`: each kind once, with the words around it."""
    found = ((name, pattern.search(text)) for name, pattern in FLAWS.items())
    return [(name, _around(text, match)) for name, match in found if match]


def _around(text: str, match: re.Match[str]) -> str:
    start, end = max(match.start() - _SHOWN, 0), min(match.end() + _SHOWN, len(text))
    return f"{'...' if start else ''}{text[start:end]}{'...' if end < len(text) else ''}"


def unclean_speech(journal: Journal) -> list[Finding]:
    """What the agent says that is not for a voice."""
    return [
        Finding(
            "speech_clean",
            f"the agent says {name}: {words!r}",
            turn.chunks[0][0],
            place,
            fault="glued_words" if name == GLUED else "markup",
        )
        for place, turn in enumerate(journal.turns)
        for name, words in flaws(turn.said)
    ]
