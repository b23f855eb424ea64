"""What the engine remembers of the newest turn; older ones leave no trace, because nothing can be said in them again."""

from dataclasses import dataclass, field

from rejoinder.dialogue import Action, Transcript, TurnKind, Usage
from rejoinder.events import Finish

NO_USAGE = Usage()


@dataclass(slots=True)
class NewestTurn:
    """One turn from its request on; `reply` is the reply that is heard, None if there is none (any more)."""

    number: int
    kind: TurnKind
    heard: int = 0  # utterances when it was asked for: an agent's beyond them shows that our words arrived
    live: bool = True
    interrupted: bool = False
    reply: int | None = None
    said: list[str] = field(default_factory=list)
    chose_silence: bool = False
    action: Action | None = None
    finish: Finish | None = None
    arrived: bool = False
    said_again: bool = False
    usage: Usage = NO_USAGE

    def note_arrival(self, transcript: Transcript) -> None:
        """See whether the platform has heard what was said in this turn."""
        if not self.live and not self.arrived:
            self.arrived = any(said.role == "agent" for said in transcript.utterances[self.heard :])

    def note_usage(self, usage: Usage) -> None:
        self.usage = Usage(self.usage.input_tokens + usage.input_tokens, self.usage.output_tokens + usage.output_tokens)

    def again(self) -> Finish | None:
        """The whole turn once more, for a platform that asks again; once a socket, and not if it is known to have arrived."""
        if self.live or self.interrupted or self.arrived or self.said_again or self.finish is None:
            return None
        self.said_again = True
        return Finish(self.number, "".join(self.said), self.action, self.finish.uninterruptible)
