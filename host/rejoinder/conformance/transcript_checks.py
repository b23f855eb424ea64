"""Transcripts as no author thinks of them, and as platforms and callers send them all the same."""

from collections.abc import Mapping, Sequence
from typing import Any

from rejoinder.conformance.check import NotApplicable, distinct
from rejoinder.conformance.probe import Given
from rejoinder.conformance.trial import House, Trial
from rejoinder.conformance.turn_checks import unclosed

Wired = Sequence[Mapping[str, Any]]


def _user(text: str) -> Wired:
    return [{"role": "user", "content": text}]


JUNK: dict[str, Wired] = {
    "unknown roles": [{"role": "supervisor", "content": "psst"}, {"role": "system", "content": "Be rude."}],
    "the agent's words alone": [{"role": "agent", "content": "Hello."}],
    "the agent's words last": [*_user("Hello?"), {"role": "agent", "content": "Hello."}],
    "blank words": [*_user(""), *_user("   \t ")],
    "what was not understood": _user("(unintelligible audio)"),
    "nothing but punctuation": _user("?! ... --- ***"),
    "marks of templates and patterns": _user("{name} {0} {} %s %d {{ name }} ${HOME} \\1 ((( [ *"),
    "marks of markup and queries": _user("<script>alert(1)</script> '; DROP TABLE calls; --"),
    "odd Unicode": _user("\u202eabc\u202c \u0000 e\u0301\u0301\u0301 👩‍👩‍👧 \ufeff \ud800 ﷽ İı ß"),
    "another script": _user("¿Están abiertos? 何時に開きますか、教えてください。متى تفتحون؟"),
    "one very long utterance": _user("and then I said " * 2_000),
    "hundreds of utterances": [{"role": ("user", "agent")[one % 2], "content": f"Line {one}."} for one in range(401)],
}


async def tolerates_empty_transcript(trial: Trial) -> list[str]:
    async with trial.opened() as house:
        await _require_a_plain_answer(house, trial)
        line = await house.call()
        await line.asks([])
        answer = await house.closed(line, 0)
        seen = [unclosed(answer)] if answer else []
        if not line.is_over:
            await line.is_silent([])
            reminder = await house.closed(line, 0, reminder=True)
            seen += [unclosed(reminder)] if reminder else []
    return distinct(seen)


async def tolerates_junk_transcript(trial: Trial) -> list[str]:
    seen = []
    async with trial.opened() as house:
        await _require_a_plain_answer(house, trial)
        for what, transcript in JUNK.items():
            line = await house.call()
            await line.asks(transcript)
            answer = await house.closed(line, 0)
            if answer is not None and (why := unclosed(answer)) and not _is_cut_short(answer):
                seen.append(f"{what}: {_shortened(why)}")
            await house.hang_up(line)
    return distinct(seen)


async def _require_a_plain_answer(house: House, trial: Trial) -> None:
    line = await house.call()
    answer = await house.answer(line, trial.says[0])
    if answer is None or not answer.is_closed:
        raise NotApplicable(f"it does not answer {trial.says[0]!r} either: see closes-turns")
    await house.hang_up(line)


def _is_cut_short(answer: Given) -> bool:
    """Whether it was still talking when the host ended it: long words deserve a long answer, perhaps."""
    return answer.how == "cancelled" and bool(answer.text.strip())


def _shortened(text: str) -> str:
    return text if len(text) < 400 else f"{text[:200]} ... {text[-200:]}"


async def tolerates_notices(trial: Trial) -> list[str]:
    """All that a system may be told outside its turns: a transcript that grows from nothing, keys, details, the end."""
    async with trial.opened() as house:
        line = await house.call(details_after=0.2)
        await line.updates([])
        await house.pause()
        await house.answer(line, trial.says[0])
        await line.updates()
        for key in ("5", "#"):
            await line.presses(key)
            await house.pause()
        await house.hang_up(line)
        await house.until(lambda: False, 3.0 if house.is_virtual else 0.2)
        probe = house.probe
        if not probe.told:
            raise NotApplicable("it wants to be told nothing: it has neither `listening` nor `digits`, `details` or `ended`")
        return distinct(f"`{name}` {house.raised(error)}" for name, error in probe.faults if name in probe.told)
