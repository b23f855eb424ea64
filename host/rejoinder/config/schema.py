"""A JSON Schema (draft 2020-12) of the file with the options of the installed systems, for editors."""

from collections.abc import Mapping
from typing import Any

from rejoinder.config.keys import AGENT, FILE, OBSERVER, ROUTE, WEBHOOK, closed
from rejoinder.declared import Schema, legible

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ABOUT = ("title", "description", "default", "examples", "deprecated")
_FROM_OUTSIDE = {"$ref": "#/$defs/substitution"}
_IN_A_FILE = {"$ref": "#/$defs/file"}
_DEFS: Schema = {
    "substitution": {
        "type": "string",
        "pattern": r"\$\{",
        "description": "A value from outside: ${NAME}, ${NAME:-default} or ${file:/path}.",
    },
    "file": {
        "type": "object",
        "properties": {"file": {"type": "string", "description": "A path, relative to this file."}},
        "required": ["file"],
        "additionalProperties": False,
        "description": "The text of a file.",
    },
}


def schema(systems: Mapping[str, Any], observers: Mapping[str, Any]) -> Schema:
    """The schema of a file in which these response systems and observers may be named; by name, their options' types."""
    found = dict(_DEFS)
    found["agent"] = _naming(AGENT, "system", systems, found) | {"anyOf": [{"required": ["system"]}, {"required": ["extends"]}]}
    found["observer"] = _naming(OBSERVER, "observer", observers, found) | {"required": ["system"]}
    found["route"] = loosened(closed(ROUTE, required=["agent"]))
    found["webhook"] = loosened(closed(WEBHOOK, required=["platform", "key"]))
    top = {name: loosened(one) for name, one in FILE.items()}
    return {"$schema": DIALECT, "title": "Rejoinder", **closed(top), "$defs": found}


def _naming(keys: Schema, prefix: str, types: Mapping[str, Any], defs: Schema) -> Schema:
    """What names one of these systems and has its options."""
    if not types:
        return loosened(closed(keys))
    system = {"enum": list(types), "description": keys["system"]["description"]}
    options = [_then(name, f"{prefix}.{name}", defs, one) for name, one in types.items()]
    return loosened(closed({**keys, "system": system})) | {"allOf": options}


def _then(name: str, prefix: str, defs: Schema, options_type: Any) -> Schema:
    """The options of one system. Those that it requires may be inherited, then they are not asked for here."""
    found = legible(options_type, prefix)
    top, required = found.schema, found.schema.pop("required", [])
    defs |= {key: loosened(one) for key, one in found.defs.items()}
    defs[prefix] = loosened(top)
    this = {"properties": {"system": {"const": name}}, "required": ["system"]}
    then: Schema = {"properties": {"options": {"anyOf": [{"$ref": f"#/$defs/{prefix}"}, _IN_A_FILE]}}}
    if not required:
        return {"if": this, "then": then}
    asked: Schema = {
        "required": ["options"],
        "properties": {"options": {"anyOf": [{"required": required}, {"required": ["file"]}]}},
    }
    return {"if": this, "then": {**then, "if": {"not": {"required": ["extends"]}}, "then": asked}}


def loosened(given: Schema) -> Schema:
    """A type's schema as a file may write it: a text may stand in a file, anything single may come from outside; keys
    that the type does not have are refused, and so is null."""
    if given.get("default", "") is None or given.get("format") == "password":
        given = {key: value for key, value in given.items() if key != "default"}
    match given:
        case {"anyOf": list() as forms} | {"oneOf": list() as forms}:
            inner = [loosened(form) for form in forms if form != {"type": "null"}]
            about = {key: value for key, value in given.items() if key not in ("anyOf", "oneOf")}
            return {**inner[0], **about} if len(inner) == 1 else {**about, "anyOf": inner}
        case {"type": "object"}:
            return _loosened_object(given)
        case {"type": "array"}:
            inner_lists = {key: [loosened(one) for one in given[key]] for key in ("prefixItems",) if key in given}
            items = {"items": loosened(given["items"])} if isinstance(given.get("items"), dict) else {}
            return {**given, **items, **inner_lists}
        case {"type": "string"}:
            return _also(given, _FROM_OUTSIDE, _IN_A_FILE)
        case {"type": "integer" | "number" | "boolean"} | {"enum": _} | {"const": _}:
            return _also(given, _FROM_OUTSIDE)
        case _:
            return given


def _loosened_object(given: Schema) -> Schema:
    properties = {name: loosened(one) for name, one in given.get("properties", {}).items()}
    rest = given.get("additionalProperties", False if properties else None)
    loose = {**given, "additionalProperties": loosened(rest) if isinstance(rest, dict) else rest}
    if properties:
        loose["properties"] = properties
    return {key: value for key, value in loose.items() if value is not None}


def _also(given: Schema, *others: Schema) -> Schema:
    about = {key: given[key] for key in _ABOUT if key in given}
    return {**about, "anyOf": [{key: value for key, value in given.items() if key not in _ABOUT}, *others]}
