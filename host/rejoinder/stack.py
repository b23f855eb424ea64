"""Where a thread stands in its code, seen from another."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

#: What runs a plugin and is not the plugin.
_HOST = frozenset({"rejoinder", "uvloop"})
#: The functions in which an event loop turns: what stands above them on a stack is what the loop runs.
_TURNING = frozenset(
    {
        ("asyncio.base_events", "run_forever"),
        ("asyncio.events", "_run"),
        ("asyncio.runners", "run"),
        ("rejoinder.threads", "_run"),
        ("rejoinder.threads", "_finish"),
    }
)


@dataclass(frozen=True, slots=True)
class Place:
    """A line of code; `inside` is where it has called into, "" if it has not left its own package."""

    file: str
    line: int
    function: str
    inside: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line} ({self.function}{f', inside {self.inside}' if self.inside else ''})"


def place(innermost: FrameType) -> Place:
    """The innermost line of the plugin that runs on this stack: of the package that was entered first, not of the libraries
    that it calls. Without a plugin, the innermost line there is."""
    entered, own = "", innermost
    for frame in reversed(list(_run_by_the_loop(innermost))):
        package = _package(frame)
        if package in _HOST or package in sys.stdlib_module_names:
            continue
        entered = entered or package
        if package == entered:
            own = frame
    inside = "" if _package(own) == _package(innermost) else f"{_function(innermost)} of {_module(innermost)}"
    return Place(own.f_code.co_filename, _line(own), _function(own), inside)


def is_waiting(innermost: FrameType) -> bool:
    """Whether this thread's event loop has nothing to do: it waits in its selector (uvloop's leaves no frame of its own)."""
    if _is_turning(innermost):
        return True
    outer = innermost.f_back
    return _module(innermost) == "selectors" and outer is not None and _module(outer) == "asyncio.base_events"


def _run_by_the_loop(innermost: FrameType) -> Iterator[FrameType]:
    frame: FrameType | None = innermost
    while frame is not None and not _is_turning(frame):
        yield frame
        frame = frame.f_back


def _is_turning(frame: FrameType) -> bool:
    return (_module(frame), frame.f_code.co_name) in _TURNING


def _module(frame: FrameType) -> str:
    name: Any = frame.f_globals.get("__name__")
    return name if isinstance(name, str) else ""


def _package(frame: FrameType) -> str:
    return _module(frame).partition(".")[0]


def _function(frame: FrameType) -> str:
    return frame.f_code.co_qualname


def _line(frame: FrameType) -> int:
    line: int | None = frame.f_lineno  # None between two lines
    return line or frame.f_code.co_firstlineno
