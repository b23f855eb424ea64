"""The log: the call on each line, text that cannot be forged, JSON that can be read, and no secret in either."""

import asyncio
import io
import json
import logging
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rejoinder import CallFacts, CallReport, Details, TurnReport
from rejoinder.handover import call_context
from rejoinder.observability import (
    Format,
    LogHandler,
    call_logger,
    configure,
    gather,
    install,
    log_call_ended,
    log_call_started,
    log_turn_ended,
    mask,
)
from rejoinder.turn_line import TurnLine

CALL = CallFacts("call-1", "/clinic", "ava", "retell")
TURN = TurnReport(CALL, 3, "response", "finished", 0.0123, 0.0301, 5, 1.25, input_tokens=900, output_tokens=40)
ENDED = CallReport(
    CALL, Details(number="+15551234567"), "platform", 1000, turns=5, redials=1, dropped_outputs=0, duration=62.08
)

log = logging.getLogger("acme.weather")


class Written:
    """What the log holds so far."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def line(self) -> str:
        """The one line, without its time."""
        assert self.text.count("\n") == 1
        assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z ", self.text)
        return self.text[25:-1]

    @property
    def fields(self) -> Any:
        """The one line as JSON."""
        assert self.text.count("\n") == 1
        return json.loads(self.text)


Start = Callable[..., Written]


def fail(text: str) -> None:
    raise ValueError(text)


@pytest.fixture
def start() -> Iterator[Start]:
    """Configures the log of this process, and gives back the one that was before."""
    root = logging.getLogger()
    before, level, access = list(root.handlers), root.level, logging.getLogger("aiohttp.access").level

    def begin(fmt: Format = "text", level: str | int = "info") -> Written:
        written = Written()
        configure(level, fmt, written.stream)
        return written

    yield begin
    root.handlers[:] = before
    root.setLevel(level)
    logging.getLogger("aiohttp.access").setLevel(access)
    logging.captureWarnings(capture=False)


def test_a_line_has_time_level_and_message(start: Start) -> None:
    written = start()
    log.warning("no %s", "rain")
    assert written.line == "WARNING acme.weather no rain"


def test_a_json_line_has_them_under_their_names(start: Start) -> None:
    written = start("json")
    log.warning("no %s", "rain")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", written.fields.pop("time"))
    assert {**written.fields, "time": ""} == {"time": "", "level": "warning", "logger": "acme.weather", "message": "no rain"}


@pytest.mark.parametrize(("level", "shown"), [("debug", True), ("INFO", False), (logging.WARNING, False)])
def test_what_is_below_the_level_is_not_written(start: Start, level: str | int, shown: bool) -> None:
    written = start(level=level)
    log.debug("details")
    assert bool(written.text) is shown


def test_configuring_again_takes_the_place_of_what_was_before(start: Start) -> None:
    first, second = start(), start()
    log.info("once")
    assert (first.text, second.line) == ("", "INFO    acme.weather once")


def test_the_error_stream_is_the_default(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    start()
    configure(stream=sys.stderr)
    log.info("there")
    assert "there" in capsys.readouterr().err


def test_a_line_of_a_call_names_call_route_and_agent(start: Start) -> None:
    written = start()
    call_logger(CALL).info("dialled again")
    assert written.line == "INFO    rejoinder.call [call-1 /clinic ava] dialled again"


def test_a_call_line_keeps_fields_of_its_own(start: Start) -> None:
    written = start("json")
    call_logger(CALL, log).info("ten left", extra={"left": 10, "call": "forged"})
    del written.fields["time"]
    fields = written.fields
    assert (fields["call"], fields["route"], fields["agent"], fields["left"]) == ("call-1", "/clinic", "ava", 10)


def test_a_plugins_own_line_is_given_the_call_that_its_code_runs_for(start: Start) -> None:
    written = start()
    call_context(CALL).run(log.info, "asking")
    assert written.line == "INFO    acme.weather [call-1 /clinic ava] asking"


def test_what_host_code_says_of_a_call_is_not_overruled_by_where_it_runs(start: Start) -> None:
    written = start()
    other = CallFacts("call-2", "/echo", "echo", "retell")
    call_context(CALL).run(call_logger(other).info, "here")
    assert written.line == "INFO    rejoinder.call [call-2 /echo echo] here"


def test_the_start_of_a_call_is_one_line(start: Start) -> None:
    written = start()
    log_call_started(CALL)
    assert written.line == "INFO    rejoinder.call [call-1 /clinic ava] call started (retell)"


def test_the_end_of_a_turn_is_one_line_with_its_times(start: Start) -> None:
    written = start()
    log_turn_ended(TURN)
    assert written.line == (
        "INFO    rejoinder.call [call-1 /clinic ava] "
        "turn 3 (response) finished: first chunk after 12.3 ms, first sentence after 30.1 ms, 5 chunks, 1250 ms in all"
    )


def test_the_end_of_a_turn_has_its_fields_in_json(start: Start) -> None:
    written = start("json")
    log_turn_ended(TURN)
    expected = {
        "call": "call-1",
        "event": "turn ended",
        "turn": 3,
        "kind": "response",
        "outcome": "finished",
        "first_chunk_ms": 12.3,
        "first_sentence_ms": 30.1,
        "chunks": 5,
        "duration_ms": 1250.0,
        "input_tokens": 900,
        "output_tokens": 40,
    }
    assert expected.items() <= written.fields.items()


@pytest.mark.parametrize("fmt", ["text", "json"])
def test_the_line_of_a_turn_says_the_same_whether_it_was_put_off_or_is_made_of_a_record(start: Start, fmt: Format) -> None:
    written = start(fmt)
    mask(["ava the secret"])
    gather()
    (handler,) = [one for one in logging.getLogger().handlers if isinstance(one, LogHandler)]
    for agent in ("ava", "ava the secret", "a\nb"):
        report = TurnReport(CallFacts("call-1", "/clinic", agent, "retell"), 3, "response", "finished", 0.01, None, 5, 1.25)
        line = TurnLine(report, logging.INFO, 1_700_000_000.5)
        handler.put_off(line)
        handler.handle(line.record())
    handler.flush()
    lines = written.text.splitlines()
    assert lines[::2] == lines[1::2]
    assert "2023-11-14" in lines[0]
    assert "the secret" not in written.text


@pytest.mark.parametrize("outcome", ["failed", "timed out"])
def test_a_turn_that_went_wrong_is_a_warning(start: Start, outcome: Any) -> None:
    written = start()
    log_turn_ended(TurnReport(CALL, 1, "begin", outcome, None, None, 1, 12.0))
    assert written.line == (
        "WARNING rejoinder.call [call-1 /clinic ava] "
        f"turn 1 (begin) {outcome}: first chunk never, first sentence never, 1 chunk, 12000 ms in all"
    )


def test_the_end_of_a_call_is_one_line_without_the_callers_number(start: Start) -> None:
    written = start()
    log_call_ended(ENDED)
    assert written.line == (
        "INFO    rejoinder.call [call-1 /clinic ava] "
        "call ended by the platform after 62.1 s: close code 1000, 5 turns, 1 redial, 0 outputs dropped"
    )


def test_the_end_of_a_call_has_its_fields_in_json(start: Start) -> None:
    written = start("json")
    log_call_ended(ENDED)
    expected = {
        "event": "call ended",
        "ended_by": "platform",
        "close_code": 1000,
        "turns": 5,
        "redials": 1,
        "dropped_outputs": 0,
        "duration_ms": 62080.0,
    }
    assert expected.items() <= written.fields.items()
    assert "+15551234567" not in written.text


def test_a_lost_call_is_a_warning(start: Start) -> None:
    written = start()
    log_call_ended(CallReport(CALL, Details(), "lost", None, turns=1, redials=0, dropped_outputs=2, duration=90.0))
    assert written.line == (
        "WARNING rejoinder.call [call-1 /clinic ava] "
        "call lost after 90.0 s: no close code, 1 turn, 0 redials, 2 outputs dropped"
    )


@pytest.mark.parametrize(
    "forged",
    [
        "x\n2026-11-22 19:20:31.123Z INFO    rejoinder.call all is well",
        "x\r2026-11-22 all is well",
        "x\r\n2026-11-22 all is well",
        "x\u20282026-11-22 all is well",
        "x\x852026-11-22 all is well",
        "x\x0b2026-11-22 all is well",
    ],
)
def test_no_text_can_begin_a_line_of_the_log(start: Start, forged: str) -> None:
    written = start()
    log.warning("%s", forged)
    first, *further = written.text.splitlines()
    assert first.startswith("20")
    assert all(line.startswith("    ") for line in further)


def test_a_call_id_can_neither_end_the_line_nor_colour_the_terminal(start: Start) -> None:
    written = start()
    call_logger(CallFacts("a\nb\x1b[31m", "/x", "y", "retell")).info("here")
    assert written.line == "INFO    rejoinder.call [a\\nb\\x1b[31m /x y] here"


def test_an_exception_is_indented_below_its_line(start: Start) -> None:
    written = start()
    try:
        fail("two\nlines")
    except ValueError:
        log.exception("it failed")
    first, *further = written.text.splitlines()
    assert first.endswith("ERROR   acme.weather it failed")
    assert further[0] == "    Traceback (most recent call last):"
    assert further[-2:] == ["    ValueError: two", "    lines"]


def test_an_exception_is_text_in_json(start: Start) -> None:
    written = start("json")
    try:
        fail("two\nlines")
    except ValueError:
        log.exception("it failed")
    assert written.fields["message"] == "it failed"
    assert written.fields["exception"].endswith("ValueError: two\nlines")


@pytest.mark.parametrize("fmt", ["text", "json"])
def test_a_secret_is_in_no_line(start: Start, fmt: Format) -> None:
    written = start(fmt)
    mask(["sk-hunter2", 'quo"ted/line\nbreak', "short", ""])
    mask(["sk-hunter2-longer"])
    secret = 'quo"ted/line\nbreak'
    log.info("key=%s %s", "sk-hunter2", "short", extra={"header": {"Authorization": "Bearer sk-hunter2-longer"}})
    log.info("%r %s %s", secret, json.dumps(secret), "https://host/?key=quo%22ted%2Fline%0Abreak")
    call_logger(CallFacts("sk-hunter2", "/x", "y", "retell")).info("secret in the call's id")
    try:
        fail(f"{secret} and sk-hunter2")
    except ValueError:
        log.exception("it failed")
    assert "hunter2" not in written.text
    assert "quo" not in written.text
    assert "longer" not in written.text
    assert "short" in written.text
    assert "key=***" in written.text


def test_masking_touches_no_name_of_a_json_line(start: Start) -> None:
    written = start("json")
    mask(["message"])
    log.info("a message")
    assert written.fields["message"] == "a ***"


def test_a_wrong_log_call_is_a_line_and_no_failure(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    written = start()
    record = logging.makeLogRecord({"name": "acme.weather", "levelname": "INFO", "msg": "%d rules", "args": ("many",)})
    logging.getLogger().handlers[-1].handle(record)
    assert written.line.startswith("INFO    acme.weather %d rules (its arguments do not fit: ")
    assert capsys.readouterr().err == ""


def test_what_json_cannot_hold_does_not_lose_the_line(start: Start) -> None:
    written = start("json")
    log.info("odd \udcff", extra={"huge": 2**70})
    assert written.fields["message"] == "odd \\udcff"
    assert written.fields["huge"] == str(2**70)


def test_a_stream_that_is_gone_harms_nobody(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    written = start()
    written.stream.close()
    log.info("nobody reads this")
    assert capsys.readouterr().err == ""


def test_the_log_of_requests_is_off(start: Start) -> None:
    start()
    assert not logging.getLogger("aiohttp.access").isEnabledFor(logging.INFO)


def test_warnings_are_lines_of_the_log(start: Start) -> None:
    written = start()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old way", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    assert "WARNING py.warnings" in written.text
    assert "DeprecationWarning: old way" in written.text


async def test_what_nobody_catches_on_a_loop_is_logged_without_what_was_said(start: Start) -> None:
    written = start()
    loop = asyncio.get_running_loop()
    install(loop)

    def respond(text: str) -> None:
        raise ValueError("cannot answer")

    loop.call_soon(respond, "my card number is 1234")
    await asyncio.sleep(0)
    assert "ERROR   rejoinder.loop an exception in a callback\n" in written.text
    assert "ValueError: cannot answer" in written.text
    assert "1234" not in written.text


@pytest.mark.failure(32)
async def test_what_nobody_awaited_is_logged_with_the_name_of_its_task(start: Start) -> None:
    written = start()
    loop = asyncio.get_running_loop()
    install(loop)

    async def fail() -> None:
        raise ValueError("unseen")

    task = loop.create_task(fail(), name="mend broken agents")
    await asyncio.wait((task,))
    del task
    assert "ERROR   rejoinder.loop Task exception was never retrieved (mend broken agents)\n" in written.text
    assert "ValueError: unseen" in written.text
