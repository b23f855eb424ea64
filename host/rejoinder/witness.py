"""Who is told of a call."""

from typing import Protocol

from rejoinder.call import CallFacts
from rejoinder.contract import CallReport, TurnReport


class Witness(Protocol):
    """Who is told of a call: the log and the route's observers. Never blocks, never raises."""

    def call_started(self, call: CallFacts) -> None: ...

    def turn_ended(self, report: TurnReport) -> None: ...

    def call_ended(self, report: CallReport) -> None: ...
