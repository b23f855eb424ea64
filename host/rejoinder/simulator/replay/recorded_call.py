"""A recorded call as a scenario: its caller's turns as steps, which the simulated platform plays against an agent of today.

The frames are not sent again as they came. An agent that says something longer now would be cut off in mid-sentence by a caller
who speaks by the clock, and the transcript in each frame would hold what the agent of then had said. So the caller does the
same again, each thing when it is due: after the agent's words, or over them where it cut in, or after the same silence.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rejoinder.config.tree import Mark
from rejoinder.recording.catalogue import Line
from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.platform.transcript import UNINTELLIGIBLE
from rejoinder.simulator.replay.past import Past, Reaction
from rejoinder.simulator.replay.recollection import OldCall, OldTurn, Said, recollect
from rejoinder.simulator.scenarios.scenario import LIMIT, CallSetup, PlatformSetup, Scenario
from rejoinder.simulator.scenarios.steps import Act, HangsUp, Hears, Mumbles, Pause, Point, Presses, Says, Silent, Step

#: Silences shorter than that, in seconds, are how people talk: the simulated caller has its own.
LONG_SILENCE = 3.0
#: Who begins while so many words are left, and lets them be said, had only not waited for the end of the sentence.
OVERLAP = 2
#: Who hangs up so many seconds before the end has heard it.
_A_MOMENT = 0.05
#: How a number begins that stands for one of which only the last two digits are known: it is nobody's.
_NOBODYS = "+155555501"
_HIDDEN = "*"
_FILLING = "5"
#: A word with hidden digits, or a secret.
_NUMBER = re.compile(r"(?<!\S)[+(]*(?=[^\s*]*\*)[\d*().\-/]+(?=[,.;:!?]*(?!\S))")
_WORD = re.compile(r"[\w*]+(?:'\w+)*")


def scenario_of(head: Mapping[str, Any], lines: Iterable[Line], place: Mark) -> Scenario:
    """The scenario of a recording, of which `head` is the first line. It must have words."""
    call = recollect(lines)
    moments = _Moments(call, is_chat=head.get("platform") != "retell")
    moments.live_through()
    reactions = [moment.reaction(has_tools=not moments.is_chat) for moment in moments.all]
    return Scenario(
        name=str(head.get("call") or "a recorded call"),
        steps=tuple(moment.step for moment in moments.all[1:]),
        about=f"A call recorded at {head.get('start')}",
        route=str(head.get("route") or ""),
        call=_setup(call.details or {}),
        platform=moments.platform,
        limit=max(LIMIT, 3 * call.ended_at),
        place=place,
        past=Past(reactions[0], tuple(reactions[1:]), tuple(_notes(call))),
    )


def _setup(details: Mapping[str, Any]) -> CallSetup:
    given = {name: details.get(name) for name in ("metadata", "retell_llm_dynamic_variables")}
    metadata, variables = (one if isinstance(one, dict) else {} for one in given.values())
    return CallSetup(
        "phone" if str(details.get("call_type", "")).startswith("phone") else "web",
        _number(details.get("from_number")),
        _number(details.get("to_number")),
        "outbound" if details.get("direction") == "outbound" else "inbound",
        {name: str(value) for name, value in variables.items()},
        metadata,
    )


def _number(masked: object) -> str:
    """A telephone number for one of which only the last two digits were kept."""
    text = masked if isinstance(masked, str) else ""
    if _HIDDEN in text and text[-2:].isdecimal():
        return _NOBODYS + text[-2:]
    return text if re.fullmatch(r"\+[1-9][0-9]{6,14}", text) else ""


def _filled(text: str) -> str:
    """A text with something to hear where it was redacted: an agent that hears `***` hears a mark of emphasis, or none."""
    return re.sub(r"\*+@", "someone@", _NUMBER.sub(lambda found: found[0].replace(_HIDDEN, _FILLING), text))


def _notes(call: OldCall) -> Iterator[str]:
    if any(said.is_callers and _filled(said.text) != said.text for said in call.heard):
        yield f"what the caller said was redacted in places, and has {_FILLING} for each hidden digit now"
    if _HIDDEN in call.presses:
        yield f"the keys that the caller pressed were redacted, and are {_FILLING} now"
    if call.redials:
        yield "the connection was lost then, which is not played again"
    if call.lost:
        yield f"{call.lost} entries are missing in the recording"
    if not call.ended_by:
        yield "the recording has no end: the call went on, or its end was lost"


@dataclass(slots=True)
class _Moment:
    """One thing that the caller did, and the turns in which the agent answered it; `is_known` if it had the time to."""

    step: Step
    turns: list[OldTurn] = field(default_factory=list)
    is_known: bool = True

    def reaction(self, *, has_tools: bool) -> Reaction | None:
        if not self.is_known:
            return None
        told = next((turn for turn in self.turns if turn.action), None)
        return Reaction(
            " ".join(text for turn in self.turns if (text := turn.said.strip())),
            bool(self.turns) and self.turns[-1].is_cut,
            told.action if told else "",
            told.target if told else "",
            tuple(tool for turn in self.turns for tool in turn.tools) if has_tools else None,
            next((turn.first_sentence for turn in self.turns if turn.first_sentence is not None), None),
        )


class _Moments:
    """What the caller of a recorded call did, in order; before all that comes the moment in which the first words are heard."""

    def __init__(self, call: OldCall, *, is_chat: bool) -> None:
        self.is_chat = is_chat
        self.all: list[_Moment] = [_Moment(Hears(), is_known=not is_chat)]
        self.platform = PlatformSetup(details=None if call.details is not None or is_chat else "never")
        self._call = call
        self._told: tuple[Said, ...] = ()  # the conversation as far as it was gone through
        self._presses = ""
        self._rest = 0.0  # when the agent had finished, and the caller could have spoken
        self._row = 0

    def live_through(self) -> None:
        """Go through the call, turn by turn."""
        before: OldTurn | None = None
        for turn in self._call.turns:
            if turn.kind == "reminder":
                self._reminded(turn, before)
            elif turn.kind == "response":
                moment = self.all[-1]
                self._acts(turn.heard, turn.presses, before, turn.at)
                if moment is self.all[-1] and moment.turns and moment.turns[-1].is_cut:
                    moment.turns.pop()  # the platform asks once more, and is answered once more
            self.all[-1].turns.append(turn)
            before = turn
        self._end(before)

    # Silence.

    def _reminded(self, turn: OldTurn, before: OldTurn | None) -> None:
        if not isinstance(self.all[-1].step, Silent):
            self._press(turn.presses)
            self._rest = _finished(turn.heard, before)
            self._row = 0
            self.all.append(_Moment(Silent(max(turn.at - self._rest, 0.1))))
        self._row += 1
        reminder = self.platform.reminder or max(round(turn.at - self._rest, 1), 0.1)
        self.platform = replace(self.platform, reminder=reminder, reminders=max(self._row, self.platform.reminders or 0))

    def _until(self, begun: float, heard: Sequence[Said], before: OldTurn | None) -> None:
        """The caller does something: so long was the silence before it."""
        last = self.all[-1]
        if isinstance(last.step, Silent):
            last.step = replace(last.step, seconds=round(max(begun - self._rest, last.step.seconds + 0.1), 1))
            return
        if before is None or self.is_chat:
            return  # nobody told when the caller began to speak
        silence = begun - _finished(heard, before)
        if silence >= LONG_SILENCE:
            self.all.append(_Moment(Silent(round(silence, 1))))

    # What the caller says.

    def _acts(self, heard: tuple[Said, ...], presses: str, before: OldTurn | None, at: float) -> None:
        """Everything that is new in the conversation, up to a request or to the end of the call."""
        self._press(presses)
        told, self._told = self._told, heard
        for place, said in enumerate(heard):
            old = told[place] if place < len(told) else None
            if not said.is_callers or (old is not None and old.text == said.text):
                continue
            if old is not None and old.is_callers:
                self._goes_on(old, said, at)
            else:
                self._speaks(heard, place, before if place >= len(told) else None)

    def _speaks(self, heard: tuple[Said, ...], place: int, before: OldTurn | None) -> None:
        if self.all and isinstance(self.all[-1].step, Says) and not self.all[-1].turns:
            self.all[-1].is_known = False  # it was never answered, or by what nobody recorded
        said = heard[place]
        begun = said.words[0][0] if said.words else said.came
        point = _interrupted(heard[:place], before, begun)
        if point is None:
            self._until(begun, heard[:place], before)
        act = _spoken(said.text)
        self.all.append(_Moment(replace(act, interrupts=point)))

    def _goes_on(self, old: Said, said: Said, at: float) -> None:
        """The caller goes on in the same sentence: what was answered until then is thrown away."""
        last = self.all[-1]
        if not isinstance(last.step, Says):
            return
        last.turns.clear()
        if not said.text.startswith(old.text):  # the platform has understood it otherwise meanwhile
            last.step = replace(last.step, text=_filled(said.text), pauses=())
            return
        further = _filled(said.text[len(old.text) :].strip())
        if len(said.words) > len(old.words) > 0:
            silence = said.words[len(old.words)][0] - old.words[-1][1]
        else:
            silence = max(said.grew, at) - old.grew
        pause = Pause(round(max(silence, Profile().endpointing + 0.1), 1), further)
        last.step = replace(last.step, pauses=(*last.step.pauses, pause))

    def _press(self, presses: str) -> None:
        new, self._presses = presses[len(self._presses) :], presses
        if new:
            self.all.append(_Moment(Presses(new.replace(_HIDDEN, _FILLING)), is_known=False))

    # The end.

    def _end(self, before: OldTurn | None) -> None:
        call, known = self._call, len(self.all)
        self._acts(call.heard, call.presses, before, call.ended_at)
        for moment in self.all[known:]:
            moment.is_known = False
        last = self.all[-1]
        if isinstance(last.step, Silent) and last.turns:
            last.step = replace(last.step, seconds=round(max(call.ended_at - self._rest, last.step.seconds + 0.1), 1))
        elif len(self.all) == known and before is not None and not before.action:
            point = _interrupted(call.heard, before, call.ended_at)
            if point is not None and point.unit == "words" and call.ended_at < _told_to_the_end(call.heard[-1], before):
                self.all.append(_Moment(HangsUp(interrupts=point), is_known=False))


def _spoken(text: str) -> Act:
    return Mumbles() if text.strip() in ("", UNINTELLIGIBLE) else Says(_filled(text))


# What the agent had said when the caller did something.


def _words(text: str) -> list[str]:
    """The words of a text without what a platform may write otherwise; one that was redacted is like any other."""
    return ["*" if _HIDDEN in word else word.casefold() for word in _WORD.findall(text)]


def _finished(heard: Sequence[Said], before: OldTurn | None) -> float:
    """When the agent's voice had ended, as far as that can be told."""
    last = heard[-1] if heard and not heard[-1].is_callers else None
    if last is not None and last.words:
        return last.words[-1][1]
    if before is None or before.spoke_at is None:
        return last.grew if last is not None else 0.0
    return min(_expected(before), last.grew) if last is not None else _expected(before)


