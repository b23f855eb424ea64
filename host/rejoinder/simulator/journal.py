"""What happened in one simulated call, in order: every frame, every word, every decision of the platform, with its time.

Times are seconds since the platform dialled for the first time. Whoever judges a call reads it here, and nowhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rejoinder.dialogue import Utterance

#: What an entry tells. `text` is, in brackets:
#: dialled, redialled [why, or which attempt], refused [why], lost [without a word: 1006], closed [the code] - the connection;
#: sent, received, dropped [why the platform ignores a frame that came, which is a fault], overtaken [a chunk that was under way
#: while its turn was replaced: ignored too, and nobody's fault] - frames;
#: configured, tuned [what the server asked for and is acted on];
#: asked [the caller's words], completed, superseded - turns;
#: caller_starts, caller_says [the words said until now, in this breath], caller_stops [all of them], caller_presses [keys];
#: agent_starts, agent_says [the words spoken since], agent_stops [all that was heard; `cut` if there was more to say];
#: hang_up, transfer [number], digits [keys] - an action that was carried out;
#: discarded [why] - an action, or an answer in flight, that was thrown away;
#: keepalive_lost [how long nothing came]; fault [what the script does to the connection]; step [of the script];
#: ended [the platform's word for why].
What = Literal[
    "dialled", "redialled", "refused", "lost", "closed",
    "sent", "received", "dropped", "overtaken",
    "configured", "tuned",
    "asked", "completed", "superseded",
    "caller_starts", "caller_says", "caller_stops", "caller_presses",
    "agent_starts", "agent_says", "agent_stops",
    "hang_up", "transfer", "digits", "discarded",
    "keepalive_lost", "fault", "step", "ended",
]  # fmt: skip

Kind = Literal["begin", "response", "reminder", "interrupt"]
ActionWord = Literal["", "hang_up", "transfer", "digits"]
#: Whose end of the call it was, in the words of a scenario.
EndedBy = Literal["", "agent", "caller", "platform"]

#: How the text of a `fault` begins that does the connection no harm, and that of one that leaves it dead.
ODD = "an odd frame"
DEAD = "nothing passes any more"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `turn` is the place of its turn in `Journal.turns`, `frame` what was sent or came."""

    at: float
    what: What
    text: str = ""
    turn: int | None = None
    frame: Mapping[str, Any] | None = None
    cut: bool = False


@dataclass(slots=True)
class ToolSeen:
    """A tool that the server told the platform of, by the frame of its start and that of its end.

    `arguments` is the JSON text as it came; `successful` is None where nothing was said of it.
    """

    id: str
    name: str
    arguments: str
    called_at: float
    result: str | None = None
    returned_at: float | None = None
    successful: bool | None = None


@dataclass(slots=True)
class AskedTurn:
    """One occasion on which the agent was to speak, or spoke out of turn (`interrupt`).

    `number` is the id on the wire; `asked_for` the caller's words that it answers; `chunks` what came, when; the times are
    None for what did not happen. `heard` is what the caller really heard, less than `said` if somebody cut in (`cut`).
    `action` is what the platform was told to do, `done_at` when it did so; `discarded` is why that, or words that nobody heard,
    were thrown away.
    """

    number: int
    kind: Kind
    asked_at: float
    asked_for: str = ""
    chunks: list[tuple[float, str]] = field(default_factory=list)
    first_sentence_at: float | None = None
    completed_at: float | None = None
    superseded_at: float | None = None
    spoken_from: float | None = None
    spoken_to: float | None = None
    heard: str = ""
    cut: bool = False
    action: ActionWord = ""
    target: str = ""
    done_at: float | None = None
    discarded: str = ""
    uninterruptible: bool = False
    tools: list[ToolSeen] = field(default_factory=list)

    @property
    def said(self) -> str:
        """All that came, as it came."""
        return "".join(text for _, text in self.chunks)

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is due: it was marked complete, or a newer turn took its place."""
        return self.completed_at is not None or self.superseded_at is not None


@dataclass(slots=True, repr=False)
class Journal:
    """One call on `platform`, "retell" or "chat". `transcript` is what was heard, as the platform has it at the end; `reason`
    its word for why the call ended ("" while it lasts) and `ended_by` whose end that was; `pongs` how long each answer to a
    ping took, in seconds."""

    call_id: str
    platform: str = "retell"
    entries: list[Entry] = field(default_factory=list)
    turns: list[AskedTurn] = field(default_factory=list)
    transcript: list[Utterance] = field(default_factory=list)
    ended_by: EndedBy = ""
    reason: str = ""
    pongs: list[float] = field(default_factory=list)

    def __repr__(self) -> str:
        # asyncio makes one of every result, and every frame's transcript would be in it.
        return (
            f"<Journal of {self.call_id}: {len(self.turns)} turns, {len(self.entries)} entries, {self.reason or 'not ended'}>"
        )

    @property
    def tools(self) -> list[ToolSeen]:
        """Of all turns, in order."""
        return [tool for turn in self.turns for tool in turn.tools]

    @property
    def newest(self) -> AskedTurn | None:
        """The turn that was asked last, not counting what the agent says out of turn."""
        return next((turn for turn in reversed(self.turns) if turn.kind != "interrupt"), None)

    @property
    def ended_at(self) -> float | None:
        return next((entry.at for entry in reversed(self.entries) if entry.what == "ended"), None)

    def place(self, turn: AskedTurn | None) -> int | None:
        """Where `turn` stands in `turns`."""
        return next((index for index in range(len(self.turns) - 1, -1, -1) if self.turns[index] is turn), None)

    def of(self, *kinds: What) -> list[Entry]:
        """The entries of these kinds, in order."""
        return [entry for entry in self.entries if entry.what in kinds]
