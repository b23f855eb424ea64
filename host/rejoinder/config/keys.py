"""Every key of the file as a JSON Schema, with what an editor says of it. The readers take keys and bounds from here too."""

from typing import Any

from rejoinder.declared import Schema

PLATFORMS = ("retell", "chat")
#: Those that tell of calls by webhooks too.
POSTING = ("retell",)


def closed(properties: Schema, description: str = "", **others: Any) -> Schema:
    """A mapping with these keys and no others."""
    about = {"description": description} if description else {}
    return {"type": "object", "properties": properties, "additionalProperties": False, **about, **others}


def _key(description: str, kind: str = "string", **others: Any) -> Schema:
    return {"type": kind, "description": description, **others}


def _each(description: str, *forms: Schema, **others: Any) -> Schema:
    """A mapping from names of the user's own choice."""
    form = {**forms[0]} if len(forms) == 1 else {"anyOf": list(forms)}
    return _key(description, "object", additionalProperties={**form, "description": description}, **others)


def _time(description: str) -> Schema:
    """A duration; a value from outside cannot be judged in an editor."""
    return _key(description, pattern=r"^[0-9]+(\.[0-9]+)? ?(ms|s|m|h|d)$|\$\{")


_TEXT = {"type": "string"}
_WORD = {"type": ["string"]}  # no file can stand for it: `loosened` leaves it as it is
_TEXTS = {"type": "array", "items": _TEXT}

SERVER: Schema = {
    "host": _key("The address to bind to; 127.0.0.1 if absent."),
    "port": _key("The port; 8080 if absent, 0 for a free one.", "integer", minimum=0, maximum=65535),
    "public_url": _key("The URL under which platforms reach the server."),
    "watch": _key("Reload on save; if absent on loopback only.", "boolean"),
    "drain": _time("How long a stop waits for live calls; 1h if absent."),
    "admin_token": _key("What shows from elsewhere that one may reload and drain.", pattern=r"^[!-~]{16,}$|\$\{"),
    "reuse_port": _key("Let the next process listen before this one stops.", "boolean"),
    "trusted_proxies": _key("Addresses and networks of proxies that name whom they forward.", "array", items=_TEXT, minItems=1),
    "recordings": _key("The folder of recorded calls, relative to this file; recordings if absent."),
}


def _lines(description: str) -> Schema:
    return {"anyOf": [_TEXT, _TEXTS], "description": description}


