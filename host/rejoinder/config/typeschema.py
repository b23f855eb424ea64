"""The JSON Schema of an options type.

Of our own rather than msgspec's, which cannot write the default of a `Secret`.
"""

from typing import Any

from msgspec import NODEFAULT, inspect

from rejoinder.config.declared import declared
from rejoinder.contract import Secret

Schema = dict[str, Any]

_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum", "multiple_of": "multipleOf"}
_LENGTHS = {"str": ("minLength", "maxLength"), "list": ("minItems", "maxItems"), "dict": ("minProperties", "maxProperties")}


class TypeSchema:
    """Writes the definitions of every object type that it meets into `defs`, under names that begin with `prefix`."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.defs: dict[str, Schema] = {}
        self._names: dict[Any, str] = {}

    def whole(self, options_type: Any) -> Schema:
        """The schema of the type itself, any mapping if it cannot be taken apart."""
        found = self.of(declared(options_type))
        name = str(found.get("$ref", "")).removeprefix("#/$defs/")
        return dict(self.defs.get(name, found)) or {"type": "object"}

    def of(self, kind: inspect.Type) -> Schema:
        match kind:
            case inspect.Metadata():
                return {**self.of(kind.type), **(kind.extra_json_schema or {})}
            case inspect.UnionType(types=types):
                forms = [self.of(one) for one in types if not isinstance(one, inspect.NoneType)]
                return forms[0] if len(forms) == 1 else {"anyOf": forms}
            case inspect.StructType() | inspect.DataclassType() | inspect.TypedDictType():
                return self._object(kind)
            case inspect.LiteralType(values=values):
                return {"enum": list(values)}
            case inspect.EnumType(cls=cls):
                return {"enum": [member.value for member in cls]}
            case inspect.CustomType(cls=cls) if cls is Secret:
                return {"type": "string", "description": "A secret: write ${NAME}."}
            case _:
                return self._single(kind) or self._collection(kind)

    def _single(self, kind: inspect.Type) -> Schema:
        match kind:
            case inspect.BoolType():
                return {"type": "boolean"}
            case inspect.IntType() | inspect.FloatType():
                bounds = {word: value for name, word in _BOUNDS.items() if (value := getattr(kind, name)) is not None}
                return {"type": "integer" if isinstance(kind, inspect.IntType) else "number", **bounds}
            case inspect.StrType(pattern=pattern):
                return {"type": "string", **_length("str", kind), **({"pattern": pattern} if pattern else {})}
            case _:
                return {}

    def _collection(self, kind: inspect.Type) -> Schema:
        match kind:
            case inspect.DictType(value_type=inner):
                return {"type": "object", "additionalProperties": self.of(inner), **_length("dict", kind)}
            case inspect.TupleType(item_types=inners):
                size = len(inners)
                return {"type": "array", "prefixItems": [self.of(one) for one in inners], "minItems": size, "maxItems": size}
            case inspect.ListType() | inspect.SetType() | inspect.FrozenSetType() | inspect.VarTupleType():
                return {"type": "array", "items": self.of(kind.item_type), **_length("list", kind)}
            case _:
                return {}

    def _object(self, kind: inspect.StructType | inspect.DataclassType | inspect.TypedDictType) -> Schema:
        if kind.cls in self._names:
            return {"$ref": f"#/$defs/{self._names[kind.cls]}"}
        name = self._names[kind.cls] = f"{self.prefix}.{kind.cls.__name__}.{len(self._names)}"
        properties: dict[str, Schema] = {}
        if isinstance(kind, inspect.StructType) and kind.tag_field:
            properties[kind.tag_field] = {"enum": [kind.tag]}
        for field in kind.fields:
            default = {} if field.default is NODEFAULT or not _is_plain(field.default) else {"default": field.default}
            properties[field.encode_name] = {**self.of(field.type), **default}
        schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        required = [field.encode_name for field in kind.fields if field.required]
        self.defs[name] = {**schema, "required": required} if required else schema
        return {"$ref": f"#/$defs/{name}"}


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float)


def _length(of: str, kind: Any) -> Schema:
    bounds = zip(_LENGTHS[of], (kind.min_length, kind.max_length), strict=True)
    return {word: value for word, value in bounds if value is not None}
