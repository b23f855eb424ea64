"""What an options type declares: which keys a value may have, and which values.

One walk for structs, dataclasses and typed dicts, because only structs refuse unknown keys by themselves.
"""

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

from msgspec import inspect

from rejoinder.config.fault import Fault, Steps
from rejoinder.config.tree import Listing, Node, Scalar, Table
from rejoinder.config.value import nearest

_Objects = inspect.StructType | inspect.DataclassType | inspect.TypedDictType
_Lists = inspect.ListType | inspect.SetType | inspect.FrozenSetType | inspect.VarTupleType | inspect.CollectionType


def declared(options_type: Any) -> inspect.Type:
    """The type taken apart; `Any` where that is not possible."""
    try:
        return inspect.type_info(options_type)
    except (TypeError, NameError, AttributeError, ValueError):
        return inspect.AnyType()


def unknown_keys(kind: inspect.Type, node: Node, steps: Steps = ()) -> Iterator[Fault]:
    """Keys in the node that the type does not have."""
    match _member(kind, node), node:
        case inspect.StructType() | inspect.DataclassType() | inspect.TypedDictType() as known, Table():
            yield from _unknown_in(known, node, steps)
        case inspect.DictType(value_type=inner), Table(entries=entries):
            for name, entry in entries.items():
                yield from unknown_keys(inner, entry.node, (*steps, name))
        case inspect.TupleType(item_types=inners), Listing(items=items):
            for at, (inner, item) in enumerate(zip(inners, items, strict=False)):
                yield from unknown_keys(inner, item, (*steps, at))
        case (
            inspect.ListType() | inspect.SetType() | inspect.FrozenSetType() | inspect.VarTupleType() | inspect.CollectionType()
        ) as known, Listing(items=items):
            for at, item in enumerate(items):
                yield from unknown_keys(known.item_type, item, (*steps, at))
        case _:
            return


def _unknown_in(known: _Objects, table: Table, steps: Steps) -> Iterator[Fault]:
    fields = {field.encode_name: field.type for field in known.fields}
    tag = known.tag_field if isinstance(known, inspect.StructType) else None
    for name, entry in table.entries.items():
        if name in fields:
            yield from unknown_keys(fields[name], entry.node, (*steps, name))
        elif name != tag:
            remedy = nearest(name, fields) or "it takes no options"
            yield Fault(steps, f"unknown option '{name}'", remedy, key=name, certain=True)


def _member(kind: inspect.Type, node: Node) -> inspect.Type:
    """The one member of a union that the node can be meant for; the union itself if that is not clear."""
    if isinstance(kind, inspect.Metadata):
        return _member(kind.type, node)
    if not isinstance(kind, inspect.UnionType):
        return kind
    members = [_member(one, node) for one in kind.types]
    wanted: Any = _Objects | inspect.DictType if isinstance(node, Table) else _Lists | inspect.TupleType
    fitting = [one for one in members if isinstance(one, wanted)]
    if len(fitting) > 1:
        fitting = [one for one in fitting if isinstance(one, inspect.StructType) and _tagged(one, node)]
    return fitting[0] if len(fitting) == 1 else kind


def _tagged(kind: inspect.StructType, node: Node) -> bool:
    entry = node.entries.get(kind.tag_field or "") if isinstance(node, Table) else None
    return entry is not None and isinstance(entry.node, Scalar) and entry.node.value == kind.tag


def choices(kind: inspect.Type, steps: Steps) -> str:
    """The values that may stand under `steps`, in a row; "" if they cannot be listed."""
    inner = _inner(kind, steps)
    options: Sequence[Any] = ()
    for one in inner.types if isinstance(inner, inspect.UnionType) else (inner,):
        if isinstance(one, inspect.LiteralType):
            options = [*options, *one.values]
        elif isinstance(one, inspect.EnumType) and issubclass(one.cls, Enum):
            options = [*options, *(member.value for member in one.cls)]
    return ", ".join(map(str, options))


def _inner(kind: inspect.Type, steps: Steps) -> inspect.Type:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if not steps:
        return kind
    match kind:
        case inspect.StructType() | inspect.DataclassType() | inspect.TypedDictType():
            found = next((field.type for field in kind.fields if field.encode_name == steps[0]), None)
            return _inner(found, steps[1:]) if found else inspect.AnyType()
        case inspect.DictType(value_type=inner):
            return _inner(inner, steps[1:])
        case inspect.ListType() | inspect.SetType() | inspect.FrozenSetType() | inspect.VarTupleType():
            return _inner(kind.item_type, steps[1:])
        case inspect.UnionType(types=types):
            inside = (_inner(one, steps) for one in types)
            return next((one for one in inside if not isinstance(one, inspect.AnyType)), inspect.AnyType())
        case _:
            return inspect.AnyType()