LATE: Schema = {
    "filler": _time("Nothing to speak yet: a filler line; 2s if absent."),
    "stall": _time("No further word: the turn is closed; 4s if absent."),
    "fallback": _time("Still nothing: the next agent has the turn; 6s if absent."),
    "apology": _time("Nothing from any agent: an apology, and on_failure; 12s if absent."),
    "longest": _time("No turn is longer; 60s if absent."),
}
LINES: Schema = {
    "filler": _lines("What keeps a waiting caller company, in turn."),
    "apology": _lines("What is said when nobody has answered."),
    "goodbye": _lines("What is said before a hang-up without words."),
    "transfer": _lines("What is said instead of a transfer that cannot be, on a web call."),
}
HEARD: Schema = {
    "farewells": _lines("What a caller says to take leave: said over a hang-up, it is hung up all the same. [] for nothing."),
}
LADDER: Schema = {
    "late": closed(LATE, "When a turn is late, rung by rung."),
    "lines": closed({**LINES, **HEARD}, "What the host itself says, in the agent's language."),
}
ON_FAILURE: Schema = {
    "on_failure": {
        "anyOf": [
            {"enum": ["end", "nothing"]},
            closed({"transfer": _key("A name under numbers:.")}, required=["transfer"]),
        ],
        "description": "What to do after the apology: transfer the call, end it, or nothing.",
    },
}
SPEECH: Schema = {
    "clean_speech": _key("Leave out what a voice would read aloud: markdown, emoji; true if absent.", "boolean"),
}
PLACE: Schema = {
    "language": _key("The language spoken, as a BCP 47 tag."),
    "timezone": _key("The IANA zone of {{ now }}."),
}
AGENT: Schema = {
    "system": _key("The response system."),
    "options": _key("The system's own options, or {file: path} to a YAML file.", "object"),
    "begin": _key('First words; "" lets the caller speak first; absent, the system\'s own.'),
    "reminder": {"anyOf": [_TEXT, _TEXTS], "description": "What to say after silence, in turn."},
    "extends": _key("Another agent to begin from."),
    "fallback": _key("The agent that takes a turn which this one does not answer."),
    **LADDER,
    **SPEECH,
    **PLACE,
}
OBSERVER: Schema = {
    "system": _key("The observer."),
    "options": _key("The observer's own options.", "object"),
}
#: Ranges as Retell's `update_agent` (API reference, LLM WebSocket, read 2026-11).
RETELL: Schema = {
    "responsiveness": _key("How soon the agent answers, 0 to 1.", "number", minimum=0, maximum=1),
    "interruption_sensitivity": _key("How easily it is interrupted, 0 to 1.", "number", minimum=0, maximum=1),
    "reminder_trigger_ms": _key("Silence before a reminder, in ms.", "integer", minimum=1),
    "reminder_max_count": _key("Reminders in a row, 0 for none.", "integer", minimum=0),
    "transcript_with_tool_calls": _key("Ask for tool calls too.", "boolean"),
}
LIMITS: Schema = {
    "calls": _key("Calls at once; any number if absent.", "integer", minimum=1),
    "call_duration": _time("No call is longer; 1h if absent."),
    "reminders": _key("Reminders spoken in a row, 0 for none; any number if absent.", "integer", minimum=0),
}
ACCESS: Schema = {
    "secret": {"anyOf": [_TEXT, _TEXTS], "description": "What a caller's URL must hold; several while one is replaced."},
    "allow": _key("Addresses and networks that may dial, or retell.", "array", items=_TEXT, minItems=1),
    "limits": closed(LIMITS, "How many calls at once, how long, and how many reminders in a row."),
}
RECORD: Schema = {
    "keep": _time("How long a recorded call is kept; 30d if absent."),
    "text": {"enum": ["on", "off", True, False], "description": "Keep the words of the call too; off if absent."},
}
#: On its own, or off where `defaults` say otherwise.
RECORDED: Schema = {
    "record": {
        "anyOf": [{"enum": ["off", False]}, closed(RECORD)],
        "description": "Write each call of the route down, redacted; off if absent.",
    },
}
ROUTE: Schema = {
    "agent": _key("The agent that answers."),
    "platforms": _key("Who may dial; [retell] if absent.", "array", items={"enum": [*PLATFORMS]}, minItems=1),
    "observers": _key("Who hears of its calls.", "array", items=_TEXT),
    "late": LADDER["late"],
    **ON_FAILURE,
    **ACCESS,
    **RECORDED,
    "open": _key("Anybody who reaches the port may call.", "boolean"),
    "retell": closed(RETELL, "Retell's own knobs."),
}
#: What may stand in `defaults:` as well as nearer by; the nearest counts.
DEFAULTS: Schema = {**PLACE, **SPEECH, **LADDER, **ON_FAILURE, **ACCESS, **RECORDED}
WEBHOOK: Schema = {
    "platform": {"enum": [*POSTING], "description": "Who posts."},
    "key": {"anyOf": [_TEXT, _TEXTS], "description": "The platform's key that signs; several while it is changed."},
    "observers": _key("Who hears of it; those that every route of the platform names if absent.", "array", items=_TEXT),
}
FILE: Schema = {
    "server": closed(SERVER, "Where the server listens."),
    "include": _key("Other files with agents and routes, as patterns.", "array", items=_TEXT),
    "defaults": closed(DEFAULTS, "For agents and routes that say nothing else."),
    "vars": _each("A text for {{ vars.name }}.", _TEXT, {"type": ["number", "boolean"]}),
    "numbers": _each(
        "A number that may be dialled, in E.164 and in quotes.", {**_WORD, "pattern": r"^\+[1-9][0-9]{6,14}$|\$\{"}
    ),
    "agents": _each("A response system with its options.", {"$ref": "#/$defs/agent"}),
    "observers": _each("What hears of calls.", {"$ref": "#/$defs/observer"}),
    "webhooks": _each("What a platform posts to /webhooks/NAME.", {"$ref": "#/$defs/webhook"}),
    "routes": _each("The agent of a path.", _WORD, {"$ref": "#/$defs/route"}, propertyNames={"pattern": "^/"}),
}
