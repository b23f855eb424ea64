"""Imports of plugins that take long: told while they last, with the line at which they stand. A command that waits for one
would otherwise say nothing, perhaps for ever: Python cannot leave an import that does not end."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

log = logging.getLogger(__name__)

#: Seconds that an import may take before it is told of.
PATIENCE = 5.0


@contextmanager
def told_if_slow(plugin: str) -> Iterator[None]:
    """Around an import in this thread; `plugin` is what it is called in the log."""
    timer = threading.Timer(PATIENCE, _tell, (plugin, threading.get_ident()))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _tell(plugin: str, thread: int) -> None:
    where = _line(sys._current_frames().get(thread))  # noqa: SLF001  its documented name
    told = "%s is still being imported after %g s, at %s: what takes long belongs where its agent is opened"
    log.warning(told, plugin, PATIENCE, where)


def _line(frame: FrameType | None) -> str:
    """The innermost line that is not of Python's own library."""
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in sys.stdlib_module_names:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "a line that cannot be seen"
