"""What Retell would let its caller hear of the frames a server sends, and the transcript that grows from it. Pure.

Source of the rules: docs.retellai.com, "LLM WebSocket" (API reference) and "Troubleshooting", read 2026-11. Only the newest
request is heard, until it is marked complete; what has a wrong type or an old id vanishes; speech out of turn discards the
answer in flight; a transcript holds what was heard, and a sentence that goes on grows in place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rejoinder.dialogue import Utterance

Frame = dict[str, Any]


@dataclass(slots=True, eq=False, repr=False)
class Heard:
    """What the agent says to one request (or out of turn, `is_interrupt`), as far as it has come.

    Equal to its `text` but for blanks around it, which nobody hears, and holds (`in`) what that holds. `chunks` as they came
    and `frames` that brought them; `end_call`, `transfer_to` and `digits` are what the platform is told to do when all has been
    spoken.
    """

    turn: int
    is_interrupt: bool = False
    chunks: list[str] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    complete: bool = False
    end_call: bool = False
    transfer_to: str = ""
    digits: str = ""
    uninterruptible: bool = False

    @property
    def text(self) -> str:
        return "".join(self.chunks)

    def __eq__(self, other: object) -> bool:
        return self.text.strip() == other.strip() if isinstance(other, str) else self is other

    __hash__ = None  # type: ignore[assignment]  # it grows

    def __contains__(self, text: str) -> bool:
        return text in self.text

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        """The words, and whatever else there is to it."""
        marks = {
            "out of turn": self.is_interrupt,
            "not complete": not self.complete,
            "uninterruptible": self.uninterruptible,
            "hangs up": self.end_call,
            f"transfers to {self.transfer_to}": self.transfer_to,
            f"presses {self.digits}": self.digits,
        }
        return f"Heard({', '.join([repr(self.text), *(mark for mark, is_so in marks.items() if is_so)])})"

    def take(self, frame: Frame) -> None:
        self.frames.append(frame)
        if frame["content"]:
            self.chunks.append(frame["content"])
        self.complete = frame["content_complete"]
        self.end_call |= frame.get("end_call") is True
        self.transfer_to = frame.get("transfer_number") or self.transfer_to
        self.digits = frame.get("digit_to_press") or self.digits
        self.uninterruptible |= frame.get("no_interruption_allowed") is True


class Hearing:
    """One call's. `now` is what is being said, `frames` everything that came, `unheard` those of it that vanished."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.unheard: list[Frame] = []
        self.now = Heard(0)
        self._said: list[Utterance] = []

    @property
    def transcript(self) -> tuple[Utterance, ...]:
        """What was said so far, as it would stand in the next request."""
        text = self.now.text.strip()
        return (*self._said, Utterance("agent", text)) if text else tuple(self._said)

    def says(self, text: str) -> None:
        """The caller has spoken, perhaps over the agent."""
        self.expects(self.now.turn)
        if self._said and self._said[-1].role == "user":
            text = f"{self._said.pop().text} {text}"
        self._said.append(Utterance("user", text))

    def expects(self, turn: int, *, is_interrupt: bool = False) -> None:
        """From now on only `turn` is heard; what was heard before becomes an utterance."""
        self._said = list(self.transcript)
        self.now = Heard(turn, is_interrupt)

    def take(self, frame: Frame) -> None:
        """A frame came. One without a type is taken for an answer, as in the oldest form of the protocol."""
        self.frames.append(frame)
        match frame.get("response_type", "response"):
            case "response":
                self._listen(frame, "response_id", is_interrupt=False)
            case "agent_interrupt":
                self._listen(frame, "interrupt_id", is_interrupt=True)
            case _:
                pass

    def _listen(self, frame: Frame, numbered_by: str, *, is_interrupt: bool) -> None:
        if fault_of_speech(frame, numbered_by):
            self.unheard.append(frame)
            return
        number: int = frame[numbered_by]
        if is_interrupt and (True, number) != (self.now.is_interrupt, self.now.turn):
            self.expects(number, is_interrupt=True)
        if self.now.complete or (is_interrupt, number) != (self.now.is_interrupt, self.now.turn):
            self.unheard.append(frame)
        else:
            self.now.take(frame)


def fault_of_speech(frame: Mapping[str, Any], numbered_by: str) -> str:
    """What is wrong with the types of a frame of speech, "" if nothing is: `"true"` for `true` is the usual slip, and loses
    the frame. `numbered_by` is the field that says which turn it is for."""
    if type(frame.get(numbered_by)) is not int:
        return f"{numbered_by} is not an integer"
    if not isinstance(frame.get("content"), str):
        return "content is not a string"
    return "" if type(frame.get("content_complete")) is bool else "content_complete is not a boolean"
