"""The log: standard logging, as lines for a person or as JSON, one object a line.

Every line that belongs to a call names call, route and agent: host code says the call explicitly (`call_logger`), because one
batch of it serves many calls; a plugin's own lines are given the call that its code runs for. No line here holds a transcript
or a telephone number, and what `mask` was given is in none.
"""

import asyncio
import logging
import re
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, TextIO
from urllib.parse import quote

import msgspec

from rejoinder.call import CallFacts
from rejoinder.contract import CallReport, TurnReport
from rejoinder.gathering import GatheringHandler, PutOff, sole_handler
from rejoinder.handover import CallTask, call_task, current_call
from rejoinder.turn_line import LOGGER, Fields, TurnLine, count, milliseconds

Format = Literal["text", "json"]

#: Shorter texts are not masked: "12345" is in too many lines that hold no secret.
SHORTEST_SECRET = 6
MASK = "***"
_CALL_FIELDS = ("call", "route", "agent")
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
#: What would end a line, move a terminal's cursor or turn the direction of the text.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

log = logging.getLogger(LOGGER)


def configure(level: str | int = "info", fmt: Format = "text", stream: TextIO | None = None) -> None:
    """Send the whole process's log to `stream` (default: the error stream). Again: in place of what was configured before."""
    root = logging.getLogger()
    for handler in _handlers():
        root.removeHandler(handler)
        handler.close()
    root.addHandler(LogHandler(stream or sys.stderr, JsonFormatter() if fmt == "json" else TextFormatter()))
    root.setLevel(level.upper() if isinstance(level, str) else level)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)  # our own lines say more, and never a secret in a path
    logging.captureWarnings(capture=True)
    threading.excepthook = _log_uncaught_in_thread
    # None of it is in our lines, and finding it out is a tenth of what a line costs (the standard library's logging HOWTO,
    # "Optimization").
    logging._srcfile = None  # noqa: SLF001
    logging.logThreads = logging.logMultiprocessing = logging.logProcesses = False


def gather() -> None:
    """From here on the configured log may write lines below warning a moment late, many at once (see GatheringHandler)."""
    for handler in _handlers():
        handler.gather()


def mask(secrets: Iterable[str]) -> None:
    """Keep these texts, of six characters or more, out of every line of the configured log; adds to those it knows."""
    known = list(secrets)
    for handler in _handlers():
        handler.masking.add(known)


def install(loop: asyncio.AbstractEventLoop, *, for_plugins: bool = False) -> None:
    """Log what nobody awaited or caught on `loop`, without the arguments of the callback: they may be what a caller said.

    `for_plugins` names the call of a task that a plugin made and forgot: its loop's tasks are made by `call_task`.
    """
    loop.set_exception_handler(_log_uncaught)
    if for_plugins:
        loop.set_task_factory(call_task)


