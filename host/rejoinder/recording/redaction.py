"""What is taken out of a call before it is written: telephone numbers, cards, addresses of e-mail, secrets, pressed keys.

It sees characters, not meaning: see docs/recording.md for what it cannot see.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

MASK = "***"
#: A run of fewer digits is a price, a year, the number of a house. The shortest telephone numbers that lead to a person have 7.
SHORTEST_NUMBER = 7
#: Of a run that ends what is still being said: the next words may make a number of it.
SHORTEST_BEGINNING = 4
#: Digits of a payment card (ISO/IEC 7812-1).
CARD = range(13, 20)
#: Shorter texts are in too many words that hold no secret.
SHORTEST_SECRET = 6

_DATE = r"(?!(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?!\d))"
#: Also signs that nobody sees, in which a number that was copied is often wrapped.
_BETWEEN = r"\s().,/\-\xad\xb7\u200b-\u200f\u2010-\u2015\u2022\u2026\u202a-\u202e\u2060-\u2069\u2212\ufeff"
_RUN = rf"\(?\d(?:[{_BETWEEN}]{{0,5}}\d)*"
#: Digits as numbers are written, read aloud or dictated, also behind an escaped plus; not among letters, as in an id, unless
#: those say that it is a number (a plus before, an extension behind), and no date (RFC 3339).
_DIGITS = re.compile(
    rf"(?:(?<![^\W_])|(?<=%2B)|(?<=%2b)){_DATE}(?:\+{_RUN}|{_RUN}(?:(?![^\W_])|(?=[xX]\.?\s?\d|[eE][xX][tT])))"
)
#: An id (RFC 9562) with a letter in it: every eleventh has as many digits in a row as a telephone number.
_UUID = re.compile(r"(?<![^\W_])(?=[\d\-]*[a-f])[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}(?![^\W_])", re.ASCII | re.IGNORECASE)
_UUID_LENGTH = 36
_END = re.compile(r"[\s.,;:!?\-]*\Z")
#: What stands before the @; possessive and from the first letter on, so that no text takes long.
_MAIL = re.compile(r"(?<![^\s@<>()\[\],;:\"*])[^\s@<>()\[\],;:\"*]++(?=@[\w\-]++(?:\.[\w\-]++)+)")
#: The same while it is being said.
_MAIL_BEGUN = re.compile(r"(?<![^\s@<>()\[\],;:\"*])[^\s@<>()\[\],;:\"*]++(?=@[\w.\-]*+\Z)")
_SECRET_KEY = re.compile(r"(?:key|token|secret|password|authorization)s?\Z", re.IGNORECASE)
#: How many of them a language model has read or written is no secret.
_COUNTED = re.compile(r"tokens\Z", re.IGNORECASE)
#: Whatever stands under these, at any depth: a carrier's headers tell who calls, by numbers and by names.
_HIDDEN_KEYS = frozenset({"custom_sip_headers", "sip_headers", "access_token"})
#: Keys that a caller or an agent pressed: PINs and cards are given so.
_PRESSED = re.compile(r"digits?(?:_\w+)?\Z")
_NUMBER_KEY = re.compile(r"(?:^|_)(?:number|phone|caller_?id|msisdn|from|to)\Z", re.IGNORECASE)
#: Whole numbers under these are times, and no telephone numbers.
_TIME_KEY = re.compile(r"(?:timestamp|_ms|_at|created|_time|size)\Z", re.IGNORECASE)


#: A word with its times and nothing else.
_IS_WORD = frozenset({"word", "start", "end"}).issuperset
#: A key in JSON that cannot be read.
_KEY = re.compile(r'"((?:[^"\\]|\\.)*+)"\s*+:')
#: Keys of which it is remembered how they are written.
MOST_NAMES = 10_000


class Cut(NamedTuple):
    """A part of a text and what stands in its place."""

    start: int
    end: int
    instead: str


class Redaction:
    """Takes out of texts and values what must not be written. `learn` from any thread; the rest on the writer's."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        self._names: dict[str, str] = {}
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Take out these too, if they are long enough; adds to those it knows."""
        known = self._secrets | {form for one in secrets if len(one) >= SHORTEST_SECRET for form in (one, quote(one, safe=""))}
        if known != self._secrets:
            # Longest first: one secret may begin like another.
            self._pattern = re.compile("|".join(map(re.escape, sorted(known, key=len, reverse=True))))
            self._secrets = known
            self._names = {}

    def text(self, text: str, *, growing: bool = False) -> str:
        """`text` without what must not be written; `growing`: more may yet be said behind it."""
        return _pieced([text], self._cuts(text, growing=growing))[0]

    def pieces(self, texts: list[str], between: str = "", *, growing: bool = False) -> list[str]:
        """The same for a text that comes in pieces, which say together what none of them says."""
        gap = len(between)
        whole = between.join(texts)
        cuts = self._cuts(whole, growing=growing)
        if not gap:
            return _pieced(texts, cuts)
        return _pieced([piece for text in texts for piece in (text, between)], cuts)[::2]

    def broken(self, text: str) -> str:
        """The same for what should have been JSON: behind a key that hides something everything goes, as none can tell where it
        ends. Not for long texts."""
        for found in _KEY.finditer(text):
            if "\\" in found[1] or _hides(found[1]) or _PRESSED.match(found[1]):
                return f"{self.text(text[: found.end()])} {MASK}"
        return self.text(text)

    def value(self, value: Any, key: str = "", *, growing: bool = False) -> Any:
        """The same for a value of JSON, decoded, that stands under `key`."""
        if _hides(key):
            return self._hidden_value(value, key)
        match value:
            case str():
                return self._under(key, value, growing=growing)
            case dict():
                return {self._name(name): self.value(one, name, growing=growing) for name, one in value.items()}
            case list():
                words = [one["word"] for one in value if isinstance(one, dict) and isinstance(one.get("word"), str)]
                if words and len(words) == len(value):
                    said = self.pieces(words, " ", growing=growing)
                    if said == words and all(map(_IS_WORD, value)):
                        return value
                    value = [{**one, "word": word} for one, word in zip(value, said, strict=True)]
                return [self.value(one, key, growing=growing) for one in value]
            case bool():
                return value
            case int() | float():
                return _counted(value, key)
            case _:
                return value

    def _name(self, name: str) -> str:
        names = self._names
        if name not in names:
            if len(names) >= MOST_NAMES:
                names.clear()
            names[name] = self.text(name)
        return names[name]

    def _hidden_value(self, value: Any, key: str) -> Any:
        match value:
            case dict():
                return {self._name(name): self._hidden_value(one, name) for name, one in value.items()}
            case list():
                return [self._hidden_value(one, key) for one in value]
            case None | bool() | "":
                return value
            case int() | float() if _COUNTED.search(key):
                return value
            case _:
                return MASK

    def _under(self, key: str, text: str, *, growing: bool) -> str:
        if _PRESSED.match(key):
            return "*" * len(text)
        if _NUMBER_KEY.search(key) and re.fullmatch(r"[\s+\d().\-/]+", text):
            return masked(text)
        if text.startswith(("{", "[")):
            return self._json(text, growing=growing)
        return self.text(text, growing=growing)

    def _json(self, text: str, *, growing: bool) -> str:
        """A text that is JSON itself, as the arguments of tools are."""
        try:
            value = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return self.text(text, growing=growing)
        redacted = self.value(value, growing=growing)
        return text if redacted == value else msgspec.json.encode(redacted).decode()

    def _cuts(self, text: str, *, growing: bool) -> list[Cut]:
        cuts: list[Cut] = []
        end = 0
        for cut in sorted([*self._hidden(text, growing=growing), *_numbers(text, growing=growing)]):
            if cut.start >= end:
                cuts.append(cut)
                end = cut.end
        return cuts

    def _hidden(self, text: str, *, growing: bool) -> Iterator[Cut]:
        if self._pattern is not None:
            yield from (Cut(found.start(), found.end(), MASK) for found in self._pattern.finditer(text))
        if "@" in text:
            for pattern in (_MAIL, _MAIL_BEGUN) if growing else (_MAIL,):
                yield from (Cut(found.start(), found.end(), MASK) for found in pattern.finditer(text))


@lru_cache(maxsize=MOST_NAMES)
def _hides(key: str) -> bool:
    """Whether nothing that stands under a key may be written."""
    return key in _HIDDEN_KEYS or _SECRET_KEY.search(key) is not None


def _counted(value: float, key: str) -> int | float | str:
    """A number of JSON, if it is no telephone number and no key that was pressed."""
    if _PRESSED.match(key):
        return "*" * len(str(value))
    if value != value // 1 or abs(value) < 10 ** (SHORTEST_NUMBER - 1) or _TIME_KEY.search(key):
        return value
    return masked(str(int(value)))


def masked(number: str) -> str:
    """A number with all of its digits but the last two hidden; a card's wholly."""
    return _masked(number, 0 if _is_card(number) else 2)


