"""What leaves for the voice: what counts as a sentence, what as speakable, and how two texts are put together. Pure text."""

import re

# A sentence ends with one of Unicode's terminal marks, behind which nothing, a space or a closing mark may stand; where words
# have no spaces between them the mark alone ends it. Platforms start to speak at the first complete sentence.
_SENTENCE_END = re.compile("[.!?…؟।]['\"”’)»\\]]*(?:\\s|$)|[。！？｡]")
_SPEAKABLE = re.compile(r"[^\W_]")
# Thai, Lao, Tibetan, Burmese, Khmer; Chinese and Japanese with their punctuation and full-width forms. Korean has spaces.
_UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3000-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff00-\uff9f\U00020000-\U0003ffff]"
)
_NEEDS_SPACE_BEHIND = ".!?…؟।,;:"
_STANDS_CLOSE = ",.;:!?)]}»”%،؛؟。！？、，"


def has_sentence(text: str) -> bool:
    """Whether `text` holds at least one complete sentence."""
    return _SENTENCE_END.search(text) is not None


def is_speakable(text: str) -> bool:
    """Whether a voice has anything to say of `text`: a letter or a digit."""
    return _SPEAKABLE.search(text) is not None


def is_unspaced(character: str) -> bool:
    """Whether `character` belongs to a script whose words have no spaces between them."""
    return _UNSPACED.match(character) is not None


def seam(before: str, after: str) -> str:
    """`after` as it goes out behind `before` in one turn: with a space in front where their words would run together."""
    return _gap(before, after) + after


def _gap(before: str, after: str) -> str:
    if not before or not after:
        return ""
    last, first = before[-1], after[0]
    if last.isspace() or first.isspace() or first in _STANDS_CLOSE or is_unspaced(last):
        return ""
    # "OK.你好" would have no sentence end in it.
    return "" if is_unspaced(first) and last not in _NEEDS_SPACE_BEHIND else " "