def _log_uncaught(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    task = context.get("task") or context.get("future")
    name = task.get_name() if isinstance(task, asyncio.Task) else ""
    what = "an exception in a callback" if "handle" in context else str(context.get("message", "an uncaught exception"))
    facts = task.facts if isinstance(task, CallTask) else None
    logger = logging.getLogger("rejoinder.loop")
    told = logger if facts is None else call_logger(facts, logger)
    told.error("%s%s", what, f" ({name})" if name else "", exc_info=context.get("exception"))


def _log_uncaught_in_thread(fault: threading.ExceptHookArgs) -> None:
    """A plugin's own thread has died of an error: a line like any other, not a traceback through the lines of others."""
    if fault.exc_type is SystemExit or fault.exc_value is None:
        return
    name = fault.thread.name if fault.thread is not None else "unknown"
    logging.getLogger("rejoinder.thread").error("an exception ended the thread %s", name, exc_info=fault.exc_value)


class CallLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger whose lines belong to one call; `extra` of a line adds to the call's fields."""

    def __init__(self, logger: logging.Logger, facts: CallFacts) -> None:
        self.logger = logger
        self._facts = facts  # and no `extra` made of it: every call holds one of these and says little

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        call = {"call": self._facts.id, "route": self._facts.route, "agent": self._facts.agent}
        kwargs["extra"] = {**(kwargs.get("extra") or {}), **call}
        return msg, kwargs


def call_logger(facts: CallFacts, logger: logging.Logger = log) -> CallLogger:
    """The log of one call."""
    return CallLogger(logger, facts)


def log_call_started(facts: CallFacts) -> None:
    call_logger(facts).info("call started (%s)", facts.platform, extra={"event": "call started", "platform": facts.platform})


def log_turn_ended(report: TurnReport) -> None:
    """One line a turn; a warning if it failed or timed out. Times in milliseconds since the turn was asked for."""
    level = logging.WARNING if report.outcome in ("failed", "timed out") else logging.INFO
    if not log.isEnabledFor(level):
        return
    line = TurnLine(report, level, time.time())
    if level < logging.WARNING and (handler := sole_handler(log, level)) is not None:
        handler.put_off(line)
    else:
        log.handle(line.record())


def log_call_ended(report: CallReport) -> None:
    """The last line of a call; a warning if its platform never dialled again."""
    fields: Fields = {
        "event": "call ended",
        "ended_by": report.ended_by,
        "close_code": report.close_code,
        "turns": report.turns,
        "redials": report.redials,
        "dropped_outputs": report.dropped_outputs,
        "duration_ms": milliseconds(report.duration),
    }
    call_logger(report.call).log(
        logging.WARNING if report.ended_by == "lost" else logging.INFO,
        "call %s after %.1f s: %s, %s, %s, %s dropped",
        "lost" if report.ended_by == "lost" else f"ended by the {report.ended_by}",
        report.duration,
        "no close code" if report.close_code is None else f"close code {report.close_code}",
        count(report.turns, "turn"),
        count(report.redials, "redial"),
        count(report.dropped_outputs, "output"),
        extra=fields,
    )


class Masking:
    """Replaces secrets in a text."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secrets: Iterable[str]) -> None:
        """Also as they look in a Python literal, in JSON and in a URL."""
        for secret in secrets:
            if len(secret) >= SHORTEST_SECRET:
                self._secrets |= {
                    secret,
                    repr(secret)[1:-1],
                    msgspec.json.encode(secret).decode()[1:-1],
                    quote(secret, safe=""),
                }
        if self._secrets:
            # Longest first: one secret may begin like another.
            self._pattern = re.compile("|".join(map(re.escape, sorted(self._secrets, key=len, reverse=True))))

    def __call__(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern is not None else text


class LineFormatter(logging.Formatter, ABC):
    """What both formats share; no fault in a record's arguments gets out of it."""

    def __init__(self) -> None:
        super().__init__()
        self.masking = Masking()

    def message_of(self, record: logging.LogRecord) -> str:
        try:
            message = record.getMessage()
        except Exception as error:  # noqa: BLE001 - a wrong log call in a plugin is worth a line, not a failure
            message = f"{record.msg} (its arguments do not fit: {error})"
        return self.masking(message)

    @abstractmethod
    def ended(self, turn: TurnLine) -> str:
        """The line of a turn's end, as `format` makes it of its record, at a third of the cost: there is one in each turn."""

    def traceback_of(self, record: logging.LogRecord) -> str:
        if not (record.exc_info or record.exc_text or record.stack_info):
            return ""
        parts: list[str] = []
        if record.exc_info and record.exc_info[0] is not None:
            parts.append(self.formatException(record.exc_info))
        elif record.exc_text:
            parts.append(record.exc_text)
        if record.stack_info:
            parts.append(record.stack_info)
        return self.masking("\n".join(parts))


class TextFormatter(LineFormatter):
    """`2026-11-22 19:20:31.123Z INFO    rejoinder.call [call-1 /echo echo] call started (retell)`

    A line that does not begin with a time belongs to the one above it and is indented; nothing that is logged can begin a line.
    """

    def format(self, record: logging.LogRecord) -> str:
        call = " ".join([str(getattr(record, name, "")) for name in _CALL_FIELDS]) if hasattr(record, "call") else ""
        body = "\n".join(filter(None, (self.message_of(record), self.traceback_of(record))))
        return self._line(record.created, record.levelname, record.name, call, body)

    def ended(self, turn: TurnLine) -> str:
        facts = turn.report.call
        call, said = f"{facts.id} {facts.route} {facts.agent}", self.masking(turn.message())
        return self._line(turn.at, logging.getLevelName(turn.level), LOGGER, call, said)

    def _line(self, at: float, level: str, logger: str, call: str, body: str) -> str:
        head = f"{_utc(at, ' ')} {level:7} {_escaped(logger)}"
        if call:
            head = f"{head} [{_escaped(self.masking(call))}]"
        if body.isprintable():
            return f"{head} {body}"
        return f"{head} " + "\n    ".join(map(_escaped, body.replace("\r\n", "\n").split("\n")))


class JsonFormatter(LineFormatter):
    """One JSON object a line: time, level, logger, message, of a call also call, route and agent, and the line's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        own = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
        traceback = self.traceback_of(record)
        return self._line(record.created, record.levelname, record.name, self.message_of(record), own, traceback)

    def ended(self, turn: TurnLine) -> str:
        said = self.masking(turn.message())
        return self._line(turn.at, logging.getLevelName(turn.level), LOGGER, said, turn.fields(), "")

    def _line(self, at: float, level: str, logger: str, message: str, own: Mapping[str, object], traceback: str) -> str:
        fields: dict[str, object] = {"time": _utc(at, "T"), "level": level.lower(), "logger": logger, "message": message}
        fields |= {name: self._plain(value) for name, value in own.items() if name not in fields}
        if traceback:
            fields["exception"] = traceback
        try:
            return msgspec.json.encode(fields).decode()
        except (UnicodeEncodeError, OverflowError):  # a lone surrogate from a broken peer, an endless number
            return msgspec.json.encode({name: _encodable(value) for name, value in fields.items()}).decode()

    def _plain(self, value: object) -> str | int | float | None:
        """A field as a value of JSON; what is neither number nor nothing is text, so that no secret hides in a structure."""
        if value is None or isinstance(value, int | float):
            return value
        return self.masking(str(value))


class LogHandler(GatheringHandler):
    """Our one handler: names the call of a plugin's own lines."""

    own_filters = 1

    def __init__(self, stream: TextIO, formatter: LineFormatter) -> None:
        super().__init__(stream)
        self._lines = formatter
        self.masking = formatter.masking
        self.setFormatter(formatter)
        self.addFilter(_name_call)

    def late(self, line: PutOff) -> str:
        return self._lines.ended(line) + self.terminator if isinstance(line, TurnLine) else super().late(line)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's name
        """A line that cannot be written cannot be told of either; the default would print its arguments unmasked."""


def _name_call(record: logging.LogRecord) -> bool:
    facts = current_call.get()
    if facts is not None and not hasattr(record, "call"):
        record.call, record.route, record.agent = facts.id, facts.route, facts.agent
    return True


def _handlers() -> list[LogHandler]:
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, LogHandler)]


def _utc(timestamp: float, separator: str) -> str:
    """RFC 3339, to the millisecond."""
    milliseconds = round(timestamp * 1_000_000) // 1000
    return f"{_second(milliseconds // 1000, separator)}.{milliseconds % 1000:03}Z"


@lru_cache(maxsize=4)
def _second(timestamp: int, separator: str) -> str:
    """Most lines are of the same second as the line before."""
    return datetime.fromtimestamp(timestamp, UTC).isoformat(separator)[:-6]


def _escaped(text: str) -> str:
    return text if text.isprintable() else _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _encodable(value: object) -> str:
    return str(value).encode("utf-8", "backslashreplace").decode()