def _told_to_the_end(last: Said, turn: OldTurn) -> float:
    """When all of a turn was spoken of which `last` was heard: a platform does not tell of the last words before a hang-up."""
    if not last.words:
        return _expected(turn)
    (begun, _), (_, ended) = last.words[0], last.words[-1]
    said = _words(turn.said)
    left = len(said) - _heard_of(said, _words(last.text))
    return ended + left * (ended - begun) / len(last.words) - _A_MOMENT


def _expected(turn: OldTurn) -> float:
    """When all of a turn was spoken, at the rate at which people speak."""
    profile = Profile()
    begun = turn.at if turn.spoke_at is None else turn.spoke_at
    return begun + profile.voice_delay + len(turn.said.split()) * 60.0 / profile.agent_rate


def _interrupted(heard: Sequence[Said], before: OldTurn | None, begun: float) -> Point | None:
    """The point in the agent's words at which the caller began, None if the agent had finished."""
    last = heard[-1] if heard else None
    if before is None or not (said := _words(before.said)):
        return None
    if last is None or last.is_callers:
        # Nothing of it was heard. A platform that tells of its callers alone says so of every answer.
        return Point("chunks", 1) if before.is_cut else None
    count = _heard_of(said, _words(last.text))
    missed = sum(end > begun for _, end in last.words)
    if count == len(said) and missed <= OVERLAP and not before.is_cut:
        return None
    count -= missed
    return Point("words", count) if count > 0 else Point("seconds", 0.1)


def _heard_of(said: list[str], heard: list[str]) -> int:
    """How many words of what was said are at the end of what was heard, which may begin with an earlier answer."""
    most = min(len(said), len(heard))
    return next((count for count in range(most, 0, -1) if heard[-count:] == said[:count]), most)
