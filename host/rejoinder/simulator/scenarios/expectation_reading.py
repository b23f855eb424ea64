"""`expect:` of a scenario or of one of its steps, from YAML to values."""

from typing import cast

from rejoinder.config.durations import read_duration
from rejoinder.config.tree import Broken, Listing, Scalar, Table, plain
from rejoinder.config.value import Value, nearest
from rejoinder.simulator.scenarios.expectation import (
    ENDERS,
    NOWHERE,
    ActionExpectation,
    CallExpected,
    EndExpectation,
    Expected,
    TextExpectation,
    TextRule,
    TimeExpectation,
    ToolExpectation,
)

#: Keys for what the agent says in one place.
TEXT_KEYS: tuple[TextRule, ...] = ("is", "contains", "matches", "absent")
HEARD_KEYS = (*TEXT_KEYS, "action", "first_sentence")
#: Checks that are always made, unless they are switched off.
STANDING_KEYS = ("turns_closed", "turns_answered", "turns_sensible", "protocol_clean", "speech_clean")
#: Keys for the call as a whole.
CALL_KEYS = (*HEARD_KEYS, "ends", "tools", "silence", *STANDING_KEYS)
ACTION_KEYS = ("transfer", "presses")
TOOL_KEYS = ("called", "not_called", "with", "once")

#: Why Retell says that a call ended (`disconnection_reason` of its call object; retell-sdk 5.60, read 2026-11), as far as a
#: simulated one can end so.
REASONS = (
    "user_hangup", "agent_hangup", "call_transfer", "inactivity", "max_duration_reached", "error_llm_websocket_open",
    "error_llm_websocket_lost_connection", "error_llm_websocket_runtime", "error_llm_websocket_corrupt_payload",
)  # fmt: skip
_ACTION_REMEDY = 'write hang_up, none, {transfer: "+44..."} or {presses: "1#"}'


def read_expected(value: Value, *more: str) -> Expected:
    """What is expected in one place of a call; a bare text is what must be in it. `more` are keys that the caller reads."""
    if isinstance(value.node, Scalar):
        text = value.text()
        return Expected((TextExpectation("contains", text, value.node.mark),)) if text else Expected()
    return _heard(value) if value.table((*HEARD_KEYS, *more)) else Expected()


def read_call_expected(value: Value) -> CallExpected:
    """What is expected of a call as a whole."""
    if not value.table(CALL_KEYS):
        return CallExpected()
    tools, ends = value.given("tools"), value.given("ends")
    standing = {key: child.flag() for key in STANDING_KEYS if (child := value.given(key))}
    on = {key: is_on for key, is_on in standing.items() if is_on is not None}
    return CallExpected(
        _heard(value), _end(ends) if ends else None, _tools(tools) if tools else (), read_time(value, "silence"), **on
    )


def read_time(value: Value, key: str) -> TimeExpectation | None:
    """A duration that must not be exceeded."""
    child = value.given(key)
    seconds = read_duration(child) if child else None
    return TimeExpectation(seconds, child.node.mark) if child and seconds is not None else None


def _heard(value: Value) -> Expected:
    texts = tuple(one for rule in TEXT_KEYS for one in _texts(value, rule))
    action = value.given("action")
    return Expected(texts, _action(action) if action else None, read_time(value, "first_sentence"))


def _texts(value: Value, rule: TextRule) -> list[TextExpectation]:
    """The texts under a rule: one, or several in a list, of which each must be as the rule says."""
    child = value.given(rule)
    if child is None:
        return []
    several = isinstance(child.node, Listing) and rule != "is"
    items = child.items("texts") or [] if several else [child]
    return [TextExpectation(rule, text, item.node.mark) for item in items if (text := _usable(item, rule)) is not None]


def _usable(item: Value, rule: TextRule) -> str | None:
    text = item.text()
    if text is None or (text == "" and rule == "is"):
        return text
    if not text.strip():
        item.wrong("an empty text is in every text", 'leave it out, or write is: "" for silence')
        return None
    if rule == "matches" and (fault := _fault_of_pattern(text)):
        item.wrong(f"not a pattern of RE2: {fault}", "see github.com/google/re2/wiki/Syntax; quote it with '...'")
        return None
    return text


def _fault_of_pattern(pattern: str) -> str:
    import re2  # type: ignore[import-untyped]

    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        return error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
    return ""


def _action(value: Value) -> ActionExpectation | None:
    place = value.node.mark
    match value.node:
        case Scalar(text="hang_up"):
            return ActionExpectation("hang_up", place=place)
        case Scalar(text="none"):
            return ActionExpectation("", place=place)
        case Table(entries=entries) if len(entries) == 1 and value.table(ACTION_KEYS):
            (key,) = entries
            child = value.child(key)
            target = child.text() if child else None
            return ActionExpectation("transfer" if key == "transfer" else "digits", target, place) if target else None
        case Table(entries=entries) if len(entries) == 1:  # its key was reported
            return None
        case _:
            value.wrong("not an action", _ACTION_REMEDY)
            return None


def _end(value: Value) -> EndExpectation | None:
    by = value.text()
    if by is None or by in (*ENDERS, *REASONS):
        return EndExpectation(by, value.node.mark) if by else None
    value.wrong(f"nothing ends a call that is called '{by}'", nearest(by, (*ENDERS, *REASONS)))
    return None


def _tools(value: Value) -> tuple[ToolExpectation, ...]:
    items = value.items("tools") or []
    return tuple(tool for item in items if (tool := _tool(item)))


def _tool(value: Value) -> ToolExpectation | None:
    if not value.table(TOOL_KEYS):
        return None
    keys = [key for key in ("called", "not_called") if value.origin.child(key)]
    if len(keys) != 1:
        value.wrong("a tool is either called or not_called", "write {called: name} or {not_called: name}")
        return None
    child, once = value.child(keys[0]), value.given("once")
    name = child.text() if child else None
    is_once = once.flag() if once else None
    arguments = _arguments(value)
    if keys[0] == "not_called" and (arguments or is_once):
        value.wrong("what is not called is given nothing, and not once", "leave out with: and once:")
    place = child.node.mark if child else NOWHERE
    return ToolExpectation(name, keys[0] == "called", arguments, bool(is_once), place) if name else None


def _arguments(value: Value) -> dict[str, object]:
    child = value.given("with")
    if child is None or isinstance(child.node, Broken) or not child.table():
        return {}
    return cast("dict[str, object]", plain(child.node))
