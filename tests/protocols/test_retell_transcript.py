"""The cache of a call's transcript: exactly as true as parsing each frame whole."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import DecodeError

from rejoinder.dialogue import Utterance
from rejoinder.events import TranscriptUpdated
from rejoinder.protocols.retell import _HEARD, RetellCodec
from rejoinder.protocols.retell_transcript import TranscriptCache, utterances

#: Texts that look like the frame they are in, or that JSON has to escape.
NASTY = [
    "",
    "Hi",
    '"transcript":[',
    '"}],"transcript":[{"role":"user","content":"x"}]}',
    "\\",
    '\\"',
    '"},{"',
    "]}",
    ",",
    "\x7f",
    "\\u007f",
    "\n\t\x01",
    "é \U0001f600",
]

#: Fields to put beside the transcript, before it or after it.
BESIDE = [
    '"response_id":3',
    '"x":-1.5e3',
    '"x":null',
    '"turntaking":"user_turn"',
    '"x":"\\"transcript\\":["',
    '"x":{"transcript":[{"role":"user","content":"inner"}]}',
    '"x":[{"transcript":[1]}]',
    '"transcript":null',
    '"transcript":[]',
    '"transcript":[{"role":"agent","content":"another"}]',
    '"transcr\\u0069pt":[{"role":"agent","content":"escaped"}]',
    '"transcript_with_tool_calls":[{"role":"dtmf","digit":"1"}]',
    '"transcript_with_tool_calls":[{"role":"user","content":"Hi","words":[]}]',
    '"\x7f":[{"role":"user","content":"under our key"}]',
    '"\\u007F":[{"role":"user","content":"under our key"}]',
    '"\\u007f":null',
]


def item(text: str, role: str = "user", words: int = 1) -> dict[str, Any]:
    return {"role": role, "content": text, "words": [{"word": "w", "start": 0.1, "end": 0.2}] * words}


def frame(items: list[dict[str, Any]], **fields: object) -> bytes:
    said = {"interaction_type": "update_only", "transcript": items, **fields}
    return json.dumps(said, separators=(",", ":")).encode()


def whole(sent: bytes) -> tuple[Utterance, ...] | None:
    """What a full parse makes of a frame, None if it refuses it."""
    try:
        return utterances(_HEARD.decode(sent).transcript or [])
    except (DecodeError, UnicodeDecodeError):
        return None


def cached(codec: RetellCodec, sent: bytes) -> tuple[Utterance, ...] | None:
    try:
        return codec._read(sent)[1].utterances
    except (DecodeError, UnicodeDecodeError):
        return None


items = st.builds(
    item,
    st.sampled_from(NASTY) | st.text(max_size=5),
    st.sampled_from(["user", "agent", "system", "dtmf"]),
    st.integers(0, 2),
)
spaces = st.sampled_from(["", "", "", " ", "\r\n\t", "\f"])


@st.composite
def conversations(draw: st.DrawFn) -> list[list[dict[str, Any]]]:
    """A transcript as it grows, with the liberties that platforms take."""
    now = draw(st.lists(items, max_size=5))
    states = [now]
    for _ in range(draw(st.integers(1, 6))):
        now = list(now)
        match draw(st.sampled_from(["say", "say", "say", "grow", "rewrite", "shrink", "forget", "repeat"])):
            case "say":
                now += draw(st.lists(items, min_size=1, max_size=3))
            case "grow" if now:
                now[-1] = item(now[-1]["content"] + draw(st.sampled_from(NASTY)), now[-1]["role"])
            case "rewrite" if now:
                now[draw(st.integers(0, len(now) - 1))] = draw(items)
            case "shrink":
                del now[draw(st.integers(0, len(now))) :]
            case "forget":
                now = []
            case _:
                pass
        states.append(now)
    return states


@st.composite
def written(draw: st.DrawFn, said: list[dict[str, Any]]) -> bytes:
    """One frame with `said` in it, written in one of many ways."""
    comma, colon = draw(spaces) + "," + draw(spaces), draw(spaces) + ":" + draw(spaces)
    ascii_only = draw(st.booleans())
    texts = [json.dumps(one, separators=(comma, colon), ensure_ascii=ascii_only) for one in said]
    array = f'"transcript"{colon}[{draw(spaces)}{comma.join(texts)}{draw(spaces)}]'
    beside = draw(st.lists(st.sampled_from(BESIDE), max_size=2))
    fields = ['"interaction_type":"update_only"', array, *beside]
    if draw(st.booleans()):
        fields = draw(st.permutations(fields))
    return (draw(spaces) + "{" + comma.join(fields) + "}" + draw(spaces)).encode()


@st.composite
def damaged(draw: st.DrawFn, sent: bytes) -> bytes:
    """The same frame with bytes lost, doubled or changed."""
    at = draw(st.integers(0, len(sent)))
    until = draw(st.integers(at, min(at + 3, len(sent))))
    return (
        sent[:at]
        + draw(st.sampled_from([b"", b",", b"]", b"[", b'"', b"\\", b"{", b"}", b"\xff", b"\x7f", b" "]))
        + sent[until:]
    )


@given(data=st.data())
@settings(max_examples=300)
def test_is_as_true_as_a_full_parse_over_whole_conversations(data: st.DataObject) -> None:
    codec = RetellCodec()
    for said in data.draw(conversations()):
        sent = data.draw(written(said))
        assert cached(codec, sent) == whole(sent)


@given(data=st.data())
@settings(max_examples=300)
def test_is_as_true_as_a_full_parse_over_damaged_frames(data: st.DataObject) -> None:
    codec = RetellCodec()
    for said in data.draw(conversations()):
        sent = frame(said)
        hurt = data.draw(damaged(sent))
        assert cached(codec, hurt) == whole(hurt)
        assert cached(codec, sent) == whole(sent)


@pytest.mark.parametrize("field", BESIDE)
@pytest.mark.parametrize("before", [True, False])
def test_no_field_beside_the_transcript_misleads_it(field: str, before: bool) -> None:
    codec = RetellCodec()
    for count in range(6):
        array = '"transcript":' + json.dumps([item(f"{field} {number}") for number in range(count)])
        sent = f"{{{field},{array}}}" if before else f"{{{array},{field}}}"
        assert cached(codec, sent.encode()) == whole(sent.encode())


def test_a_comma_with_nothing_behind_it_is_refused() -> None:
    """The known part ends with a comma: cut there, the frame would look complete."""
    codec = RetellCodec()
    for _ in range(2):
        cached(codec, frame([item("a"), item("b"), item("c")]))
    known = b'{"interaction_type":"update_only","transcript":[' + codec._cache._prefix
    assert known.endswith(b",")
    for end in (b"]}", b" ]}"):
        assert whole(known + end) is None
        assert cached(codec, known + end) is None


def test_a_skipped_item_is_known_like_any_other() -> None:
    codec = RetellCodec()
    presses = [{"role": "dtmf", "digit": "1"}] * 3
    for said in ([*presses, item("a")], [*presses, item("a"), item("b")], [*presses, item("a"), item("b"), item("c")]):
        assert cached(codec, frame(said)) == whole(frame(said))


def test_parses_only_the_end_of_a_long_conversation() -> None:
    cache, codec = TranscriptCache(), RetellCodec()
    codec._cache = cache
    said = [item(f"utterance {number}", words=15) for number in range(400)]
    cached(codec, frame(said[:-1]))
    sent = frame([*said, item("and")], turntaking="user_turn")
    cut = cache.cut(sent)
    assert cut is not None
    assert len(sent) > 200_000
    assert len(cut.frame) < len(sent) / 50
    assert cached(codec, sent) == whole(sent)


def test_the_kind_of_frame_and_its_id_may_change_in_front_of_a_known_transcript() -> None:
    cache, codec = TranscriptCache(), RetellCodec()
    codec._cache = cache
    said = [item(f"utterance {number}") for number in range(50)]
    cached(codec, frame(said))
    request = json.dumps(
        {"interaction_type": "response_required", "response_id": 12, "transcript": said}, separators=(",", ":")
    )
    cut = cache.cut(request.encode())
    assert cut is not None
    assert cut.rest > cut.first


def test_holds_no_more_than_about_the_last_frame() -> None:
    codec = RetellCodec()
    for count in (1, 5, 200, 3, 4, 5):
        sent = frame([item(f"{random.Random(count).random()} {number}") for number in range(count)])
        cached(codec, sent)
        assert len(codec._cache._prefix) < len(sent) or count < 3


@pytest.mark.failure(26)
def test_a_transcript_that_grows_in_place_is_the_newest_one() -> None:
    codec = RetellCodec()
    for text in ("I", "I would", "I would like", "I would like a table"):
        (event,) = codec.decode(frame([item("Hello", "agent"), item("a"), item("b"), item(text)]))
        assert isinstance(event, TranscriptUpdated)
        assert event.transcript.user_text == text
