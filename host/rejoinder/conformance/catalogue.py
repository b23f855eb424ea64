"""The checks, in the order in which they are played."""

from rejoinder.conformance.check import Check
from rejoinder.conformance.turn_checks import (
    begin_sensible,
    closes_turns,
    one_action_and_last,
    reminder_sensible,
    speech_clean,
    yields_right_types,
)

CHECKS: tuple[Check, ...] = (
    Check(
        "closes-turns",
        "Every answer comes to its own end, and none raises.",
        "The host ends what does not end and apologises for what raises, but the caller has waited in silence until then.",
        "Let `respond` return when all is said, bound every wait by a time-out, and catch what a library raises.",
        closes_turns,
    ),
    Check(
        "begin-sensible",
        "The first words come within two seconds, whole, though the call's details come late or never.",
        "Details come a moment after the call opens, and sometimes not at all; a caller who hears nothing hangs up.",
        "Fill texts with `await self.call.fill(...)`, which waits a second at most, and wait for nothing else in `begin`.",
        begin_sensible,
    ),
    Check(
        "reminder-sensible",
        "A silence is nudged, and not answered like the last question once more.",
        "A platform asks for a reminder with the same transcript: who answers that repeats itself, and its refusals.",
        "Give `remind` words of its own, or leave it out: the host has a line in the call's language.",
        reminder_sensible,
    ),
    Check(
        "yields-right-types",
        "A reply is a generator, and yields text, Say, actions and notes, with the right types in them.",
        "Numbers, None and bytes are dropped by the host: the caller does not hear them.",
        "Yield `str(value)`; write `async def respond` with a `yield` in it, and no `return` of a coroutine.",
        yields_right_types,
    ),
    Check(
        "one-action-and-last",
        "At most one action ends a reply, and no words come behind it.",
        "An action ends the turn in its final frame: what is yielded after it nobody hears and nobody does.",
        "Yield all words first, then one EndCall, TransferCall or PressDigits, then return.",
        one_action_and_last,
    ),
    Check(
        "speech-clean",
        "What is said is for the ear: no markdown, no emoji, no links, no unfilled fields.",
        "The host leaves such marks out unless `clean_speech` is off, and what was written as a list still sounds like none.",
        "Write sentences, and ask a model for them in its prompt.",
        speech_clean,
    ),
)
