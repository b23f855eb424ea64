"""A recording as turns: what the conversation was when the agent was to speak, what it said and did, and when.

Knows of either platform's frames only what both have: a list of utterances, each with a role and a content. What the host
decided stands in words of its own in the recording.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rejoinder.recording.catalogue import Line
from rejoinder.recording.frames import Restored, spoken
from rejoinder.simulator.journal import ActionWord

_CALLER = "user"
_PARTIES = (_CALLER, "agent", "assistant")
_ACTIONS: dict[str, ActionWord] = {"end": "hang_up", "transfer": "transfer", "press": "digits"}


@dataclass(frozen=True, slots=True)
class Said:
    """An utterance as the platform had it at some time. `words` are the times of its words (start, end), in seconds, if it
    tells them; `came` is when it first came, `grew` when it last did."""

    is_callers: bool
    text: str
    words: tuple[tuple[float, float], ...]
    came: float
    grew: float


@dataclass(slots=True)
class OldTurn:
    """One turn of a recorded call. `heard` is the conversation when it began, `presses` the keys pressed until then."""

    kind: str
    at: float
    heard: tuple[Said, ...]
    presses: str
    pieces: list[str] = field(default_factory=list)
    before_redial: str = ""
    spoke_at: float | None = None
    outcome: str = ""
    first_sentence: float | None = None
    action: ActionWord = ""
    target: str = ""
    tools: list[tuple[str, str]] = field(default_factory=list)

    @property
    def said(self) -> str:
        """What was said. On a new connection all of it is said again, if nobody knows what had arrived."""
        text = "".join(self.pieces)
        return text if text.startswith(self.before_redial) else self.before_redial + text

    @property
    def is_cut(self) -> bool:
        return self.outcome in ("", "interrupted")


@dataclass(slots=True)
class OldCall:
    """A recorded call. `details` is what the platform told of it, None if nothing; `heard` the conversation at its end, `lost`
    how many entries could not be written."""

    turns: list[OldTurn] = field(default_factory=list)
    details: Mapping[str, Any] | None = None
    heard: tuple[Said, ...] = ()
    presses: str = ""
    ended_by: str = ""
    ended_at: float = 0.0
    redials: int = 0
    lost: int = 0


def recollect(lines: Iterable[Line]) -> OldCall:
    """The call that these lines of a recording tell of, which have its words."""
    reader = _Reader()
    for line in lines:
        reader.take(float(line["at"]), line)
    reader.call.heard, reader.call.presses = tuple(reader.heard), reader.presses
    return reader.call


class _Reader:
    """Goes through a recording, line by line."""

    def __init__(self) -> None:
        self.call = OldCall()
        self.heard: list[Said] = []
        self.presses = ""
        self._restored = Restored()
        self._items: list[Any] = []
        self._is_dialled = self._is_closed = False

    def take(self, at: float, line: Line) -> None:
        call, turn = self.call, self.call.turns[-1] if self.call.turns else None
        if not self._is_closed:
            call.ended_at = max(call.ended_at, at)
        match line["what"]:
            case "closed":
                self._is_closed = True  # what comes behind it, unless somebody dials again, is the host waiting for that
            case "received":
                self._received(at, line)
            case "turn started":
                call.turns.append(OldTurn(str(line.get("kind")), at, tuple(self.heard), self.presses))
            case "lost":
                self._restored = Restored()
                call.lost += entries if isinstance(entries := line.get("entries"), int) else 0
            case "ended":
                call.ended_by = str(line.get("ended_by", ""))
            case "dialled":
                self._dialled(turn)
            case _:
                if turn is not None:
                    _tell(turn, at, line)

    def _dialled(self, turn: OldTurn | None) -> None:
        if self._is_dialled:
            self.call.redials += 1
            if turn is not None:
                turn.before_redial, turn.pieces = turn.said, []
        self._is_dialled, self._is_closed = True, False

    def _received(self, at: float, line: Line) -> None:
        try:
            frame = self._restored.frame(line)
        except (TypeError, ValueError):
            return  # a line of another version, or one that somebody has edited
        if not isinstance(frame, dict):
            return
        if isinstance(told := frame.get("call"), dict) and self.call.details is None:
            self.call.details = told
        conversation = frame.get("transcript", frame.get("messages"))
        if isinstance(conversation, list):
            self._listen(at, conversation)
        if isinstance(events := frame.get("transcript_with_tool_calls"), list):
            self.presses = "".join(str(one.get("digit", "")) for one in events if _role(one) == "dtmf")

    def _listen(self, at: float, conversation: list[Any]) -> None:
        items = [item for item in conversation if _role(item) in _PARTIES]
        known, self._items = self._items, items
        before, self.heard = self.heard, []
        for place, item in enumerate(items):
            if place < len(known) and item is known[place]:  # the same object, since only what has grown is read anew
                self.heard.append(before[place])
            else:
                self.heard.append(_said(item, at, before[place] if place < len(before) else None))


def _role(item: object) -> object:
    return item.get("role") if isinstance(item, dict) else None


def _said(item: dict[str, Any], at: float, old: Said | None) -> Said:
    """An utterance as it is now; `old` is what stood in its place before."""
    is_callers, text, words = item["role"] == _CALLER, _text(item.get("content")), tuple(_times(item.get("words")))
    if old is None or old.is_callers != is_callers:
        return Said(is_callers, text, words, at, at)
    return Said(is_callers, text, words, old.came, old.grew if old.text == text else at)


def _text(content: object) -> str:
    """A content as it is said; one of several parts is that of a chat with pictures."""
    parts = content if isinstance(content, list) else [content]
    told = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return " ".join(" ".join(one for one in told if isinstance(one, str)).split())


def _times(words: object) -> Iterator[tuple[float, float]]:
    for word in words if isinstance(words, list) else ():
        start, end = (word.get("start"), word.get("end")) if isinstance(word, dict) else (None, None)
        if isinstance(start, int | float) and isinstance(end, int | float):
            yield float(start), float(end)


# What the agent did.


def _tell(turn: OldTurn, at: float, line: Line) -> None:
    match line["what"]:
        case "sent":
            places = spoken(line.get("frame", line.get("events")))
            words = [text for holder, key in places if isinstance(text := holder[key], str)]
            turn.pieces += words
            if any(words) and turn.spoke_at is None:
                turn.spoke_at = at
            if tool := _tool(line.get("frame")):
                turn.tools.append(tool)
        case "turn ended":
            turn.outcome = str(line.get("outcome", ""))
            first = line.get("first_sentence")
            turn.first_sentence = float(first) if isinstance(first, int | float) else None
        case "action" | "spoken out of turn" if action := _ACTIONS.get(str(line.get("action")), ""):
            turn.action = action
            turn.target = str(line.get("number", line.get("digits", "")))
        case _:
            pass


def _tool(frame: Any) -> tuple[str, str] | None:
    match frame:
        case {"response_type": "tool_call_invocation", "name": str() as name, "arguments": str() as arguments}:
            return name, arguments
        case _:
            return None
