"""The dummy system: fixed lines, whatever is said."""

from typing import Any

import msgspec
import pytest

from rejoinder import Details


async def test_begins_with_an_offer_of_help(dial: Any) -> None:
    assert await (await dial("dummy")).begins() == ["How may I help you?"]


async def test_asks_again_whatever_is_said(dial: Any) -> None:
    caller = await dial("dummy")
    assert await caller.says("I need a table for two.") == ["I am sorry, can you say that again?"]
    assert await caller.says("A table!") == ["I am sorry, can you say that again?"]


async def test_asks_again_after_a_silence(dial: Any) -> None:
    assert await (await dial("dummy")).is_silent() == ["I am sorry, can you say that again?"]


async def test_says_the_lines_of_its_options(dial: Any) -> None:
    caller = await dial("dummy", {"begin": "Yes?", "say": "Pardon?"})
    assert [await caller.begins(), await caller.says("Hi"), await caller.is_silent()] == [["Yes?"], ["Pardon?"], ["Pardon?"]]


async def test_fills_in_the_fields_of_the_call(dial: Any) -> None:
    caller = await dial("dummy", {"begin": "Hello {{ name }}, this is {{ vars.company }}."}, Details(variables={"name": "Ann"}))
    assert await caller.begins() == ["Hello Ann, this is Ribera Clinic."]
    assert caller.missing == []


@pytest.mark.parametrize("options", [{"greeting": "Hi"}, {"say": 5}])
def test_refuses_options_that_it_does_not_have(dial: Any, options: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(options, dial.spec("dummy").options)
