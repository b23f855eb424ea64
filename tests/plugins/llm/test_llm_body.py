"""The body of an answer, however its bytes are cut."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as some

from rejoinder.testing.llm import DONE, chunk, usage
from rejoinder_llm.body import Body, Chunk

WIRE = b"\xef\xbb\xbf: hello\r\n\r\n" + chunk("Grüße") + chunk(" 你好").replace(b"\n", b"\r\n") + usage(1, 2) + DONE
OBJECT = b'\n {"choices": [{"message": {"content": "Gr\xc3\xbc\xc3\x9fe"}}],\n\n "usage": null}\n'


def read(wire: bytes, cuts: list[int]) -> list[Chunk]:
    body = Body()
    edges = [0, *sorted(cut % (len(wire) + 1) for cut in cuts), len(wire)]
    chunks = [told for start, end in pairwise(edges) for told in body.feed(wire[start:end])]
    chunks += body.finish()
    assert body.done
    assert not body.unreadable
    return chunks


@given(cuts=some.lists(some.integers(min_value=0), max_size=20))
def test_any_cuts_give_the_same_chunks(cuts: list[int]) -> None:
    assert read(WIRE, cuts) == read(WIRE, [])
    assert read(OBJECT, cuts) == read(OBJECT, [])
    assert len(read(WIRE, cuts)) == 3
    assert len(read(OBJECT, cuts)) == 1


@given(some.lists(some.binary(max_size=60), max_size=8))
def test_no_bytes_raise(pieces: list[bytes]) -> None:
    body = Body()
    for piece in pieces:
        body.feed(piece)
    body.finish()


@given(some.binary(max_size=60))
def test_no_event_raises(data: bytes) -> None:
    body = Body()
    body.feed(b"data: " + data + b"\n" + chunk("after"))
    body.finish()
    body.feed(b"data: " + b"[" * 100_000 + b"\n")
