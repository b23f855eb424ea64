"""How a value has grown: what is written of a list that repeats itself with a little more at its end, and how it is read.

A growth is JSON itself, one of:
    {"set": value}                                   another value
    {"add": text}                                    a text with more behind it
    {"keys": {name: growth}}                         an object with the same keys, some of which have changed
    {"keep": n, "grow": growth, "then": [value]}     a list: its first n items, one that grew (or none), and new ones
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

Growth = dict[str, Any]


def growth(old: object, new: object) -> Growth:
    """What makes `new` of `old`; of two equal values anything that does so."""
    if isinstance(old, str) and isinstance(new, str) and old and new.startswith(old):
        return {"add": new[len(old) :]}
    if isinstance(old, dict) and isinstance(new, dict) and old and list(old) == list(new):
        return {"keys": {name: growth(old[name], value) for name, value in new.items() if not is_same(old[name], value)}}
    if isinstance(old, list) and isinstance(new, list) and old:
        return _grown_list(old, new)
    return {"set": new}


def _grown_list(old: Sequence[object], new: Sequence[object]) -> Growth:
    kept = next((at for at, (was, now) in enumerate(zip(old, new, strict=False)) if not is_same(was, now)), None)
    kept = min(len(old), len(new)) if kept is None else kept
    return tail(kept, old[kept : kept + 1], new[kept:])


def tail(kept: int, old: Sequence[object], new: Sequence[object]) -> Growth:
    """The growth of a list that keeps its first items: `old` is the one behind them, if it is known, `new` what is there."""
    grown = {"grow": growth(old[0], new[0])} if old and new and type(old[0]) is type(new[0]) else {}
    return {"keep": kept, **grown, "then": list(new[1:] if grown else new)}


def is_same(one: object, other: object) -> bool:
    """Whether two values of JSON are the same; for Python 1, 1.0 and true are equal."""
    if type(one) is not type(other) or one != other:
        return False
    return not isinstance(one, dict | list) or msgspec.json.encode(one) == msgspec.json.encode(other)


def grown(old: Any, change: Mapping[str, Any]) -> Any:
    """`old` after a growth. Raises ValueError if that is not a growth of `old`."""
    try:
        return _grown(old, change)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"a growth does not fit what it grew from: {error}") from None


def _grown(old: Any, change: Mapping[str, Any]) -> Any:
    if "set" in change:
        return change["set"]
    if "add" in change:
        return old + change["add"]
    if "keys" in change:
        return {name: _grown(value, change["keys"][name]) if name in change["keys"] else value for name, value in old.items()}
    kept = change["keep"]
    if kept > len(old):
        raise IndexError(f"there are {len(old)} items, not {kept}")
    one = [_grown(old[kept], change["grow"])] if "grow" in change else []
    return [*old[:kept], *one, *change["then"]]
