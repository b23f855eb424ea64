"""What counts as the same words: letter case, punctuation and spacing do not matter; whole words do."""

import re
from unicodedata import category, normalize

#: Left out rather than turned into a space: "don't", "don’t" and "dont" are one word.
_APOSTROPHES = "'’ʼ＇`´"
#: Scripts written without spaces (Thai, Lao, Burmese, Khmer, kana, Han): each letter is a word of its own there.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


def words(text: str) -> str:
    """The words of `text`, each between single spaces, so that one text's words are in another's where this string is.

    " " if there are none.
    """
    return " ".join(["", *"".join(map(_folded, normalize("NFKC", text).casefold())).split(), ""]) if text.strip() else " "


def _folded(char: str) -> str:
    if char in _APOSTROPHES:
        return ""
    kind = category(char)[0]
    if kind not in "LMN":
        return " "
    # A mark stays with the letter before it, in these scripts too.
    return f" {char}" if kind != "M" and _UNSPACED.match(char) else char
