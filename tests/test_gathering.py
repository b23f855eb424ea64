"""Lines of the log that are written together: never lost, never out of order, and none behind a warning."""

import io
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from rejoinder.gathering import MOST_WAITING, GatheringHandler, sole_handler

#: Seconds that are over in no test.
LONG = 3600.0


class Stream(io.StringIO):
    """Counts writes, and tells of each."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.written = threading.Event()

    def write(self, text: str, /) -> int:
        if "\udcff" in text:
            text.encode()  # as a stream that has an encoding would
        size = super().write(text)
        if text:
            self.writes += 1
            self.written.set()
        return size


class Log:
    """A logger with the handler, and where it writes to."""

    def __init__(self) -> None:
        self.stream = Stream()
        self.handler = GatheringHandler(self.stream)
        self.logger = logging.Logger("test")  # noqa: LOG001  of its own, in nobody's tree
        self.logger.addHandler(self.handler)
        self.info, self.warning = self.logger.info, self.logger.warning

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


class Late:
    """A line that is put off."""

    is_made = False

    def record(self) -> logging.LogRecord:
        self.is_made = True
        return logging.LogRecord("test", logging.INFO, "", 0, "two", (), None)


@pytest.fixture
def log() -> Iterator[Log]:
    log = Log()
    yield log
    log.handler.close()


def test_each_line_is_written_at_once_unless_told_otherwise(log: Log) -> None:
    log.info("one")
    log.info("two")
    assert (log.lines, log.stream.writes) == (["one", "two"], 2)


def test_lines_that_wait_are_written_after_a_while_without_anybody_asking(log: Log) -> None:
    log.handler.gather(0.0)
    log.info("one")
    assert log.stream.written.wait(10)
    assert log.lines == ["one"]


def test_a_second_while_follows_the_first(log: Log) -> None:
    log.handler.gather(0.0)
    for number in range(20):
        log.stream.written.clear()
        log.info("%d", number)
        assert log.stream.written.wait(10)
    assert log.lines == [str(number) for number in range(20)]


def test_a_warning_takes_along_what_waits_in_one_write(log: Log) -> None:
    log.handler.gather(LONG)
    log.info("one")
    log.info("two")
    assert not log.lines
    log.warning("three")
    assert (log.lines, log.stream.writes) == (["one", "two", "three"], 1)


def test_a_line_that_is_put_off_keeps_its_place_and_is_made_when_it_is_written(log: Log) -> None:
    log.handler.gather(LONG)
    late = Late()
    log.info("one")
    log.handler.put_off(late)
    log.info("three")
    assert not late.is_made
    log.handler.flush()
    assert log.lines == ["one", "two", "three"]


def test_lines_that_are_put_off_by_many_threads_are_each_written_once(log: Log) -> None:
    log.handler.gather(0.0)

    def put_off() -> None:
        for _ in range(500):
            log.handler.put_off(Late())

    threads = [threading.Thread(target=put_off) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        log.handler.flush()
    log.handler.flush()
    assert log.lines == ["two"] * 2000


def test_a_line_may_be_put_off_only_where_nobody_else_hears_or_filters_it(log: Log) -> None:
    assert sole_handler(log.logger, logging.INFO) is None, "it does not gather yet"
    log.handler.gather(LONG)
    assert sole_handler(log.logger, logging.INFO) is log.handler
    log.handler.setLevel(logging.WARNING)
    assert sole_handler(log.logger, logging.INFO) is None
    log.handler.setLevel(logging.NOTSET)
    log.handler.addFilter(lambda _: True)
    assert sole_handler(log.logger, logging.INFO) is None
    log.handler.filters.clear()
    log.logger.addHandler(logging.NullHandler())
    assert sole_handler(log.logger, logging.INFO) is None


def test_what_a_line_says_is_what_was_true_when_it_was_logged(log: Log) -> None:
    log.handler.gather(LONG)
    changing = ["before"]
    log.info("%s", changing)
    changing[0] = "after"
    log.handler.flush()
    assert log.lines == ["['before']"]


def test_no_more_than_so_many_lines_wait(log: Log) -> None:
    log.handler.gather(LONG)
    for _ in range(MOST_WAITING - 1):
        log.info("x")
    assert not log.lines
    log.info("x")
    assert len(log.lines) == MOST_WAITING


def test_a_handler_that_is_closed_has_written_all_and_holds_nothing_back_from_then_on(log: Log) -> None:
    log.handler.gather(LONG)
    log.info("one")
    log.handler.close()
    assert log.lines == ["one"]
    log.info("two")
    assert log.lines == ["one", "two"]


def test_a_line_that_cannot_be_encoded_costs_no_other(log: Log) -> None:
    log.handler.gather(LONG)
    for text in ("one", "\udcff", "three"):
        log.info(text)
    log.handler.flush()
    assert log.lines == ["one", "three"]


def test_a_stream_that_is_closed_harms_nobody(log: Log) -> None:
    log.handler.gather(LONG)
    log.info("one")
    log.stream.close()
    log.warning("two")
    log.handler.flush()


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise ValueError"])
def test_the_end_of_a_process_writes_what_waits(end: str) -> None:
    code = (
        "import logging, sys\n"
        "from rejoinder.observability import configure, gather\n"
        "configure(); gather()\n"
        f"logging.info('last words')\n{end}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "last words" in done.stderr
