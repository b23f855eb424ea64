"""What the engine remembers of the newest turn; older ones leave no trace, because nothing can be said in them again."""

from msgspec import Struct

from rejoinder.dialogue import Action, Outcome, Say, Transcript, Turn, TurnKind, Usage
from rejoinder.effects import CancelReply, Effect, Send, TurnEnded
from rejoinder.events import Finish, Speak
from rejoinder.speech import seam

NO_USAGE = Usage()
NO_REQUEST = Turn(0, "begin")
NOTHING = Transcript()


class NewestTurn(Struct):
    """One turn from its request on; `reply` is the reply that is heard, None if there is none (any more).

    Times are the session's, in seconds: when it was `asked` for, when the `window` of the agent that has it began, when a
    reply last `spoke_at` and the host last `filled_at`. `agent` counts those that had the turn before, `tools` those that run.
    """

    number: int
    kind: TurnKind
    asked: float = 0.0
    heard: Transcript = NOTHING  # as it was asked for: an agent's words beyond it show that ours arrived
    window: float = 0.0
    spoke_at: float = 0.0
    filled_at: float = 0.0
    agent: int = 0
    fillers: int = 0
    tools: int = 0
    length: int = 0
    live: bool = True
    interrupted: bool = False
    reply: int | None = None
    text: str = ""  # all that was said in this turn
    answer: str = ""  # what the reply that has the turn has said
    chose_silence: bool = False
    is_resumed: bool = False  # whether the last words are of another than the reply that has the turn
    is_held_up: bool = False  # whether the reply waited for the platform when it was last looked at
    action: Action | None = None
    finish: Finish | None = None
    arrived: bool = False
    said_again: bool = False
    redialled: bool = False  # whether another socket carries the call than that which it was finished on
    usage: Usage = NO_USAGE
    request: Turn = NO_REQUEST  # what the agent that has the turn was asked with

    def speak(self, text: str, now: float, *, uninterruptible: bool) -> list[Effect]:
        """The live reply has said `text`; "" is its choice of silence."""
        if not text:
            self.chose_silence = True
            return []
        if self.is_resumed and not (text := self._behind_another(text)):
            return []
        self.text += text
        self.answer += text
        self.length += len(text)
        self.spoke_at = now
        return [Send(Speak(self.number, text, uninterruptible), self.number, self.reply)]

    def _behind_another(self, text: str) -> str:
        """`text` as it follows another's words: with one space between, however each of them was cut."""
        before = self.text
        text = text.lstrip() if not before or before[-1].isspace() else text
        self.is_resumed = not text
        return seam(before, text)

    def fill(self, text: str, now: float) -> list[Effect]:
        """The host says `text` while a reply is awaited."""
        self.text += text
        self.is_resumed = True
        self.fillers += 1
        self.filled_at = now
        return [Send(Speak(self.number, text), self.number)]

    def await_tools(self, count: int, now: float) -> None:
        """The live reply waits for so many tools; when the last has ended, its agent has its whole window again."""
        self.tools, self.window = count, now
        if self.answer:
            self.spoke_at = now

    def hand_over(self, agent: int, request: Turn, now: float) -> list[Effect]:
        """The agent at position `agent` has the turn from now on, asked with `request`; the reply that had it is dropped."""
        self.agent, self.request, self.window, self.tools, self.chose_silence = agent, request, now, 0, False
        self.is_resumed, self.is_held_up = bool(self.text), False
        self.answer = ""
        return [] if self.reply is None else self.drop_reply()

    def excuse(self, now: float, *, is_held_up: bool) -> None:
        """A reply that waits for the platform has not stalled; from when it waits no more, it has its whole time again."""
        if self.answer and (is_held_up or self.is_held_up):
            self.spoke_at = now
        self.is_held_up = is_held_up

    def drop_reply(self) -> list[Effect]:
        """Hear no more of the reply that has the turn."""
        dropped, self.reply = self.reply, None
        return [] if dropped is None else [CancelReply(dropped)]

    def close(self, text: str, outcome: Outcome, *, uninterruptible: bool = False) -> list[Effect]:
        """Complete the turn with `text`, and with its action if it has one."""
        self.text += text
        self.finish = Finish(self.number, text, self.action, uninterruptible)
        self.live, reply, self.reply = False, self.reply, None
        return [Send(self.finish, self.number, reply), TurnEnded(self.number, self.kind, outcome, self.usage)]

    def interrupt(self) -> list[Effect]:
        """The platform has thrown the turn away. A begin message is completed all the same: see the engine's rule 8."""
        if not self.live:
            return []
        cancel: list[Effect] = [] if self.reply is None else [CancelReply(self.reply)]
        self.live, self.interrupted, self.reply = False, True, None
        ended: list[Effect] = [*cancel, TurnEnded(self.number, self.kind, "interrupted", self.usage)]
        return [*ended, Send(Finish(0))] if self.number == 0 else ended

    def note_arrival(self, transcript: Transcript) -> None:
        """See whether the platform has heard what was said in this turn."""
        if not self.live and not self.arrived:
            self.arrived = any(said.role == "agent" for said in transcript.utterances[len(self.heard) :])

    def note_usage(self, usage: Usage) -> None:
        self.usage = Usage(self.usage.input_tokens + usage.input_tokens, self.usage.output_tokens + usage.output_tokens)

    def again(self) -> Finish | None:
        """The whole turn once more, for a platform that asks again; once a socket, and not if it is known to have arrived.

        One that has heard of it, and asks over another socket, lacks at least its end, which a line may lose with the rest
        it holds: without that nobody would speak any more. One that still asks for a turn that was interrupted has not even
        heard of that, nor what was said over it. Nobody knows what has arrived besides: a space keeps it apart.
        """
        if self.live or self.said_again or (not self.redialled and (self.interrupted or self.arrived)):
            return None
        self.said_again = True
        if self.finish is None:
            return Finish(self.number)
        said = self.finish.text if self.interrupted else "" if self.arrived else self.text
        apart = f" {said}" if said and self.redialled else said
        return Finish(self.number, apart, self.action, self.finish.uninterruptible)

    def speak_over(self, said: Say, action: Action | None) -> None:
        """Remember what was said out of turn instead, for a platform that has not heard of it."""
        self.action = action
        self.finish = Finish(self.number, said.text, action, said.uninterruptible)
