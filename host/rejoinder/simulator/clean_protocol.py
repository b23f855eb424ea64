"""Protocol clean: nothing that a server sends is lost on the platform, and no connection ends as none should.

Source of the rules: docs.retellai.com, "LLM WebSocket" (API reference) and "Troubleshooting", read 2026-11. None of it is ever
reported by the platform: a frame that breaks a rule vanishes.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rejoinder.simulator.findings import Finding
from rejoinder.simulator.journal import Entry, Journal

#: Kinds of frames that a server may send.
KNOWN = frozenset(
    {
        "config", "ping_pong", "response", "agent_interrupt", "tool_call_invocation", "tool_call_result", "update_agent",
        "metadata",
    }
)  # fmt: skip
#: Seconds after a redial in which a server may say again what may have been lost.
SAID_AGAIN = 2.0
#: How the journal tells of a wish that the platform does not see, or cannot grant beside another.
_LOST_WISHES = ("has the wrong type", "has no line to transfer", "of the same turn comes first")


def broken_rules(journal: Journal) -> Iterator[Finding]:
    """What a server did that its platform does not allow, in order."""
    yield from _dropped(journal)
    yield from _lost_wishes(journal)
    yield from _misformed(journal)
    yield from _late_configs(journal)
    yield from _bad_tools(journal)
    yield from _endings(journal)


def _found(what: str, entry: Entry) -> Finding:
    return Finding("protocol_clean", what, entry.at, entry.turn)


def _dropped(journal: Journal) -> Iterator[Finding]:
    redialled = [entry.at for entry in journal.of("redialled")]
    for entry in journal.of("dropped"):
        if not any(0 <= entry.at - at <= SAID_AGAIN for at in redialled):
            yield _found(f"the platform drops a frame without a word: {entry.text}{_quoted(entry.frame)}", entry)


def _lost_wishes(journal: Journal) -> Iterator[Finding]:
    """What was wished with words that were spoken: of a wrong type, or more than one of a turn."""
    for entry in journal.of("discarded"):
        if entry.text.endswith(_LOST_WISHES):
            yield _found(f"the platform passes over a wish without a word: {entry.text}", entry)


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
        what = (
            "without a response_type, as in the oldest form of the protocol" if kind is None else f"of an unknown type: {kind}"
        )
        yield _found(f"a frame {what}{_quoted(entry.frame)}", entry)


def _late_configs(journal: Journal) -> Iterator[Finding]:
    """A `config` that is not the first frame of its connection, so that what went before was treated without it."""
    before = 0
    for entry in journal.of("dialled", "redialled", "received"):
        if entry.what != "received":
            before = 0
            continue
        before += 1
        late = entry.frame is not None and entry.frame.get("response_type") == "config" and before > 1
        if late and not journal.of("fault"):
            yield _found(f"config is the {before}. frame of its connection; only the first is in time", entry)


def _bad_tools(journal: Journal) -> Iterator[Finding]:
    seen: set[str] = set()
    for tool in journal.tools:
        place = next((at for at, turn in enumerate(journal.turns) if tool in turn.tools), None)
        if tool.id in seen:
            yield Finding("protocol_clean", f"the tool call id {tool.id!r} is used twice", tool.called_at, place)
        seen.add(tool.id)


def _endings(journal: Journal) -> Iterator[Finding]:
    """Connections that the server lost or closed. What a scenario does to a connection is not the server's."""
    faults = [entry.at for entry in journal.of("fault")]
    for entry in journal.of("lost", "closed", "keepalive_lost"):
        is_own = any(at <= entry.at for at in faults)
        if entry.what == "keepalive_lost" and not is_own:
            yield _found(f"the server does not answer pings: {entry.text or 'nothing came'}", entry)
        elif entry.what == "lost" and not is_own:
            yield _found("the server lost the connection without a word (1006)", entry)
    hung_up = journal.of("hang_up", "transfer")
    if journal.reason == "agent_hangup" and not hung_up:
        at = journal.ended_at
        what = (
            "the server hung up by closing the socket with 1000, as a handler does that returns; end_call is the way to do it"
        )
        yield Finding("protocol_clean", what, at)
