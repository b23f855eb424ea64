"""The rules of one agent, made ready once and shared by its calls."""

from collections.abc import Sequence

from rejoinder_rules.options import Rule, listed
from rejoinder_rules.patterns import PatternSet
from rejoinder_rules.phrases import words


class Rulebook:
    """Finds the rule for what was said: the first in order that matches."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._phrases = [tuple(map(words, listed(rule.when))) for rule in rules]
        patterns = [(index, pattern) for index, rule in enumerate(rules) for pattern in listed(rule.pattern)]
        self._owners = [index for index, _ in patterns]
        self._patterns = PatternSet([pattern for _, pattern in patterns]) if patterns else None

    def rule_for(self, text: str) -> Rule | None:
        """None if no rule matches. Phrases are held against the words of `text`, patterns against `text` as it was heard."""
        said = words(text)
        found = self._patterns.found_in(text) if self._patterns is not None else ()
        owners = {self._owners[index] for index in found}
        for index, phrases in enumerate(self._phrases):
            if index in owners or any(phrase in said for phrase in phrases):
                return self._rules[index]
        return None
