"""What an options type declares is one JSON Schema, whatever kind of type it is."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pydantic
import pytest
from msgspec import Struct

from rejoinder import Secret
from rejoinder.declared import declared, legible
from rejoinder.inventory import options_of


class Phone(Struct, tag="phone"):
    number: str


class Mail(Struct, tag="mail"):
    address: str
    answer: "Mail | Phone | None" = None


class MixedOptions(Struct):
    since: date
    price: Decimal = Decimal("1.5")
    reach: Phone | Mail | None = None
    pair: tuple[int, str] = (1, "")
    anything: Any = None
    key: Secret = Secret("hunter2")


class Page(pydantic.BaseModel):
    title: str
    pages: list["Page"] = []
    code: pydantic.SecretStr = pydantic.SecretStr("hunter2")


@dataclass
class Point:
    x: int
    y: int = 0


def test_each_kind_of_value_has_its_word() -> None:
    words = {option.name: option.type for option in options_of(MixedOptions) if option.name.count(".") < 2}
    assert words == {
        "since": "date",
        "price": "number or text",
        "reach": "mapping or nothing",
        "reach.type": "one of mail",
        "reach.number": "text",
        "reach.address": "text",
        "reach.answer": "mapping or nothing",
        "pair": "list",
        "anything": "anything",
        "key": "secret text",
    }


def test_a_type_that_holds_itself_ends() -> None:
    assert [option.name for option in options_of(Page)] == [
        *("title", "pages", "pages[].title", "pages[].pages", "pages[].pages[].title", "pages[].pages[].pages"),
        *("pages[].pages[].code", "pages[].code", "code"),
    ]
    assert "reach.answer.answer" in {option.name for option in options_of(MixedOptions)}


@pytest.mark.parametrize("options_type", [MixedOptions, Page])
def test_no_secret_is_written(options_type: type) -> None:
    assert "hunter2" not in f"{declared(options_type)} {options_of(options_type)}"


def test_definitions_have_names_of_their_own() -> None:
    assert all(name.startswith("system.page.") for name in declared(Page, "system.page").defs)
    assert all(name.startswith("system.mixed.") for name in declared(MixedOptions, "system.mixed").defs)


def test_a_dataclass_says_what_it_requires() -> None:
    assert declared(Point).schema["required"] == ["x"]
    assert declared(Point).schema["properties"] == {"x": {"type": "integer"}, "y": {"type": "integer", "default": 0}}


def test_a_type_that_cannot_be_looked_into_may_be_any_mapping() -> None:
    class Odd(Struct):
        what: "NowhereToBeFound"  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(NameError):
        declared(Odd)
    assert legible(Odd).schema == {"type": "object"}
