"""Every error Rejoinder raises; whose fault it was is in the type.

RejoinderError
 +-- ConfigError      the owner's file: carries every problem found, each with its place and remedy
 +-- PluginError      a plugin: does not import, does not open, breaks the contract
 +-- ReplyFailed      a response system, in a reply: it knows that it has no answer
 +-- ToolOutcomeUnknown  a tool that did not come to its end: it may have had its effect
 +-- PeerError        what the platform sent: unreadable frame, wrong shape
 +-- CallRefused      a call that cannot be let in (unknown route, ...)
"""

from collections.abc import Sequence
from dataclasses import dataclass


class RejoinderError(Exception):
    """Whatever Rejoinder raises on purpose."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in a configuration file.

    file, line and column (both from 1; 0 = the file as a whole) say where to look, `where` is the path of keys
    (`routes./clinic.agent`, may be empty), `what` the fault and `remedy` what to do about it (may be empty).
    """

    file: str
    line: int
    column: int
    where: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        where = f"{self.where}: " if self.where else ""
        remedy = f" ({self.remedy})" if self.remedy else ""
        return f"{place}: {where}{self.what}{remedy}"


class ConfigError(RejoinderError):
    """The configuration is wrong. `problems` holds all that was found, in the order of the files."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class PluginError(RejoinderError):
    """A plugin does not load, does not open or breaks the contract; the text names it and its distribution."""


class ReplyFailed(RejoinderError):
    """Raised by a response system in a reply: it has no answer, and knows why.

    The host logs the text in one line, without a traceback, and takes its own next step: the caller hears the host's line in
    the call's language, and the turn has failed. The text says nothing of what was said in the call.
    """


class ToolOutcomeUnknown(RejoinderError):
    """Raised by `Call.run_once`: the tool did not come to its end in time, so that nobody knows whether it had its effect.

    It is not run again in this call; asking again raises this again. The function of a tool raises it itself for an effect that
    nobody confirmed. The text names the tool, and says nothing of what it was given.
    """


class PeerError(RejoinderError):
    """The platform sent something unreadable. The call goes on; the text never holds what was sent."""


class CallRefused(RejoinderError):
    """A call is not let in. `status` is the HTTP status to answer the handshake with."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        super().__init__(reason)
