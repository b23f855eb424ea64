"""What is installed, in words for a person: each plugin with what it provides and the options it takes."""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct

from rejoinder.declared import Declared, Schema, declared

#: Options inside options are listed as deep as this; a type that holds itself would never end.
DEEPEST = 3

_WORDS = {
    "string": "text",
    "integer": "whole number",
    "boolean": "yes or no",
    "array": "list",
    "object": "mapping",
    "null": "nothing",
    "password": "secret text",
}


class Option(Struct, frozen=True):
    """One option: `name` is its path (`rules[].say`), `type` and `default` are written as a person writes them in YAML."""

    name: str
    type: str
    required: bool
    default: str
    description: str


class Provided(Struct, frozen=True):
    """One thing that a plugin provides."""

    kind: Literal["response system", "observer"]
    options: tuple[Option, ...]


class Installed(Struct, frozen=True):
    """One installed plugin; `fault` is the reason why it does not load, "" if it does."""

    name: str
    distribution: str
    version: str
    provides: tuple[Provided, ...] = ()
    fault: str = ""


def options_of(options: type[Any]) -> tuple[Option, ...]:
    """The options that `options` takes: a msgspec struct, a dataclass, a TypedDict or a pydantic model.

    Raises whatever the type raises when it is looked into.
    """
    found = declared(options)
    return tuple(_listed(found, found.schema, "", DEEPEST))


def _listed(whole: Declared, schema: Schema, path: str, depth: int) -> Iterator[Option]:
    for key, about in schema.get("properties", {}).items():
        name, default = f"{path}{key}", _written(about["default"]) if "default" in about else ""
        words, required = _in_words(whole, about), key in schema.get("required", ())
        yield Option(name, words, required, default, str(about.get("description", "")))
        for inner, mark in _inside(whole, about) if depth > 1 else ():
            yield from _listed(whole, inner, f"{name}{mark}.", depth - 1)


def _inside(whole: Declared, schema: Schema, mark: str = "") -> Iterator[tuple[Schema, str]]:
    """What may hold options of its own, each with the mark that says where it sits."""
    for form in whole.forms(schema):
        yield form, mark
        for key, more in (("items", "[]"), ("additionalProperties", ".*")):
            if isinstance(inner := form.get(key), dict) and len(mark) < DEEPEST * 2:
                yield from _inside(whole, inner, mark + more)


def _in_words(whole: Declared, schema: Schema, depth: int = DEEPEST) -> str:
    return " or ".join(dict.fromkeys(_form_in_words(whole, form, depth) for form in whole.forms(schema)))


def _form_in_words(whole: Declared, form: Schema, depth: int) -> str:
    if values := form.get("enum") or [form[key] for key in ("const",) if key in form]:
        return "one of " + ", ".join(map(str, values))
    if isinstance(items := form.get("items"), dict) and depth:
        return f"list of {_in_words(whole, items, depth - 1)}"
    word = str(form.get("format") or form.get("type", "anything"))
    return _WORDS.get(word, word)


def _written(value: object) -> str:
    """A default as YAML's flow style, which JSON is."""
    return msgspec.json.encode(value).decode()
