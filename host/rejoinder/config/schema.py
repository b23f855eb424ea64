"""A JSON Schema (draft 2020-12) of the file with the options of the installed systems, for editors."""

from collections.abc import Mapping
from typing import Any

from rejoinder.config.routes import PLATFORMS
from rejoinder.declared import Schema, legible

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ABOUT = ("title", "description", "default", "examples", "deprecated")
_FROM_OUTSIDE = {"$ref": "#/$defs/substitution"}
_IN_A_FILE = {"$ref": "#/$defs/file"}
_TEXT = {"$ref": "#/$defs/text"}
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
    "text": {"anyOf": [{"type": "string"}, _IN_A_FILE]},
}


def schema(systems: Mapping[str, Any], observers: Mapping[str, Any]) -> Schema:
    """The schema of a file in which these response systems and observers may be named; by name, their options' types."""
    found = dict(_DEFS)
    agent = _agent(list(systems))
    agent["allOf"] = [_then(name, f"system.{name}", found, options) for name, options in systems.items()]
    observer = _observer(list(observers))
    observer["allOf"] = [_then(name, f"observer.{name}", found, options) for name, options in observers.items()]
    for one in (agent, observer):
        if not one["allOf"]:
            del one["allOf"]
    found |= {"agent": agent, "observer": observer, "route": _route()}
    return {"$schema": DIALECT, "title": "Rejoinder", **_closed(_top()), "$defs": found}


def _described(description: str, *forms: Schema) -> Schema:
    return {**forms[0], "description": description} if len(forms) == 1 else {"anyOf": list(forms), "description": description}


def _closed(properties: Schema, required: tuple[str, ...] = ()) -> Schema:
    closed: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**closed, "required": list(required)} if required else closed


def _each(description: str, *forms: Schema) -> Schema:
    """A mapping from names of the user's own choice."""
    return {"type": "object", "additionalProperties": _described(description, *forms), "description": description}


def _whole(low: int, high: int | None = None) -> Schema:
    return {"type": "integer", "minimum": low} | ({} if high is None else {"maximum": high})


def _top() -> Schema:
    number = {"type": "string", "pattern": r"^\+[1-9][0-9]{6,14}$"}
    return {
        "server": _described("Where the server listens.", _closed(_server())),
        "include": _described("Other files with agents and routes, as patterns.", _list({"type": "string"})),
        "defaults": _described("For agents that say nothing else.", _closed(_place())),
        "vars": _each("A text for {{ vars.name }}.", _TEXT, {"type": ["number", "boolean"]}),
        "numbers": _each("A number that may be dialled, in E.164 and in quotes.", number, _FROM_OUTSIDE),
        "agents": _each("A response system with its options.", {"$ref": "#/$defs/agent"}),
        "observers": _each("What hears of calls.", {"$ref": "#/$defs/observer"}),
        "routes": {
            **_each("The agent of a path.", {"type": "string"}, {"$ref": "#/$defs/route"}),
            "propertyNames": {"pattern": "^/"},
        },
    }


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _server() -> Schema:
    return {
        "host": _described("The address to bind to; 127.0.0.1 if absent.", {"type": "string"}),
        "port": _described("The port; 8080 if absent, 0 for a free one.", _whole(0, 65535), _FROM_OUTSIDE),
        "public_url": _described("The URL under which platforms reach the server.", {"type": "string"}),
        "watch": _described("Reload on save; if absent on loopback only.", {"type": "boolean"}, _FROM_OUTSIDE),
    }


def _place() -> Schema:
    return {
        "language": _described("The language spoken, as a BCP 47 tag.", {"type": "string"}),
        "timezone": _described("The IANA zone of {{ now }}.", {"type": "string"}),
    }


def _agent(names: list[str]) -> Schema:
    return {
        **_closed(
            {
                "system": _one_of("The response system.", names),
                "options": {"type": "object", "description": "The system's own options, or {file: path} to a YAML file."},
                "begin": _described('First words; "" lets the caller speak first; absent, the system\'s own.', _TEXT),
                "reminder": _described("What to say after silence, in turn.", _TEXT, _list(_TEXT)),
                "extends": _described("Another agent to begin from.", {"type": "string"}),
                **_place(),
            }
        ),
        "anyOf": [{"required": ["system"]}, {"required": ["extends"]}],
    }


def _observer(names: list[str]) -> Schema:
    options = {"type": "object", "description": "The observer's own options."}
    return _closed({"system": _one_of("The observer.", names), "options": options}, ("system",))


def _one_of(description: str, names: list[str]) -> Schema:
    return _described(description, {"enum": names}, _FROM_OUTSIDE) if names else _described(description, {"type": "string"})


def _route() -> Schema:
    part = {"type": "number", "minimum": 0, "maximum": 1}
    retell = {
        "responsiveness": _described("How soon the agent answers, 0 to 1.", part, _FROM_OUTSIDE),
        "interruption_sensitivity": _described("How easily it is interrupted, 0 to 1.", part, _FROM_OUTSIDE),
        "reminder_trigger_ms": _described("Silence before a reminder, in ms.", _whole(1), _FROM_OUTSIDE),
        "reminder_max_count": _described("Reminders in a row, 0 for none.", _whole(0), _FROM_OUTSIDE),
        "transcript_with_tool_calls": _described("Ask for tool calls too.", {"type": "boolean"}, _FROM_OUTSIDE),
    }
    platform: Schema = {"anyOf": [{"enum": list(PLATFORMS)}, _FROM_OUTSIDE]}
    return _closed(
        {
            "agent": _described("The agent that answers.", {"type": "string"}),
            "platforms": _described("Who may dial; [retell] if absent.", {**_list(platform), "minItems": 1}),
            "observers": _described("Who hears of its calls.", _list({"type": "string"})),
            "open": _described("Anybody who reaches the port may call.", {"type": "boolean"}, _FROM_OUTSIDE),
            "retell": _described("Retell's own knobs.", _closed(retell)),
        },
        ("agent",),
    )


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
