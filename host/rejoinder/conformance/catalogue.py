"""The checks, in the order in which they are played."""

from rejoinder.conformance.barge_in_checks import cancels_within_bound, survives_barge_ins, tools_once
from rejoinder.conformance.call_checks import cleans_up, does_not_block, keeps_nothing_between_calls, opens_and_closes
from rejoinder.conformance.check import Check
from rejoinder.conformance.option_checks import options_documented, options_typed
from rejoinder.conformance.transcript_checks import (
    tolerates_empty_transcript,
    tolerates_junk_transcript,
    tolerates_notices,
)
from rejoinder.conformance.turn_checks import (
    begin_sensible,
    closes_turns,
    one_action_and_last,
    reminder_sensible,
    speech_clean,
    yields_right_types,
)

#: Those without which the others cannot be played.
OPENS = "opens-and-closes"
BLOCKS = "does-not-block"
ENDS = "closes-turns"

CHECKS: tuple[Check, ...] = (
    Check(
        "options-typed",
        "Options have types, cannot be changed, hide what is secret, and an unknown one is refused.",
        "What an owner mistypes is found by `rejoinder check`, and not by a caller; secrets are masked only if they are known.",
        "Derive from `Options` with `frozen=True`, give each field a type, and a key or password the type `Secret`.",
        options_typed,
    ),
    Check(
        "options-documented",
        "Every option says what it does.",
        "`rejoinder plugins` and editors show an owner this sentence, and nothing else.",
        'Write `Annotated[str, msgspec.Meta(description="...")]` as its type.',
        options_documented,
    ),
    Check(
        OPENS,
        "It opens, twice at once and again after it was closed, makes the object of a call, and closes without a rest.",
        "A reload opens the new agent before the old one is closed, and a broken one is opened anew every 30 s.",
        "Keep what calls share in the context of `SystemSpec(options, open)`, not in a module; release it behind the `yield`.",
        opens_and_closes,
    ),
    Check(
        BLOCKS,
        "Its thread is never held for longer than 250 ms.",
        "While one call holds it, no other call of the agent gets a word.",
        "Await, or write `respond` as a plain generator, whose steps run in threads, or use `asyncio.to_thread`.",
        does_not_block,
    ),
    Check(
        ENDS,
        "Every answer comes to its own end, and none raises anything but ReplyFailed.",
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
        "What is said is for the ear: no markdown, emoji, links or unfilled fields, and no sentences that run together.",
        "The host leaves such marks out unless `clean_speech` is off, and what was written as a list still sounds like none.",
        "Write sentences, ask a model for them in its prompt, and end a piece with a space if another follows.",
        speech_clean,
    ),
    Check(
        "tolerates-empty-transcript",
        "A request whose transcript is empty is answered too.",
        "It is the first frame that Retell's guide has people send, and what comes when the caller has said nothing yet.",
        'Use `turn.text`, which is "" then, and never `turn.transcript[-1]`.',
        tolerates_empty_transcript,
    ),
    Check(
        "tolerates-junk-transcript",
        "Unknown roles, blank and very long utterances, odd Unicode and noise are answered as well as they can be.",
        "Callers mumble, platforms add roles, calls last an hour.",
        "Ask back when there is nothing to go by; never format, evaluate or compile what a caller has said.",
        tolerates_junk_transcript,
    ),
    Check(
        "tolerates-notices",
        "`listening`, `digits`, `details` and `ended` raise nothing, and `ended` takes no longer than 2 s.",
        "The host logs the first exception of each and goes on; what should have been done then is not done.",
        "Expect an empty transcript and any key in them, and hand what takes long to something that outlives the call.",
        tolerates_notices,
    ),
    Check(
        "cancels-within-bound",
        "An answer that the caller speaks over ends within a second, without another word.",
        "Until then it holds a connection, costs money, and runs beside the next answer.",
        "Let CancelledError pass: clean up in `finally`, briefly, and catch `Exception`, never BaseException or everything.",
        cancels_within_bound,
    ),
    Check(
        "survives-barge-ins",
        "A question is answered as before when earlier answers were cut.",
        "Callers interrupt all the time; a flag or a lock that a cut answer leaves behind makes an agent mute.",
        "Put back in `finally` (or `async with`) whatever an answer has taken.",
        survives_barge_ins,
    ),
    Check(
        "tools-once",
        "A tool that has an effect runs once, though the same is asked for again while it runs.",
        "Platforms ask early and ask again; the usual result is a double booking.",
        "Run it by `self.call.run_once(name, arguments, function)`, with no time, id or number of a turn among the arguments.",
        tools_once,
    ),
    Check(
        "keeps-nothing-between-calls",
        "No caller hears what another has said.",
        "It is the worst that can happen to a caller.",
        "Keep a call's state on `self`, set in `__init__`: no list or dict as an attribute of the class or the module.",
        keeps_nothing_between_calls,
    ),
    Check(
        "cleans-up",
        "A call that has ended leaves no task and no thread behind.",
        "What each call leaves behind, thousands of calls leave behind.",
        "End in `finally` or in `ended` what a reply has started, or use `asyncio.TaskGroup`.",
        cleans_up,
    ),
)
