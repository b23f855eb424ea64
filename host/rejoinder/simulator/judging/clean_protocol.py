"""Protocol clean: nothing that a server sends is lost on the platform.

Source of the rules: docs.retellai.com, "LLM WebSocket" (API reference) and "Troubleshooting", read 2026-11. None of it is ever
reported by the platform: a frame that breaks a rule vanishes. How connections end is judged in `clean_connection`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rejoinder.simulator.journal import Entry, Journal
from rejoinder.simulator.judging.findings import FaultName, Finding
from rejoinder.simulator.platform.frames import CONFIGURABLE

#: Kinds of frames that a server may send.
KNOWN = frozenset(
    {
        "config", "ping_pong", "response", "agent_interrupt", "tool_call_invocation", "tool_call_result", "update_agent",
        "metadata",
    }
)  # fmt: skip
#: Seconds after a redial in which a server may say again what may have been lost.
SAID_AGAIN = 2.0
#: Frames of one turn whose reasons begin alike are one finding: an answer that goes on in vain has hundreds.
ALIKE = 20
#: How the journal tells of a frame that is lost, and the fault it is; what fits nothing here has a wrong type.
_DROPPED: tuple[tuple[str, FaultName], ...] = (
    ("was asked for", "unasked_answer"),
    ("had been replaced", "stale_answer"),
    ("was complete", "words_after_the_end"),
    ("goes on after", "endless_answer"),
    ("half of a character", "half_character"),
    ("it is not", "not_json"),
    ("it has no response_type", "unknown_type"),
    ("is unknown", "unknown_type"),
)
#: How the journal tells of a wish that the platform does not see, or cannot grant beside another.
_LOST_WISHES: tuple[tuple[str, FaultName], ...] = (
    ("has the wrong type", "wrong_type"),
    ("has no line to transfer", "transfer_on_web"),
    ("of the same turn comes first", "two_actions"),
)


def broken_rules(journal: Journal) -> Iterator[Finding]:
    """What a server sent that its platform does not take, in order."""
    yield from _dropped(journal)
    yield from _lost_wishes(journal)
    yield from _misformed(journal)
    yield from _configs(journal)
    yield from _bad_tools(journal)


def _found(fault: FaultName, what: str, entry: Entry) -> Finding:
    return Finding("protocol_clean", what, entry.at, entry.turn, fault=fault)


def _dropped(journal: Journal) -> Iterator[Finding]:
    redialled = [entry.at for entry in journal.of("redialled")]
    told: set[tuple[str, int | None]] = set()
    for entry in journal.of("dropped"):
        if _is_greeting(entry, journal):
            yield _found("greeted_twice", f"the begin message is sent once more{_quoted(entry.frame)}", entry)
        elif not any(0 <= entry.at - at <= SAID_AGAIN for at in redialled) and (entry.text[:ALIKE], entry.turn) not in told:
            told.add((entry.text[:ALIKE], entry.turn))
            fault = _fault_of(entry)
            what = "" if fault == "endless_answer" else "the platform drops a frame without a word: "
            yield _found(fault, f"{what}{entry.text}{_quoted(entry.frame)}", entry)


def _fault_of(dropped: Entry) -> FaultName:
    for words, fault in _DROPPED:
        if words in dropped.text:
            return fault
    return "wrong_type"


def _is_greeting(entry: Entry, journal: Journal) -> bool:
    """Whether it is the begin message though that was complete; nobody knows whether a platform would not speak it."""
    return entry.turn is not None and journal.turns[entry.turn].kind == "begin" and bool((entry.frame or {}).get("content"))


def _lost_wishes(journal: Journal) -> Iterator[Finding]:
    """What was wished with words that were spoken: of a wrong type, or more than one of a turn."""
    for entry in journal.of("discarded"):
        for words, fault in _LOST_WISHES:
            if entry.text.endswith(words):
                yield _found(fault, f"the platform passes over a wish without a word: {entry.text}", entry)


def _quoted(frame: Mapping[str, Any] | None) -> str:
    return f"; it was {json.dumps(frame, ensure_ascii=False, default=str)[:200]}" if frame else ""


def _misformed(journal: Journal) -> Iterator[Finding]:
    """Frames that count, and for which the platform forgives what it should not have to."""
    told: set[object] = set()
    dropped = {id(entry.frame) for entry in journal.of("dropped")}
    for entry in journal.of("received"):
        if entry.frame is None or id(entry.frame) in dropped:
            continue
        kind = entry.frame.get("response_type")
        if kind in KNOWN or str(kind) in told:
            continue
        told.add(str(kind))
        fault: FaultName = "no_type" if kind is None else "unknown_type"
        what = (
            "without a response_type, as in the oldest form of the protocol" if kind is None else f"of an unknown type: {kind}"
        )
        yield _found(fault, f"a frame {what}{_quoted(entry.frame)}", entry)


def _configs(journal: Journal) -> Iterator[Finding]:
    """A `config` that is not the first frame of its connection, so that what went before was treated without it; or with what
    does not belong there."""
    before = 0
    for entry in journal.of("dialled", "redialled", "received"):
        before = before + 1 if entry.what == "received" else 0
        if entry.frame is None or entry.frame.get("response_type") != "config":
            continue
        if before > 1 and not journal.of("fault"):
            yield _found("late_config", f"config is the {before}. frame of its connection; only the first is in time", entry)
        if strange := _strange(entry.frame):
            yield _found("polluted_config", f"config holds what does not belong there: {', '.join(strange)}", entry)


def _strange(frame: Mapping[str, Any]) -> list[str]:
    """The names alone: one of them may hold a key."""
    config = frame.get("config")
    inside = [name for name in config if name not in CONFIGURABLE] if isinstance(config, dict) else []
    return [*[name for name in frame if name not in ("response_type", "config")], *inside]


def _bad_tools(journal: Journal) -> Iterator[Finding]:
    seen: set[str] = set()
    for tool in journal.tools:
        place = next((at for at, turn in enumerate(journal.turns) if tool in turn.tools), None)
        if tool.id in seen:
            what = f"the tool call id {tool.id!r} is used twice"
            yield Finding("protocol_clean", what, tool.called_at, place, fault="tool_id_twice")
        seen.add(tool.id)
