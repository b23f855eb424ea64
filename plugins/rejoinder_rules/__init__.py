"""Rules: an ordered list in YAML of what to listen for and what to do then. No model, no surprise."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rejoinder import Call, EndCall, Reply, ResponseSystem, Say, SystemFactory, SystemSpec, Turn, hookimpl
from rejoinder_rules.options import Rule, RulesOptions, Texts, listed
from rejoinder_rules.rulebook import Rulebook

__all__ = ["Rule", "Rules", "RulesOptions", "rejoinder_response_system"]


class Rules(ResponseSystem[RulesOptions]):
    def __init__(self, options: RulesOptions, call: Call, rulebook: Rulebook) -> None:
        super().__init__(options, call)
        self._rulebook = rulebook
        self._said: Counter[Texts] = Counter()

    async def begin(self, turn: Turn) -> Reply:
        yield await self.call.fill(self.options.begin)

    async def remind(self, turn: Turn) -> Reply:
        yield await self._line(self.options.reminder)

    async def respond(self, turn: Turn) -> Reply:
        rule = self._rulebook.rule_for(turn.text)
        if rule is None:
            yield await self._line(self.options.default)
            return
        action = rule.action
        if rule.say:
            # A goodbye is heard to its end; before any other action the caller may still change their mind.
            yield Say(await self._line(rule.say), uninterruptible=isinstance(action, EndCall))
        if action is not None:
            yield action

    async def _line(self, texts: Texts) -> str:
        """The next of `texts`, from the first again after the last; "" if there are none."""
        lines = listed(texts)
        if not lines:
            return ""
        turn_of = self._said[texts] % len(lines)
        self._said[texts] += 1
        return await self.call.fill(lines[turn_of])


@asynccontextmanager
async def _open(options: RulesOptions) -> AsyncIterator[SystemFactory]:
    rulebook = Rulebook(options.rules)
    yield lambda call: Rules(options, call, rulebook)


@hookimpl
def rejoinder_response_system() -> SystemSpec[RulesOptions]:
    return SystemSpec(RulesOptions, _open)