def _masked(text: str, kept: int) -> str:
    hidden = sum(map(str.isdecimal, text)) - kept
    letters: list[str] = []
    for letter in text:
        hidden -= letter.isdecimal()
        letters.append("*" if letter.isdecimal() and hidden >= 0 else letter)
    return "".join(letters)


def _numbers(text: str, *, growing: bool) -> Iterator[Cut]:
    for found in _DIGITS.finditer(text):
        written = found[0]
        count = sum(map(str.isdecimal, written))
        if growing and count >= SHORTEST_BEGINNING and _END.match(text, found.end()):
            yield Cut(found.start(), found.end(), _masked(written, 0))
        elif count >= SHORTEST_NUMBER and not _is_in_id(text, found.start(), found.end()):
            yield Cut(found.start(), found.end(), masked(written))


def _is_in_id(text: str, start: int, end: int) -> bool:
    """Whether digits belong to an id, all of them."""
    around = _UUID.finditer(text, max(0, start - _UUID_LENGTH), end + _UUID_LENGTH)
    return any(one.start() <= start and end <= one.end() for one in around)


def _is_card(text: str) -> bool:
    """Whether digits may be those of a payment card: as many, and with its check digit (Luhn; ISO/IEC 7812-1, annex B)."""
    digits = [int(letter) for letter in text if letter.isdecimal()]
    if len(digits) not in CARD:
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


def _pieced(texts: list[str], cuts: list[Cut]) -> list[str]:
    """The texts, which lie one behind the other, after the cuts. What stands instead of a cut as long as it is lies where that
    was, letter for letter; else where it began."""
    pieces: list[str] = []
    start = 0
    for text in texts:
        end = start + len(text)
        pieces.append(_piece(text, start, [cut for cut in cuts if cut.start < end and cut.end > start]))
        start = end
    return pieces


def _piece(text: str, start: int, cuts: list[Cut]) -> str:
    parts: list[str] = []
    done = 0
    for cut in cuts:
        begin, end = max(cut.start - start, 0), min(cut.end - start, len(text))
        parts.append(text[done:begin])
        if len(cut.instead) == cut.end - cut.start:
            parts.append(cut.instead[begin + start - cut.start : end + start - cut.start])
        elif cut.start >= start:
            parts.append(cut.instead)
        done = end
    return "".join([*parts, text[done:]])
