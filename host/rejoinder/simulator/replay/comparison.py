"""A recorded call beside the same call played now: what the agent says and does otherwise."""

from collections.abc import Iterator, Sequence

from rejoinder.simulator.journal import AskedTurn, Journal
from rejoinder.simulator.judging.findings import Answer, Finding, Played
from rejoinder.simulator.replay.past import Comparison, Contrast, Reaction
from rejoinder.simulator.scenarios.steps import Hears
from rejoinder.simulator.scenarios.telling import told

#: What a recorded caller waits for in vain makes no fault of a shorter answer.
_IN_VAIN = "interrupts"


def compared(played: Played) -> Comparison | None:
    """Then and now; None for what was not recorded."""
    past = played.play.scenario.past
    if past is None:
        return None
    steps = played.play.scenario.steps
    contrasts = []
    if past.opening is not None:
        contrasts.append(_contrast(played.journal, "hears the first words", past.opening, _opening(played)))
    for place, (step, then) in enumerate(zip(steps, past.reactions, strict=True)):
        answer = played.answers[place] if place < len(played.answers) else None
        if then is not None:
            contrasts.append(_contrast(played.journal, told(step), then, answer))
    return Comparison(tuple(contrasts), (*past.notes, *_notes(played)))


def unlike(played: Played) -> Iterator[Finding]:
    """What is wrong with a recorded call that was played again: what kept it from being played, and if its past is binding
    every difference."""
    yield from (missed for missed in played.missed if missed.check != _IN_VAIN)
    comparison, past = compared(played), played.play.scenario.past
    if comparison is None or past is None or not past.is_binding:
        return
    for one in comparison.contrasts:
        if not one.is_same:
            yield Finding("recorded", _unlike(one), one.at, one.turn, played.play.scenario.place)


def _unlike(one: Contrast) -> str:
    now = one.now or Reaction()
    if not one.is_said_the_same:
        return f"said was {one.then.text!r}, now it is {now.text!r}"
    if not one.is_done_the_same:
        return f"done was {done(one.then)}, now it is {done(now)}"
    return f"called was {called(one.then)}, now it is {called(now)}"


def done(reaction: Reaction) -> str:
    """What the platform was told to do."""
    words = {"hang_up": "hang up", "transfer": "transfer", "digits": "press keys", "": "nothing"}[reaction.action]
    return f"{words} ({reaction.target})" if reaction.target else words


def called(reaction: Reaction) -> str:
    """Which tools were called."""
    return ", ".join(f"{name}({arguments})" for name, arguments in reaction.tools or ()) or "no tool"


def _notes(played: Played) -> Iterator[str]:
    vain = sum(missed.check == _IN_VAIN for missed in played.missed)
    if vain:
        yield f"the agent had finished {vain} times before the caller cut in as then"


def _opening(played: Played) -> Answer:
    """What the agent did before the caller did anything."""
    first = played.answers[0].turns.start if played.answers else len(played.journal.turns)
    return Answer(Hears(), 0.0, range(first))


def _contrast(journal: Journal, step: str, then: Reaction, answer: Answer | None) -> Contrast:
    if answer is None:
        return Contrast(step, then, None, journal.ended_at)
    turns = [turn for turn in answer.of(journal) if not _was_for_nobody(turn)]
    place = journal.place(turns[-1]) if turns else None
    at = max([answer.at, *(turn.spoken_to for turn in turns if turn.spoken_to is not None)])
    return Contrast(step, then, _reaction(turns), at, place)


def _was_for_nobody(turn: AskedTurn) -> bool:
    """Whether the caller went on before a word of it was heard."""
    return not turn.heard.strip() and (turn.superseded_at is not None or bool(turn.discarded))


def _reaction(turns: Sequence[AskedTurn]) -> Reaction:
    acted = next((turn for turn in turns if turn.action), None)
    return Reaction(
        " ".join(text for turn in turns if (text := turn.said.strip())),
        bool(turns) and (turns[-1].cut or turns[-1].completed_at is None),
        acted.action if acted else "",
        acted.target if acted else "",
        tuple((tool.name, tool.arguments) for turn in turns for tool in turn.tools),
        next((one.first_sentence_at - one.asked_at for one in turns if one.first_sentence_at is not None), None),
    )
