"""Whether a system's replies come to their own end, and what they hold."""

from rejoinder.conformance.check import NotApplicable, distinct
from rejoinder.conformance.probe import Given, described, words_of
from rejoinder.conformance.trial import Trial
from rejoinder.dialogue import Action, Say, flaw_in
from rejoinder.simulator.judging.clean_speech import flaws


def unclosed(reply: Given) -> str:
    """Why a reply has not come to its own end, in words; "" if it has."""
    asked = f"`{reply.method}`, asked {reply.asked!r}," if reply.kind == "response" else f"`{reply.method}`"
    if reply.wrong or reply.is_closed:
        return ""  # what is wrong is no reply at all, which is another matter
    if reply.how == "raised":
        return f"{asked} raised {described(reply.error)}"
    said = f"after it had said {reply.text[-60:]!r}" if reply.text else "without a word"
    return f"{asked} did not end by itself: the host gave it up {said}"


async def closes_turns(trial: Trial) -> list[str]:
    replies = await trial.answers()
    if replies and all(reply.has_no_answer for reply in replies):
        return [f"it had no answer to anything that was said, perhaps for want of options: {described(replies[0].error)}"]
    return distinct(unclosed(reply) for reply in replies)


async def yields_right_types(trial: Trial) -> list[str]:
    seen = []
    for reply in await trial.every_reply():
        if reply.wrong:
            seen.append(f"`{reply.method}` returned {reply.wrong}, no generator")
        for _, output in reply.outputs:
            if flaw := flaw_in(output):
                seen.append(f"`{reply.method}` yielded {flaw}")
    return distinct(seen)


async def one_action_and_last(trial: Trial) -> list[str]:
    seen = []
    for reply in await trial.every_reply():
        action = None
        for _, output in reply.outputs:
            if action is not None and isinstance(output, str | Say | Action):
                what = f"{words_of(output)!r}" if isinstance(output, str | Say) else str(type(output).__name__)
                seen.append(f"`{reply.method}` yielded {what} after {action}, to {reply.asked!r}")
            if isinstance(output, Action):
                action = type(output).__name__
    return distinct(seen)


async def speech_clean(trial: Trial) -> list[str]:
    replies = await trial.every_reply()
    return distinct(f"`{reply.method}` says {what}: {words!r}" for reply in replies for what, words in flaws(reply.text))


async def begin_sensible(trial: Trial) -> list[str]:
    seen = []
    for when, details_after in (("at once", 0.0), ("late", 1.5), ("never", None)):
        async with trial.opened() as house:
            await (house.call(details_after=details_after) if details_after is not None else house.call(None))
            for reply in house.probe.given("call-0", "begin"):
                await house.over(reply, 0.1)
                seen += [f"with the call's details {when}: {one}" for one in _odd_begin(reply) if one]
            begins = bool(house.probe.given("call-0", "begin"))
        if not begins:
            raise NotApplicable("it has no begin message: the caller speaks first")
    return distinct(seen)


#: Loop seconds in which a caller wants the first words.
FIRST_WORDS = 2.0


def _odd_begin(reply: Given) -> list[str]:
    seen = [unclosed(reply)]
    spoken = [at for at, output in reply.outputs if words_of(output).strip()]
    if spoken and spoken[0] - reply.began > FIRST_WORDS:
        seen.append(f"its first words came after {spoken[0] - reply.began:.1f} s")
    if reply.leaves and not reply.text.strip():
        seen.append("it ended the call before it had said a word")
    return seen


async def reminder_sensible(trial: Trial) -> list[str]:
    """Two questions that are answered differently, and what is said after a silence to each."""
    seen: list[str] = []
    pairs: list[tuple[str, str]] = []
    async with trial.opened() as house:
        for text in trial.says:
            line = await house.call()
            answer = await house.answer(line, text)
            if line.is_over or answer is None or not answer.is_closed:
                continue
            await line.is_silent()
            reminder = await house.closed(line, 0, reminder=True)
            if reminder is None:
                raise NotApplicable("it has no reminder of its own: the host says its line")
            seen.append(unclosed(reminder))
            pairs.append((_bare(answer.text), _bare(reminder.text)))
    answered = {answer for answer, reminder in pairs if answer}
    if len(answered) > 1 and all(answer == reminder for answer, reminder in pairs):
        seen.append(f"after a silence it answered the last question again: {pairs[0][1]!r}")
    return distinct(seen)


def _bare(text: str) -> str:
    return " ".join(text.split())
