"""Protocol clean, for chat completions: every answer streams as OpenAI's references describe it, to its end.

Source of the rules: OpenAI's "Create chat completion" and "Streaming" references, read 2026-11. Platforms forgive some of it,
each something else: what is found here is lost on one or the other.
"""

from collections.abc import Iterator

from rejoinder.simulator.journal import Entry, Journal
from rejoinder.simulator.judging.findings import FaultName, Finding

#: How the journal begins to tell of what is wrong with an answer, and the fault it is; behind it are words of the server's.
_FAULTS: tuple[tuple[str, FaultName], ...] = (
    ("HTTP ", "refused_request"),
    ("the answer goes on after", "endless_answer"),
    ("the answer ended without [DONE]", "no_done"),
    ("the answer ended without a finish_reason", "no_finish_reason"),
    ("the finish_reason of an answer with tool calls", "bad_tool_call"),
    ("a tool call", "bad_tool_call"),
    ("the arguments of", "bad_tool_call"),
    ("it is no", "no_chunk"),
    ("its content", "no_chunk"),
)


def bad_completions(journal: Journal) -> Iterator[Finding]:
    """What is wrong with the answers of a server, in order; the same of one turn is found once."""
    told: set[tuple[str, int | None]] = set()
    for entry in journal.of("lost", "dropped"):
        if (entry.text, entry.turn) not in told:
            told.add((entry.text, entry.turn))
            yield Finding("protocol_clean", entry.text, entry.at, entry.turn, fault=_fault_of(entry))


def _fault_of(entry: Entry) -> FaultName:
    if entry.what == "lost":
        return "lost_answer"
    return next((fault for words, fault in _FAULTS if entry.text.startswith(words)), "no_chunk")
