"""The transcript in a platform's frames: put together once, and always what putting it together anew would give."""

import json
from random import Random

import pytest

from rejoinder.simulator.platform.pace import TimedWord
from rejoinder.simulator.platform.transcript import Item, Transcript


def word(number: int) -> TimedWord:
    return TimedWord(f" w{number}", number / 3, (number + 1) / 3)


def anew(items: list[Item], *, with_tools: bool) -> list[object]:
    return [item.wired() for item in items if (item.content if item.is_said else with_tools)]


@pytest.mark.parametrize("seed", range(20))
def test_whatever_grows_when_its_bytes_are_those_of_its_items(seed: int) -> None:
    random, transcript = Random(seed), Transcript()
    items = [transcript.begin("agent")]
    for number in range(120):
        match random.choice("aauugggglt"):
            case "a":
                items.append(transcript.begin("agent"))
            case "u":
                items.append(transcript.begin("user"))
            case "t":
                transcript.add("dtmf", {"digit": "5"})
                items.append(transcript._items[-1])
            case "g" if items[-1].is_said:
                items[-1].grow([word(number)])
            case "l":  # long after it began
                random.choice([item for item in items if item.is_said]).grow([word(number)])
            case _:
                pass
        for with_tools in random.sample([False, True], 2):
            if random.random() < 0.5:
                assert json.loads(transcript.encoded(with_tools=with_tools)) == anew(items, with_tools=with_tools)
                assert transcript.wired(with_tools=with_tools) == anew(items, with_tools=with_tools)


def test_what_was_given_out_does_not_change_when_more_is_said() -> None:
    transcript = Transcript()
    item = transcript.begin("agent")
    item.grow([word(1)])
    before = transcript.wired()
    item.grow([word(2)])
    assert before == [{"role": "agent", "content": "w1", "words": [{"word": "w1", "start": 0.333, "end": 0.667}]}]
