"""Halves of characters in JSON that comes in are replaced; nothing else is touched."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.json import decode

from rejoinder.protocols.wire import without_lone_surrogates

text = st.text(st.characters(exclude_categories=()) | st.sampled_from('\\"u\ud83d\ude00\n'), max_size=12)


@given(st.dictionaries(text, text, max_size=3))
def test_what_any_text_becomes_can_be_read_and_is_the_same_but_for_halves(value: dict[str, str]) -> None:
    def mended(said: str) -> str:
        return said.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    sent = json.dumps(value).encode()
    read = decode(without_lone_surrogates(sent))
    assert read == {mended(name): mended(said) for name, said in value.items()}


@pytest.mark.parametrize(
    ("sent", "mended"),
    [
        (rb'"\ud83d"', rb'"\ufffd"'),
        (rb'"\uDE00\uD83D"', rb'"\ufffd\ufffd"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\\ud83d"', rb'"\\ud83d"'),
        (rb'"\\\ud83d"', rb'"\\\ufffd"'),
        (rb'"\u00e4"', rb'"\u00e4"'),
        (b"Hello", b"Hello"),
    ],
)
def test_a_half_is_told_from_a_whole_and_from_a_backslash_of_the_text(sent: bytes, mended: bytes) -> None:
    assert without_lone_surrogates(sent) == mended
