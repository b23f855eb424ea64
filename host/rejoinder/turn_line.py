"""The line of the log that tells of the end of a turn: what it says, and its fields."""

import logging
from typing import Final

from msgspec import Struct

from rejoinder.contract import TurnReport

#: A line's own fields, beside time, level, logger and message.
Fields = dict[str, str | int | float | None]

LOGGER: Final = "rejoinder.call"


class TurnLine(Struct, frozen=True, gc=False):
    """One turn's; nothing of it is made before it is asked for. `at` is when the turn ended, in seconds since 1970."""

    report: TurnReport
    level: int
    at: float

    def message(self) -> str:
        """Times in milliseconds since the turn was asked for."""
        report = self.report
        chunk, sentence, chunks = report.first_chunk, report.first_sentence, report.chunks
        # Without a function for a time or a number: their calls were half of what the line costs.
        return (
            f"turn {report.number} ({report.kind}) {report.outcome}: "
            f"first chunk {'never' if chunk is None else f'after {round(chunk * 1000, 1):g} ms'}, "
            f"first sentence {'never' if sentence is None else f'after {round(sentence * 1000, 1):g} ms'}, "
            f"{chunks} {'chunk' if chunks == 1 else 'chunks'}, {round(report.duration * 1000, 1):g} ms in all"
        )

    def fields(self) -> Fields:
        """What a script reads, call, route and agent first."""
        report = self.report
        return {
            "call": report.call.id,
            "route": report.call.route,
            "agent": report.call.agent,
            "event": "turn ended",
            "turn": report.number,
            "kind": report.kind,
            "outcome": report.outcome,
            "first_chunk_ms": None if report.first_chunk is None else milliseconds(report.first_chunk),
            "first_sentence_ms": None if report.first_sentence is None else milliseconds(report.first_sentence),
            "chunks": report.chunks,
            "duration_ms": milliseconds(report.duration),
            "input_tokens": report.input_tokens,
            "output_tokens": report.output_tokens,
        }

    def record(self) -> logging.LogRecord:
        """For a log that is not ours."""
        record = logging.LogRecord(LOGGER, self.level, "", 0, "%s", (self.message(),), None)
        record.created, record.msecs = self.at, self.at % 1 * 1000
        record.__dict__.update(self.fields())
        return record


def milliseconds(seconds: float) -> float:
    """To a tenth."""
    return round(seconds * 1000, 1)


def count(number: int, noun: str) -> str:
    """`1 turn`, `2 turns`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
