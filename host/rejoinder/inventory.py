"""What is installed, in words for a person: each plugin with what it provides and the options it takes."""

from typing import Any, Literal

import msgspec
from msgspec import Struct, inspect

from rejoinder.contract import Secret

#: Options inside options are listed as deep as this; a type that holds itself would never end.
DEEPEST = 3

_PLAIN: dict[type[inspect.Type], str] = {
    inspect.StrType: "text",
    inspect.IntType: "whole number",
    inspect.FloatType: "number",
    inspect.DecimalType: "number",
    inspect.BoolType: "yes or no",
    inspect.NoneType: "nothing",
    inspect.DictType: "mapping",
    inspect.StructType: "mapping",
    inspect.DataclassType: "mapping",
    inspect.TypedDictType: "mapping",
    inspect.AnyType: "anything",
    inspect.RawType: "anything",
}
_SCHEMA_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "yes or no",
    "array": "list",
    "object": "mapping",
    "null": "nothing",
}
_LISTS = (
    inspect.ListType,
    inspect.VarTupleType,
    inspect.SetType,
    inspect.FrozenSetType,
    inspect.CollectionType,
)


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
    if hasattr(options, "model_json_schema"):
        return _from_schema(options.model_json_schema())
    return tuple(_listed(inspect.type_info(options), "", DEEPEST))


def _from_schema(schema: dict[str, Any]) -> tuple[Option, ...]:
    required = schema.get("required", ())
    return tuple(
        Option(
            name,
            " or ".join(_SCHEMA_WORDS.get(one.get("type"), "mapping") for one in described.get("anyOf", [described])),
            name in required,
            _written(described["default"]) if "default" in described else "",
            str(described.get("description", "")),
        )
        for name, described in schema.get("properties", {}).items()
    )


def _listed(described: inspect.Type, path: str, depth: int) -> list[Option]:
    plain, _ = _unwrapped(described)
    if not isinstance(plain, inspect.StructType | inspect.DataclassType | inspect.TypedDictType) or not depth:
        return []
    listed: list[Option] = []
    for field in plain.fields:
        name, (_, description) = f"{path}{field.encode_name}", _unwrapped(field.type)
        listed.append(Option(name, _in_words(field.type), field.required, _default(field), description))
        for inner, mark in _inside(field.type):
            listed += _listed(inner, f"{name}{mark}.", depth - 1)
    return listed


def _unwrapped(described: inspect.Type) -> tuple[inspect.Type, str]:
    """A type without its `Annotated`, and the description that stood there."""
    description = ""
    while isinstance(described, inspect.Metadata):
        description = str((described.extra_json_schema or {}).get("description", description))
        described = described.type
    return described, description


def _inside(described: inspect.Type) -> list[tuple[inspect.Type, str]]:
    """The types that may hold options of their own, each with the mark that says where it sits."""
    plain, _ = _unwrapped(described)
    if isinstance(plain, _LISTS):
        return [(inner, f"[]{mark}") for inner, mark in _inside(plain.item_type)]
    if isinstance(plain, inspect.UnionType):
        return [found for one in plain.types for found in _inside(one)]
    if isinstance(plain, inspect.DictType):
        return [(inner, f".*{mark}") for inner, mark in _inside(plain.value_type)]
    return [(plain, "")]


def _in_words(described: inspect.Type) -> str:
    plain, _ = _unwrapped(described)
    if isinstance(plain, inspect.UnionType):
        return " or ".join(dict.fromkeys(map(_in_words, plain.types)))
    if isinstance(plain, inspect.LiteralType):
        return "one of " + ", ".join(map(str, plain.values))
    if isinstance(plain, inspect.EnumType):
        return "one of " + ", ".join(str(member.value) for member in plain.cls)
    if isinstance(plain, _LISTS):
        return f"list of {_in_words(plain.item_type)}"
    if isinstance(plain, inspect.CustomType):
        return "secret text" if plain.cls is Secret else plain.cls.__name__
    return _PLAIN.get(type(plain), type(plain).__name__.removesuffix("Type").lower())


def _default(field: inspect.Field) -> str:
    if field.default_factory is not msgspec.NODEFAULT:
        return _written(field.default_factory())
    return "" if field.default is msgspec.NODEFAULT else _written(field.default)


def _written(value: object) -> str:
    """A default as YAML's flow style, which JSON is; a secret stays masked."""
    return msgspec.json.encode(value, enc_hook=str).decode()
