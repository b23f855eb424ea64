"""What ends a thread of a plugin's own is a line of the log, and no traceback between those of others."""

import io
import json
import sys
import threading
from collections.abc import Callable

from rejoinder.observability import configure


def logged(run: Callable[[], object]) -> str:
    """What the log holds after a thread has run."""
    stream = io.StringIO()
    configure("info", "json", stream)
    thread = threading.Thread(target=run, name="poll the till")
    thread.start()
    thread.join()
    return stream.getvalue()


def test_an_exception_that_ends_a_thread_is_one_line() -> None:
    line = json.loads(logged(lambda: int("many")))
    assert (line["level"], line["logger"]) == ("error", "rejoinder.thread")
    assert line["message"] == "an exception ended the thread poll the till"
    assert "ValueError: invalid literal" in line["exception"]


def test_a_thread_that_ends_itself_is_no_error() -> None:
    assert logged(sys.exit) == ""
