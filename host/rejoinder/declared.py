"""What an options type declares, as a JSON Schema: problems, editors and the list of what is installed all read this one.

Of our own rather than msgspec's, which cannot write the default of a `Secret`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import NODEFAULT, inspect

from rejoinder.contract import Secret

Schema = dict[str, Any]

_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum", "multiple_of": "multipleOf"}
_LENGTHS = {"string": "Length", "array": "Items", "object": "Properties"}
_SINGLE: dict[type[inspect.Type], Schema] = {
    inspect.AnyType: {},
    inspect.RawType: {},
    inspect.NoneType: {"type": "null"},
    inspect.BoolType: {"type": "boolean"},
    inspect.DecimalType: {"anyOf": [{"type": "number"}, {"type": "string"}]},
}
_REF = "#/$defs/"


@dataclass(frozen=True, slots=True)
class Declared:
    """A type's schema, and the definitions that it refers to."""

    schema: Schema = field(default_factory=lambda: {"type": "object"})
    defs: Schema = field(default_factory=dict)

    def forms(self, schema: Schema) -> Iterator[Schema]:
        """All that the schema allows one by one, references followed."""
        if "$ref" in schema:
            yield from self.forms(self.defs[schema["$ref"].removeprefix(_REF)])
        elif inner := schema.get("anyOf") or schema.get("oneOf"):
            for one in inner:
                yield from self.forms(one)
        else:
            yield schema


def declared(options_type: Any, prefix: str = "") -> Declared:
    """What a msgspec struct, dataclass, typed dict or pydantic model takes. Raises whatever that does when looked into.

    The names of its definitions begin with `prefix`.
    """
    if hasattr(options_type, "model_json_schema"):
        own = options_type.model_json_schema(ref_template=f"{_REF}{prefix}.{{model}}")
        defs = {f"{prefix}.{name}": one for name, one in own.pop("$defs", {}).items()}
    else:
        walk = _Walk(prefix)
        own, defs = walk.of(inspect.type_info(options_type)), walk.defs
    return Declared(dict(defs.get(own.get("$ref", "").removeprefix(_REF), own)), defs)


def legible(options_type: Any, prefix: str = "") -> Declared:
    """The same; any mapping for a type that cannot be looked into."""
    try:
        return declared(options_type, prefix)
    except Exception:  # noqa: BLE001 - a stranger's type; that it cannot be used is said where it is used
        return Declared()


class _Walk:
    """Writes the definitions of every object type that it meets into `defs`."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.defs: Schema = {}
        self._names: dict[Any, str] = {}

    def of(self, kind: inspect.Type) -> Schema:
        match kind:
            case inspect.Metadata():
                return {**self.of(kind.type), **(kind.extra_json_schema or {})}
            case inspect.UnionType(types=types):
                return {"anyOf": [self.of(one) for one in types]}
            case inspect.StructType() | inspect.DataclassType() | inspect.TypedDictType():
                return self._object(kind)
            case inspect.LiteralType(values=values):
                return {"enum": list(values)}
            case inspect.EnumType(cls=cls):
                return {"enum": [member.value for member in cls]}
            case inspect.DictType(value_type=inner):
                return _bounded("object", kind, additionalProperties=self.of(inner))
            case inspect.TupleType(item_types=inners):
                size = len(inners)
                return {"type": "array", "prefixItems": [self.of(one) for one in inners], "minItems": size, "maxItems": size}
            case inspect.CollectionType(item_type=inner):
                return _bounded("array", kind, items=self.of(inner))
            case _:
                return _single(kind)

    def _object(self, kind: inspect.StructType | inspect.DataclassType | inspect.TypedDictType) -> Schema:
        name = self._names.get(kind.cls)
        if name is None:
            name = self._names[kind.cls] = f"{self.prefix}.{kind.cls.__name__}.{len(self._names)}"
            tag_field = kind.tag_field if isinstance(kind, inspect.StructType) else None
            properties: Schema = {tag_field: {"const": getattr(kind, "tag", None)}} if tag_field else {}
            properties |= {one.encode_name: {**self.of(one.type), **_default(one)} for one in kind.fields}
            required = [one.encode_name for one in kind.fields if one.required]
            self.defs[name] = {"type": "object", "properties": properties, "additionalProperties": False}
            if required:
                self.defs[name]["required"] = required
        return {"$ref": f"{_REF}{name}"}


def _single(kind: inspect.Type) -> Schema:
    match kind:
        case inspect.IntType() | inspect.FloatType():
            bounds = {word: value for name, word in _BOUNDS.items() if (value := getattr(kind, name)) is not None}
            return {"type": "integer" if isinstance(kind, inspect.IntType) else "number", **bounds}
        case inspect.StrType(pattern=pattern):
            return _bounded("string", kind, **({"pattern": pattern} if pattern else {}))
        case inspect.CustomType(cls=cls):
            secret = {"type": "string", "format": "password", "description": "A secret: write ${NAME}."}
            return secret if cls is Secret else {"format": cls.__name__}
        case _:
            name = type(kind).__name__.removesuffix("Type").lower()  # dates and the like, which stand in YAML as text
            return _SINGLE.get(type(kind), {"type": "string", "format": name})


def _bounded(of: str, kind: Any, **others: Any) -> Schema:
    bounds = {f"min{_LENGTHS[of]}": kind.min_length, f"max{_LENGTHS[of]}": kind.max_length}
    return {"type": of, **others, **{word: value for word, value in bounds.items() if value is not None}}


def _default(field: inspect.Field) -> Schema:
    value = field.default if field.default_factory is NODEFAULT else field.default_factory()
    return {} if value is NODEFAULT else {"default": msgspec.to_builtins(value, str_keys=True, enc_hook=str)}
