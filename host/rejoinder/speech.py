"""What leaves for the voice. Pure text, no platform."""

import re

# A sentence ends with one of Unicode's terminal marks, behind which nothing, a space or a closing mark may stand; where words
# have no spaces between them the mark alone ends it. Platforms start to speak at the first complete sentence.
_SENTENCE_END = re.compile("[.!?…؟।]['\"”’)»\\]]*(?:\\s|$)|[。！？｡]")


def has_sentence(text: str) -> bool:
    """Whether `text` holds at least one complete sentence."""
    return _SENTENCE_END.search(text) is not None
