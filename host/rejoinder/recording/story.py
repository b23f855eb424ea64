"""A recording as a person reads it: who said what, when, and what the host decided in between."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rejoinder.recording.frames import Line, Restored, spoken

#: How what is not speech is told; {} are fields of the line.
_TOLD = {
    "dialled": "the platform dials",
    "closed": "the socket is closed ({code})",
    "reply started": "reply {reply} of turn {turn}: {agent}",
    "reply failed": "reply {reply} fails",
    "reply cancelled": "reply {reply} is cancelled",
    "timer": "turn {turn}: {rung} is due",
    "warning": "warning: {text}",
    "lost": "[{entries} entries could not be written here]",
}
_ACTIONS = {"end": "the agent hangs up", "transfer": "the agent transfers to {number}", "press": "the agent presses {digits}"}


class Story:
    """`lines` gives the story of one recording, line by line."""

    def __init__(self, head: Mapping[str, Any]) -> None:
        self._head = head
        self._restored = Restored()
        self._caller: tuple[float, Any] | None = None  # what the caller says, not told yet
        self._told: Any = None  # and what was told of it last
        self._count = 0
        self._agent: list[Any] = []
        self._spoke: float | None = None

    def lines(self, recorded: Iterable[Line]) -> Iterator[str]:
        head = self._head
        yield printable(f"call {head.get('call')} on {head.get('route')}, agent {head.get('agent')}, {head.get('platform')}")
        yield printable(f"begun {head.get('start')}, words {head.get('words')}")
        for line in recorded:
            for at, told in self._line(line):
                yield f"{at:9.3f}  {printable(told)}"

    def _line(self, line: Line) -> Iterator[tuple[float, str]]:
        at, what = float(line["at"]), str(line["what"])
        match what:
            case "received":
                yield from self._received(at, line)
            case "sent":
                self._sent(at, line)
            case "turn started":
                yield from self._caller_said()
                yield at, f"turn {line.get('turn')} ({line.get('kind')})"
            case "turn ended":
                yield from self._agent_said()
                yield at, f"turn {line.get('turn')} {line.get('outcome')}{_speed(line)}"
            case "details":
                yield at, f"the platform tells of the call{_details(line)}"
            case "action" | "spoken out of turn":
                words = _ACTIONS.get(str(line.get("action")), "the agent speaks out of turn")
                yield at, words.format_map(_Fields(line))
            case "ended":
                yield from self._caller_said()
                yield from self._agent_said()
                yield at, f"ended by: {line.get('ended_by')} (close code {line.get('close_code')}, {line.get('turns')} turns)"
            case _ if what in _TOLD:
                yield at, _TOLD[what].format_map(_Fields(line))
            case _:
                pass

    def _received(self, at: float, line: Line) -> Iterator[tuple[float, str]]:
        try:
            frame = self._restored.frame(line)
        except ValueError:
            yield at, "[a frame that cannot be read again]"
            return
        if not isinstance(frame, dict):
            yield at, f"a text that is no frame: {_words(frame)}"
            return
        said = [one.get("content") for one in _transcript(frame) if one.get("role") == "user"]
        if len(said) > self._count:
            yield from self._caller_said()
            self._count, self._told = len(said), None
        if said and said[-1] != self._told:
            self._caller = (self._caller[0] if self._caller else at, said[-1])

    def _caller_said(self) -> Iterator[tuple[float, str]]:
        said, self._caller = self._caller, None
        if said is not None and said[1] != self._told:
            goes_on = " (goes on)" if self._told is not None else ""
            self._told = said[1]
            yield said[0], f"CALLER{goes_on}: {_words(said[1])}"

    def _sent(self, at: float, line: Line) -> None:
        words = [holder[key] for holder, key in spoken(line.get("frame", line.get("events")))]
        if words and self._spoke is None:
            self._spoke = at
        self._agent += words

    def _agent_said(self) -> Iterator[tuple[float, str]]:
        words, self._agent, at, self._spoke = self._agent, [], self._spoke, None
        if at is None or not any(words):
            return
        if all(isinstance(one, int) for one in words):
            yield at, f"AGENT: {_words(sum(words))}"
        else:
            yield at, f"AGENT: {''.join(map(str, words))}"


class _Fields(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return "?"


def printable(text: str) -> str:
    """One line that moves no cursor, whatever somebody said."""
    return "".join([letter if letter.isprintable() else " " for letter in text])


def _transcript(frame: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The conversation in a frame: a list of things that have a role and a content."""
    for value in frame.values():
        if isinstance(value, list) and value and all(isinstance(one, dict) and "role" in one for one in value):
            return [one for one in value if "content" in one]
    return []


def _words(said: Any) -> str:
    return f"({said} characters)" if isinstance(said, int) else str(said)


def _speed(line: Line) -> str:
    first, agent = line.get("first_sentence"), line.get("agent")
    told = [f"first sentence after {first:g} s"] if isinstance(first, int | float) else []
    return f" ({', '.join([*([f'by {agent}'] if agent else []), *told])})" if told or agent else ""


def _details(line: Line) -> str:
    known = [str(line[name]) for name in ("direction", "kind", "number") if line.get(name)]
    return f": {', '.join(known)}" if known else ""
