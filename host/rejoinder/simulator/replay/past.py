"""A call that was recorded: what the agent did about each thing that its caller did, and how that compares with today."""

from dataclasses import dataclass, field
from typing import Literal

from rejoinder.simulator.journal import ActionWord
from rejoinder.simulator.replay.word_diff import Part, differences, fits


@dataclass(frozen=True, slots=True)
class Reaction:
    """All that the agent did until its caller acted again.

    `text` is what it said, heard or not, and `is_cut` whether somebody cut in; `tools` names each tool with the JSON that it
    was given, None where nobody told of tools; `first_sentence` is in seconds from the request.
    """

    text: str = ""
    is_cut: bool = False
    action: ActionWord = ""
    target: str = ""
    tools: tuple[tuple[str, str], ...] | None = None
    first_sentence: float | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """What a scenario was made of, if that is a recording. `opening` is what the agent said before its caller did anything,
    `reactions` has one for each step, None where nobody knows what the agent would have done; `notes` tell what could not be
    played as it was. A difference from a past that `is_binding` is a fault."""

    opening: Reaction | None = None
    reactions: tuple[Reaction | None, ...] = ()
    notes: tuple[str, ...] = ()
    is_binding: bool = False


@dataclass(frozen=True, slots=True)
class Contrast:
    """Then and now, about one thing that the caller did. `now` is None if it never came to that; `step` is what that was, as
    the end of a sentence; `at` and `turn` are where the newer one shows."""

    step: str
    then: Reaction
    now: Reaction | None
    at: float | None = None
    turn: int | None = None

    @property
    def parts(self) -> list[Part]:
        """What was said then and now, as one text."""
        now = self.now or Reaction()
        return differences(self.then.text, now.text, then_is_cut=self.then.is_cut, now_is_cut=now.is_cut)

    @property
    def is_said_the_same(self) -> bool:
        return all(part.kind == "same" for part in self.parts)

    @property
    def is_done_the_same(self) -> bool:
        """Whether the platform was told to do the same."""
        now = self.now or Reaction()
        if self.then.is_cut or now.is_cut:
            return True  # an action whose line is cut off is not carried out
        return self.then.action == now.action and fits(self.then.target, now.target)

    @property
    def are_tools_the_same(self) -> bool:
        now = self.now or Reaction()
        if self.then.tools is None or now.tools is None:
            return True
        return len(self.then.tools) == len(now.tools) and all(
            one[0] == other[0] and fits(one[1], other[1]) for one, other in zip(self.then.tools, now.tools, strict=True)
        )

    @property
    def is_same(self) -> bool:
        return self.is_said_the_same and self.is_done_the_same and self.are_tools_the_same


@dataclass(frozen=True, slots=True)
class Comparison:
    """A recorded call beside the same call played now."""

    contrasts: tuple[Contrast, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def word(self) -> Literal["same", "differs"]:
        return "same" if all(one.is_same for one in self.contrasts) else "differs"
