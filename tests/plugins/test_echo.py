"""The echo system: what was heard comes back, whole or word by word."""

from typing import Any

import msgspec
import pytest

from rejoinder import Details


async def test_says_back_what_it_heard(dial: Any) -> None:
    assert await (await dial("echo")).says("a table for two") == ["You said: a table for two"]


async def test_says_so_when_it_heard_nothing(dial: Any) -> None:
    assert await (await dial("echo")).says("") == ["I did not hear anything."]
    assert await (await dial("echo", {"nothing_heard": "Hm?"})).says("  ") == ["Hm?"]


async def test_hands_over_word_by_word_what_it_would_say_whole(dial: Any) -> None:
    caller = await dial("echo", {"by_word": True})
    outputs = await caller.says("a table  for two")
    assert outputs == ["You ", "said: ", "a ", "table ", " ", "for ", "two"]
    assert "".join(outputs) == "You said: a table  for two"


async def test_one_word_is_one_output(dial: Any) -> None:
    assert await (await dial("echo", {"prefix": "", "by_word": True})).says("Hello") == ["Hello"]


async def test_begins_and_reminds_with_the_lines_of_its_options(dial: Any) -> None:
    caller = await dial("echo", {"begin": "Talk to me.", "reminder": "Well?"})
    assert await caller.begins() == ["Talk to me."]
    assert await caller.is_silent() == ["Well?"]


async def test_leaves_the_reminder_to_the_host_unless_it_has_one(dial: Any) -> None:
    assert "".join(await (await dial("echo")).is_silent()) == ""


async def test_fills_in_its_own_prefix_but_never_the_callers_words(dial: Any) -> None:
    caller = await dial("echo", {"prefix": "{{ name }} said: "}, Details(variables={"name": "Ann"}))
    assert await caller.says("{{ name }}") == ["Ann said: {{ name }}"]


@pytest.mark.parametrize("pause", [-1, 11, "1s"])
def test_refuses_a_pause_that_makes_no_sense(dial: Any, pause: object) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.pause"):
        msgspec.convert({"pause": pause}, dial.spec("echo").options)
