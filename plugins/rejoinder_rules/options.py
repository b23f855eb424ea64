"""The rules as they are written in YAML."""

from typing import Annotated

from msgspec import Meta

from rejoinder import EndCall, Options, PressDigits, TransferCall
from rejoinder_rules.patterns import PatternSet
from rejoinder_rules.phrases import words

Texts = str | tuple[str, ...]


def listed(texts: Texts) -> tuple[str, ...]:
    """One text or several as several; "" is none."""
    if isinstance(texts, str):
        return (texts,) if texts else ()
    return texts


class Rule(Options, frozen=True):
    """What to listen for and what to do then."""

    when: Annotated[
        Texts, Meta(description="Phrases, any of which the caller says; letter case and punctuation do not matter.")
    ] = ()
    pattern: Annotated[Texts, Meta(description="Patterns in RE2's syntax, any of which occurs in what the caller says.")] = ()
    say: Annotated[Texts, Meta(description="What to say; of several, the next one each time.")] = ()
    end_call: Annotated[bool, Meta(description="Hang up after it was said.")] = False
    transfer: Annotated[
        str, Meta(description="Transfer the call to this name under numbers:; one that is not there is an error.")
    ] = ""
    press: Annotated[str, Meta(pattern="^[0-9*#]*$", description="Keys to press on the line: 0-9, * and #.")] = ""

    def __post_init__(self) -> None:
        if not listed(self.when) and not listed(self.pattern):
            raise ValueError("a rule needs something to match: add when: or pattern:")
        for phrase in listed(self.when):
            if not words(phrase).strip():
                raise ValueError(f"when: the phrase {phrase!r} has no word in it")
        if "" in listed(self.pattern):
            raise ValueError("pattern: an empty pattern matches everything; the line for the rest is default:")
        if listed(self.pattern):
            PatternSet(listed(self.pattern))
        _refuse_blank("say", self.say)
        self._check_action()

    def _check_action(self) -> None:
        given = [name for name in ("end_call", "transfer", "press") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"a rule does one thing to the call: {' and '.join(given)} are given; keep one")
        if not given and not listed(self.say):
            raise ValueError("a rule needs something to do: add say:, end_call:, transfer: or press:")
        if self.end_call and not listed(self.say):
            raise ValueError('end_call needs a goodbye that the caller hears first: add say: "Goodbye."')

    @property
    def action(self) -> EndCall | TransferCall | PressDigits | None:
        """What to do to the call once the rule's line is said."""
        if self.end_call:
            return EndCall()
        if self.transfer:
            return TransferCall(self.transfer)
        return PressDigits(self.press) if self.press else None


class RulesOptions(Options, frozen=True):
    rules: Annotated[tuple[Rule, ...], Meta(description="In order: the first that matches is taken.")] = ()
    begin: Annotated[str, Meta(description='The first words of a call; "" lets the caller speak first.')] = ""
    reminder: Annotated[
        Texts, Meta(description="Said after a silence; absent leaves it to the line in the call's language.")
    ] = ()
    default: Annotated[Texts, Meta(description="Said when no rule matches; of several, the next one each time.")] = (
        "I am sorry, I did not understand that."
    )

    def __post_init__(self) -> None:
        if not listed(self.default):
            raise ValueError("default: the caller would hear nothing; write what to say when no rule matches")
        _refuse_blank("default", self.default)
        _refuse_blank("reminder", self.reminder)
        patterns = [pattern for rule in self.rules for pattern in listed(rule.pattern)]
        if patterns:
            PatternSet(patterns)

    def dials(self) -> list[tuple[tuple[str | int, ...], str]]:
        return [(("rules", index, "transfer"), rule.transfer) for index, rule in enumerate(self.rules) if rule.transfer]


def _refuse_blank(name: str, texts: Texts) -> None:
    if any(not text.strip() for text in listed(texts)):
        raise ValueError(f"{name}: an empty text says nothing; take it out")
