"""All checks of one system, one after the other; for a command and for a test."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rejoinder.conformance.catalogue import BLOCKS, CHECKS, ENDS, OPENS
from rejoinder.conformance.check import Check, NotApplicable, OnlyInRealTime, Outcome, Verdict
from rejoinder.conformance.guard import Guard, Held, NeverEnded
from rejoinder.conformance.probe import Given
from rejoinder.conformance.trial import SAYS, Trial
from rejoinder.contract import SystemSpec
from rejoinder.errors import ConfigError, PluginError
from rejoinder.routes import resolve
from rejoinder.testing.clock import PeerElsewhere
from rejoinder.testing.subject import AgentKeys, Subject, Tried, subject

#: Real seconds of one check from which on a system counts as one whose answers take real time.
SLOW = 3.0


@dataclass
class Suite:
    """The checks of one system. `is_virtual` turns false when it turns out to talk to a server elsewhere; `tick` is called all
    the time while calls are played."""

    system: Tried
    keys: AgentKeys
    says: Sequence[str] = SAYS
    effects: Callable[[], int] | None = None
    is_virtual: bool = True
    tick: Callable[[], None] = lambda: None
    _found: tuple[Subject, SystemSpec[Any]] | None = None
    _never_ended: NeverEnded | None = None
    _is_slow: bool = False
    _common: list[Given] = field(default_factory=list)

    @property
    def left_behind(self) -> str:
        """What could not be ended and still goes on in this process, in words; "" if nothing does."""
        return str(self._never_ended or "")

    def load(self) -> None:
        """Import the system, if that is not done yet. Raises as `verdicts` does."""
        self._find()

    def verdicts(self, only: Sequence[str] = ()) -> Iterator[Verdict]:
        """What comes of each check, as soon as it is known. Raises ConfigError for wrong options, PluginError for a system that
        does not load."""
        for check in CHECKS:
            if not only or check.name in only:
                yield self.verdict(check)

    def verdict(self, check: Check) -> Verdict:
        """What comes of one check. Raises as `verdicts` does."""
        self._find()
        begun = time.monotonic()
        outcome, seen = self._judged(check)
        took = time.monotonic() - begun
        self._is_slow = self._is_slow or took > SLOW
        return Verdict(check, outcome, tuple(seen), took)

    def _judged(self, check: Check) -> tuple[Outcome, list[str]]:
        if self._never_ended is not None:
            return self._without_end(check)
        try:
            seen = self._played(check)
        except NotApplicable as why:
            return "skipped", [str(why)]
        except NeverEnded as never:
            self._never_ended = never
            return ("failed", [str(never)]) if check.name != BLOCKS else self._without_end(check)
        except PluginError as error:
            return ("failed" if check.name == OPENS else "skipped"), [str(error)]
        return ("failed" if seen else "passed"), seen

    def _without_end(self, check: Check) -> tuple[Outcome, list[str]]:
        if check.name == (BLOCKS if isinstance(self._never_ended, Held) else ENDS):
            return "failed", [str(self._never_ended)]
        return "skipped", [f"it cannot be played on: {self._never_ended}"]

    def _played(self, check: Check) -> list[str]:
        try:
            guard, seen = self._run(check)
        except PeerElsewhere:
            self.is_virtual = False  # its server is elsewhere: from here on in real time
            guard, seen = self._run(check)
        except OnlyInRealTime:
            if not self.is_virtual:
                raise
            return self._again_in_real_time(check)
        if seen and self.is_virtual and guard.strangers:
            return self._again_in_real_time(check)
        return seen

    def _again_in_real_time(self, check: Check) -> list[str]:
        """Threads were at work: those of the plugin's own, for which the virtual clock does not wait, so that what it shows may
        be wrong, or those of its steps, for which it does."""
        self.is_virtual = False
        try:
            return self._run(check)[1]
        finally:
            self.is_virtual = True

    def _run(self, check: Check) -> tuple[Guard[list[str]], list[str]]:
        tried, spec = self._find()
        given = self.keys.get("options", {})
        kind = spec.options if isinstance(given, Mapping) else type(given)
        guard: Guard[list[str]] = Guard(self.is_virtual, self._is_slow or not self.is_virtual, self.tick)

        async def play(guard: Guard[list[str]]) -> list[str]:
            trial = Trial(self.system, self.keys, tried, spec, kind, self.says, self.effects, guard, self._common)
            return await check.play(trial)

        return guard, guard.run(play)

    def _find(self) -> tuple[Subject, SystemSpec[Any]]:
        if self._found is None:
            tried = subject(self.system, self.keys)
            spec, config = tried.registry.system(tried.name), tried.config()
            try:
                resolve(config, tried.registry)
            except ConfigError as error:
                raise tried.wrong(error.problems) from None
            self._found = tried, spec
        return self._found
