"""Words and when they are spoken."""

import pytest

from rejoinder.simulator.platform.pace import Pace, Sentences, words_of
from rejoinder.simulator.platform.transcript import Transcript
from rejoinder.speech import has_sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("  ", []),
        (" We open ", [" We", " open"]),
        ("你好吗", ["你", "好", "吗"]),
        ("OK 你好 there", ["OK", " 你", "好", " there"]),
        ("naïve café", ["naïve", " café"]),
    ],
)
def test_a_text_is_taken_apart_so_that_it_can_be_put_together_again(text: str, words: list[str]) -> None:
    assert words_of(text) == words
    assert "".join(words) == text.rstrip()


def test_words_take_their_time_one_after_another() -> None:
    pace = Pace(rate=120)
    pace.add(["a", "b"], 1.0)
    pace.add(["c"], 1.2)  # while others are spoken: after them
    pace.add(["d"], 5.0)
    assert [(word.start, word.end) for word in pace.words] == [(1.0, 1.5), (1.5, 2.0), (2.0, 2.5), (5.0, 5.5)]
    assert [pace.spoken(now) for now in (0.0, 1.4, 1.5, 2.6, 9.0)] == [0, 0, 1, 3, 4]


def test_what_is_cut_is_not_spoken() -> None:
    pace = Pace(rate=60)
    pace.add(["a", "b"], 0.0)
    assert pace.cut(1)
    assert not pace.cut(1)
    assert (pace.until, pace.spoken(9.0)) == (1.0, 1)


def test_a_character_of_a_script_without_spaces_takes_half_a_word() -> None:
    pace = Pace(rate=60)
    pace.add(words_of("你好"), 0.0)
    assert pace.until == 1.0


def test_text_is_given_out_in_whole_sentences_and_the_rest_at_the_end() -> None:
    sentences = Sentences()
    assert sentences.take("We op") == []
    assert sentences.take("en at nine. And") == ["We", " open", " at", " nine."]
    assert sentences.take(" close at") == []
    assert sentences.close() == [" And", " close", " at"]
    assert sentences.close() == []


@pytest.mark.parametrize(
    "text", ["We open at nine. And close", "One OK.你好。And then?  Yes", " a b  c d.e f", "¿Qué? (Yes.) No"]
)
def test_it_is_no_matter_how_often_a_text_was_looked_at(text: str) -> None:
    for first in range(len(text)):
        sentences, waiting = Sentences(), ""
        for part in [text[:first], *text[first:]]:
            waiting += part
            words = words_of(waiting)
            count = max([place for place, word in enumerate(words, 1) if has_sentence(word)], default=0)
            assert sentences.take(part) == words[:count]
            waiting = waiting[len("".join(words[:count])) :]
        assert sentences.close() == words_of(waiting)


def test_what_is_glued_is_read_as_one_word() -> None:
    sentences = Sentences()
    transcript = Transcript()
    item = transcript.begin("agent")
    pace = Pace(rate=60)
    pace.add([*sentences.take("One moment."), *sentences.take("Your table.")], 0.0)
    item.grow(pace.words)
    assert item.content == "One moment.Your table."


def test_one_who_goes_on_goes_on_in_the_same_utterance_unless_somebody_was_heard_in_between() -> None:
    transcript = Transcript()
    pace = Pace(rate=60)
    pace.add(["I", " would"], 0.0)
    transcript.begin("user").grow(pace.words)
    transcript.begin("agent")  # of which nobody heard a word
    transcript.resume("user").grow(pace.words[:1])
    assert [(said.role, said.text) for said in transcript.utterances] == [("user", "I would I")]
    transcript.begin("agent").grow(pace.words)
    transcript.resume("user").grow(pace.words[:1])
    assert [said.role for said in transcript.utterances] == ["user", "agent", "user"]
    assert transcript.last_user_text == "I"
