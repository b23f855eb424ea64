"""What is said in a call: frozen values that plugins receive and yield.

Nothing here knows a platform, a clock or a socket.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct, ValidationError, convert, field
from msgspec.structs import asdict

TurnKind = Literal["begin", "response", "reminder"]
#: What became of a turn.
Outcome = Literal["finished", "interrupted", "failed", "timed out"]
#: Why an agent does not have a turn any more: it gave nothing in time, it failed, or it had failed too often to be asked.
Reason = Literal["late", "failed", "skipped"]
#: Who ended a call; lost = it was cut off and never dialled again.
EndedBy = Literal["agent", "platform", "lost", "server"]


class Utterance(Struct, frozen=True, gc=False):
    """One party's words, as heard.

    role is "agent" or "user", or whatever else the platform names; `host_line` marks words that the host itself
    put in (a reminder, an apology) and no response system chose.
    """

    role: str
    text: str
    host_line: bool = False


class Word(Struct, frozen=True, gc=False):
    """One spoken word and when it was heard, in seconds of call audio (approximate)."""

    word: str
    start: float = 0.0
    end: float = 0.0


class Transcript(Struct, frozen=True, gc=False):
    """All utterances of a call so far, oldest first; what was heard, not what was sent."""

    utterances: tuple[Utterance, ...] = ()

    def __len__(self) -> int:
        return len(self.utterances)

    def __iter__(self) -> Iterator[Utterance]:
        return iter(self.utterances)

    def __getitem__(self, index: int) -> Utterance:
        return self.utterances[index]

    @property
    def user_text(self) -> str:
        """The caller's last words, "" if the caller has not spoken."""
        return next((said.text for said in reversed(self.utterances) if said.role == "user"), "")

    def history(self) -> list[Utterance]:
        """The conversation as a language model wants it: agent and user only, empty and host lines left out,
        neighbours of one role merged into one utterance, texts stripped."""
        merged: list[Utterance] = []
        for said in self.utterances:
            text = said.text.strip()
            if not text or said.host_line or said.role not in ("agent", "user"):
                continue
            if merged and merged[-1].role == said.role:
                merged[-1] = Utterance(said.role, f"{merged[-1].text} {text}")
            else:
                merged.append(Utterance(said.role, text))
        return merged

    def with_host_lines(self, lines: frozenset[str]) -> "Transcript":
        """This transcript with the host's `lines` marked wherever the agent said one: alone, before its own words or behind."""
        if not lines:
            return self
        return Transcript(tuple([part for said in self.utterances for part in _parts(said, lines)]))


def _parts(said: Utterance, lines: frozenset[str]) -> list[Utterance]:
    """An utterance taken apart at the lines of the host that it begins or ends with."""
    text = said.text.strip()
    if said.role != "agent" or not text:
        return [said]
    before: list[Utterance] = []
    behind: list[Utterance] = []
    while line := next((one for one in lines if text.startswith(one)), ""):
        before.append(Utterance("agent", line, host_line=True))
        text = text[len(line) :].lstrip()
    while line := next((one for one in lines if text.endswith(one)), ""):
        behind.insert(0, Utterance("agent", line, host_line=True))
        text = text[: -len(line)].rstrip()
    if not before and not behind:
        return [said]
    return [*before, *([Utterance("agent", text)] if text else []), *behind]


class WordSource(Struct, eq=False):
    """Word timings, decoded only when asked for and only while the turn lives.

    Holds the frame that asked for the turn; `release` lets go of it, so that nothing a plugin keeps refers to a frame.
    """

    _decode: Callable[[], tuple[tuple[Word, ...], ...]] | None

    def words(self) -> tuple[tuple[Word, ...], ...]:
        return self._decode() if self._decode is not None else ()

    def release(self) -> None:
        self._decode = None


class ToolResult(Struct, frozen=True):
    """What became of a tool that ended when nobody waited for it any more.

    `value` is what its function gave (the very object), `failure` what it raised instead: `ToolOutcomeUnknown` if it did not
    come to its end.
    """

    name: str
    arguments: Mapping[str, Any]
    value: Any = None
    failure: Exception | None = None


class Turn(Struct, frozen=True):
    """One occasion on which the agent must speak.

    `number` grows within a call (0 is the begin message); `spoken` is what was already said in this turn by an
    earlier reply or the host; `instead_of` names the agent that had the turn before, "" if none had, and `because` says why
    it has it no longer. `late_results` are of tools whose turn was interrupted before they ended, given until a reply
    that had them has come to its end.
    """

    number: int
    kind: TurnKind
    transcript: Transcript = Transcript()
    spoken: str = ""
    word_source: WordSource | None = None
    instead_of: str = ""
    because: Reason | None = None
    late_results: tuple[ToolResult, ...] = ()

    @property
    def text(self) -> str:
        """The caller's last words, "" if there are none."""
        return self.transcript.user_text

    def words(self) -> tuple[tuple[Word, ...], ...]:
        """Word timings, one tuple for each utterance of the transcript (empty where the platform gave none).

        Only while the turn lives; afterwards an empty tuple.
        """
        return self.word_source.words() if self.word_source is not None else ()


class Say(Struct, frozen=True):
    """Text to speak, with wishes: `uninterruptible` asks the platform to finish it over the caller's voice."""

    text: str
    uninterruptible: bool = False


class EndCall(Struct, frozen=True):
    """Hang up once what was said in this turn has been heard."""


class TransferCall(Struct, frozen=True):
    """Transfer the call to `to`: a name under `numbers:` of the YAML, or one of the numbers written there.

    Any other number is refused. `show_caller` shows the caller's number to whom the call goes.
    """

    to: str
    show_caller: bool = False


class PressDigits(Struct, frozen=True):
    """Press keys on the line (an automatic menu at the other end): 0-9, * and #."""

    digits: str


class ToolCalled(Struct, frozen=True):
    """A tool was started; `id` is unique in the call, `arguments` what it was given."""

    id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


class ToolReturned(Struct, frozen=True):
    """A tool ended; `successful` None means not reported."""

    id: str
    text: str
    successful: bool | None = None


class Metadata(Struct, frozen=True):
    """Something for the web page that hosts the call."""

    data: Mapping[str, Any]


class Usage(Struct, frozen=True):
    """What a reply cost a model, in tokens."""

    input_tokens: int = 0
    output_tokens: int = 0


class Tuning(Struct, frozen=True, omit_defaults=True):
    """The platform's knobs, None = as they are. Ranges as Retell's `update_agent` (API reference, LLM WebSocket)."""

    responsiveness: float | None = None
    interruption_sensitivity: float | None = None
    reminder_trigger_ms: int | None = None
    reminder_max_count: int | None = None


#: What ends a turn, in its final frame.
Action = EndCall | TransferCall | PressDigits
#: What may come anywhere and is never spoken.
Note = ToolCalled | ToolReturned | Metadata | Usage
#: One item of a reply; a plain text is a piece of what is spoken.
Output = str | Say | Action | Note


def flaw_in(given: object) -> str:
    """What is wrong with something that a plugin yielded or ordered, in words without a value of it; "" if nothing is.

    Nobody makes a plugin check its types, and what has a wrong one vanishes on the wire or stops whoever writes it.
    """
    if isinstance(given, str):
        return ""
    if not isinstance(given, Say | Action | Note | Tuning):
        return f"{type(given).__name__}, not text, Say, an action or a note"
    try:
        convert(asdict(given), type(given))
    except ValidationError as error:
        return f"{type(given).__name__} with a wrong type in it ({error})"
    return ""
