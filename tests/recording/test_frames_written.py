"""Of what repeats itself only what has changed is written, and all of it is read again."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder.recording.frames import Restored, Shortened
from rejoinder.recording.growth import grown, growth
from rejoinder.recording.muting import muted
from rejoinder.recording.redaction import Redaction

Frames = list[dict[str, Any]]

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=1), inner, max_size=2),
    max_leaves=8,
)
utterances = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "agent"]), "content": st.text("ab ", max_size=4)}), max_size=5
)
frames = st.lists(
    st.dictionaries(st.sampled_from(["transcript", "others"]), utterances, max_size=2).map(lambda one: {"kind": "x", **one}),
    max_size=8,
)


def as_is(value: Any, _: str) -> Any:
    return value


def both_ways(given_frames: Frames, finish: Any = as_is) -> tuple[Frames, int]:
    """What is read again, and how much was written."""
    shortened, restored = Shortened(Redaction(), finish), Restored()
    lines = [json.dumps(shortened.line(json.dumps(frame).encode())) for frame in given_frames]
    return [restored.frame(json.loads(line)) for line in lines], sum(map(len, lines))


@given(values, values)
def test_a_growth_makes_the_one_of_the_other(old: Any, new: Any) -> None:
    again = grown(old, json.loads(json.dumps(growth(old, new))))
    assert json.dumps(again) == json.dumps(new)


@given(frames)
def test_every_frame_is_read_as_it_came(given_frames: Frames) -> None:
    assert both_ways(given_frames)[0] == given_frames


@given(frames)
def test_without_words_every_frame_is_read_as_it_is_muted(given_frames: Frames) -> None:
    assert both_ways(given_frames, muted)[0] == [muted(frame) for frame in given_frames]


def talk(utterances_: int, updates: int) -> Frames:
    """A conversation, word by word, as Retell tells it."""
    told: Frames = []
    said: list[dict[str, Any]] = []
    for number in range(utterances_):
        words: list[dict[str, Any]] = [
            {"word": f"word{at}", "start": number + at / 10, "end": number + at / 9} for at in range(updates)
        ]
        for spoken in range(1, updates + 1):
            content = " ".join(word["word"] for word in words[:spoken])
            growing = {"role": "user" if number % 2 else "agent", "content": content, "words": words[:spoken]}
            told.append({"kind": "update", "transcript": [*said, growing]})
        said.append(growing)
    return told


def test_a_long_call_takes_little_more_room_than_its_words() -> None:
    told = talk(60, 12)
    again, size = both_ways(told)
    assert again == told
    assert size < sum(len(json.dumps(frame)) for frame in told) / 50


def test_digits_at_the_end_are_hidden_until_more_is_said() -> None:
    def frame(content: str) -> dict[str, Any]:
        return {"transcript": [{"role": "user", "content": content}]}

    again, _ = both_ways(
        [frame("at 0770"), frame("at 0770 900"), frame("at 0770 900 123 ok"), frame("at 1930"), frame("at 1930 ok")]
    )
    assert [one["transcript"][0]["content"] for one in again] == [
        "at ****",
        "at **** ***",
        "at **** *** *23 ok",
        "at ****",
        "at 1930 ok",
    ]


def test_what_was_hidden_at_the_end_is_shown_once_others_have_spoken() -> None:
    first = {"role": "user", "content": "at 1930"}
    rest = [{"role": "agent", "content": "yes"}, {"role": "user", "content": "good"}]
    again, _ = both_ways([{"t": [first]}, {"t": [first, rest[0]]}, {"t": [first, *rest]}])
    assert [one["t"][0]["content"] for one in again] == ["at ****", "at ****", "at 1930"]


@pytest.mark.parametrize("frame", [b"Hello", b"[1, 2]", b"\xff\xfe", b"", "text"])
def test_what_is_no_object_is_kept_as_text(frame: bytes | str) -> None:
    assert set(Shortened(Redaction(), as_is).line(frame)) == {"text"}


def test_a_frame_with_half_a_character_is_read_like_any_other() -> None:
    line = Shortened(Redaction(), as_is).line(rb'{"call": {"access_token": "t", "name": "\ud83d"}}')
    assert line == {"frame": {"call": {"access_token": "***", "name": "\ufffd"}}}


def test_a_frame_behind_one_that_could_not_be_read_to_its_end_is_whole() -> None:
    shortened = Shortened(Redaction(), as_is)
    shortened.line(b'{"t": ["a"]}')
    assert set(shortened.line(b'{"t": ["a", "b"], "x": [\xff]}')) == {"text"}
    assert shortened.line(b'{"t": ["a", "b", "c"]}') == {"frame": {"t": ["a", "b", "c"]}}


@pytest.mark.parametrize("change", [{"keep": 3, "then": []}, {"add": 1}, {"keys": {"b": {"set": 1}}, "x": 1}, {}])
def test_what_does_not_fit_is_an_error(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        grown(["a"], change)


@pytest.mark.parametrize("line", [{"frame": [1]}, {"frame": {}, "grown": [1]}, {"frame": {}, "grown": {"t": 1}}])
def test_a_damaged_line_is_an_error_too(line: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no object|does not fit"):
        Restored().frame(line)


def test_a_muted_frame_keeps_its_kind_and_the_lengths_of_its_texts() -> None:
    frame = {
        "interaction": "no",
        "interaction_type": "update",
        "patient_type": "diabetic",
        "said": "yes please",
        "list": [{"role": "user", "content": "my name is Ann", "words": [{"word": "my", "start": 0.5}]}],
        "call": {"call_type": "phone_call", "agent_name": "Ava", "metadata": {"type": "patient", "age": 42}},
    }
    assert muted(frame) == {
        "interaction": 2,
        "interaction_type": "update",
        "patient_type": 8,
        "said": 10,
        "list": [{"role": "user", "content": 14, "words": [{"word": 2, "start": 0.5}]}],
        "call": {"call_type": "phone_call", "agent_name": 3, "metadata": 27},
    }
