"""Who has the floor: the rules by which the platform decides turns, cuts the agent, reminds, acts and ends a call.

Source: docs.retellai.com, "Connect your LLM", "Add function calling", "LLM WebSocket" and "Troubleshooting", read 2026-11:
a request goes out as soon as the caller sounds finished, is discarded if the caller goes on, and a newer one takes its
place; a caller who speaks over the agent silences it; while an answer is open nobody is reminded; an action runs once its
words were spoken to their end, and is discarded with them. Knows neither frames nor sockets: what carries the call is a `Link`.
"""

from rejoinder.simulator.journal import ActionWord, AskedTurn, EndedBy, Kind
from rejoinder.simulator.platform.breath import Breath
from rejoinder.simulator.platform.link import Link, Piece
from rejoinder.simulator.platform.patience import Patience
from rejoinder.simulator.platform.profile import Profile, Settings
from rejoinder.simulator.platform.recorder import Recorder, Timer
from rejoinder.simulator.platform.transcript import Transcript
from rejoinder.simulator.platform.voice import Voice

#: Of two actions of one turn the first of these is carried out ("Add function calling").
PRECEDENCE: tuple[ActionWord, ...] = ("hang_up", "transfer", "digits")

#: Why a call ended, in the platform's words (call object of retell-sdk 5.60), and whose end that was.
ENDS: dict[str, EndedBy] = {"user_hangup": "caller", "agent_hangup": "agent", "call_transfer": "agent"}


class Floor:
    """One call's.

    `asked` is the newest turn that was asked for, `out_of_turn` the newest that the agent took by itself; while `is_muted`
    nothing is spoken.
    """

    def __init__(self, recorder: Recorder, profile: Profile, link: Link) -> None:
        self.settings = Settings.of(profile)
        self.transcript = Transcript()
        self.voice = Voice(recorder, self.transcript, profile, starts=self._agent_starts, spoken=self._agent_has_spoken)
        self.asked: AskedTurn | None = None
        self.out_of_turn: AskedTurn | None = None
        self.is_muted = False
        self._recorder = recorder
        self._profile = profile
        self._link = link
        self._caller: Breath | None = None
        self._is_ask_due = False
        self._number = 0
        self._endpoint = Timer(self._caller_has_finished)
        self._barge_in = Timer(self._barge_in_heard)
        self._tick = Timer(self._update)
        self._patience = Patience(profile, self.settings, remind=lambda: self.ask("reminder"), end=self.end)

    # The call.

    @property
    def is_over(self) -> bool:
        return bool(self._recorder.journal.reason)

    @property
    def is_settled(self) -> bool:
        """Whether nobody speaks, nothing is to be asked for, and the newest turn is complete and spoken."""
        if self.is_pending or self.voice.has_more or self.voice.is_audible:
            return False
        return self._is_answered

    @property
    def _is_answered(self) -> bool:
        """Whether nothing more is due of the agent."""
        return self.asked is not None and self.asked.is_closed and (self.out_of_turn is None or self.out_of_turn.is_closed)

    @property
    def is_pending(self) -> bool:
        """Whether the caller speaks, or has spoken and no turn was asked for yet."""
        return self._caller is not None or self._endpoint.is_set or self._is_ask_due

    def begin(self) -> AskedTurn:
        """The call is connected: the begin message, which is given a number and never asked for."""
        self._patience.connected()
        turn = self._new_turn("begin", 0)
        self._rest()
        return turn

    def begin_again(self) -> AskedTurn:
        """The begin message is due once more."""
        self._silence_agent("the begin message is due once more")
        self._supersede(self.asked)
        return self._new_turn("begin", 0)

    def renumber(self, first: AskedTurn | None = None) -> None:
        """Begin the numbers again: with the next turn, or with one that is asked for again."""
        self._number = 0
        if first is not None:
            self._number = first.number = 1

    def end(self, reason: str) -> None:
        """End the call; no more than once."""
        if self.is_over:
            return
        self._update_once()
        self.voice.stop()
        if self._caller is not None:
            self._caller_falls_silent()
        self._patience.stop()
        for timer in (self._endpoint, self._barge_in, self._tick):
            timer.stop()
        journal = self._recorder.journal
        journal.reason, journal.ended_by = reason, ENDS.get(reason, "platform")
        journal.transcript = self.transcript.utterances
        self._recorder.note("ended", reason)
        self._link.hang_up()

    # Turns.

    def ask(self, kind: Kind) -> None:
        """Ask for a turn; whatever was asked before is superseded."""
        self._is_ask_due = False
        self._silence_agent("a newer request took its place")
        self._supersede(self.asked)
        self._supersede(self.out_of_turn)
        self._number += 1
        self._link.ask(self._new_turn(kind, self._number))
        self._rest()

    def _new_turn(self, kind: Kind, number: int) -> AskedTurn:
        asked_for = self.transcript.last_user_text if kind == "response" else ""
        turn = AskedTurn(number, kind, self._recorder.now, asked_for)
        self._recorder.journal.turns.append(turn)
        self._recorder.note("asked", asked_for, turn=turn)
        if kind != "interrupt":
            self.asked = turn
        self.voice.give(turn)
        return turn

    def _supersede(self, turn: AskedTurn | None) -> None:
        if turn is not None and not turn.is_closed:
            turn.superseded_at = self._recorder.now
            self._recorder.note("superseded", turn=turn)

    def take(self, turn: AskedTurn, piece: Piece) -> None:
        """More of `turn` came. It is spoken unless the floor was lost meanwhile."""
        if piece.text:
            turn.chunks.append((self._recorder.now, piece.text))
        turn.uninterruptible |= piece.uninterruptible
        for action, target in piece.actions:
            self._wish(turn, action, target)
        if piece.complete:
            turn.completed_at = self._recorder.now
            self._recorder.note("completed", turn=turn)
        self._recorder.wake()
        if self.voice.turn is not turn:
            self._discard_action(turn, "the caller had gone on")
            return
        if self.is_muted:
            self.voice.turn = None
            self._throw_away(turn, "nothing is said before the begin message came")
            return
        self.voice.take(piece.text, complete=piece.complete)
        if piece.complete and not self.voice.has_more:
            self._turn_is_over(turn)

    def interrupt(self, number: int, piece: Piece) -> None:
        """The agent speaks out of turn: over itself and over the caller; an answer in flight is cancelled by it."""
        turn = self.out_of_turn
        if turn is None or turn.number != number:
            self._silence_agent("the agent spoke out of turn")
            self._supersede(self.asked)
            self._supersede(turn)
            turn = self.out_of_turn = self._new_turn("interrupt", number)
        self.take(turn, piece)

    def _wish(self, turn: AskedTurn, action: ActionWord, target: str) -> None:
        if turn.action and (turn.action, turn.target) != (action, target):
            first, second = sorted([(turn.action, turn.target), (action, target)], key=lambda one: PRECEDENCE.index(one[0]))
            self._recorder.note("discarded", f"{second[0]}: {first[0]} of the same turn comes first", turn=turn)
            action, target = first
        turn.action, turn.target = action, target

    def _turn_is_over(self, turn: AskedTurn) -> None:
        """It is complete, and all of it was spoken."""
        self.voice.turn = None
        if turn.action:
            self._act(turn)
        if self._is_ask_due and not self.is_over:
            self.ask("response")
        self._rest()

    def _act(self, turn: AskedTurn) -> None:
        assert turn.action
        turn.done_at = self._recorder.now
        self._recorder.note(turn.action, turn.target, turn=turn)
        if turn.action == "hang_up":
            self.end("agent_hangup")
        elif turn.action == "transfer":
            self.end("call_transfer")

    # The agent.

    def _agent_starts(self) -> None:
        self._patience.agent_speaks()
        self._link.changed("agent")
        if self._caller is not None:
            self._listen_for_barge_in()
        self._keep_updating()

    def _agent_has_spoken(self) -> None:
        self._link.changed("")
        turn = self.voice.turn
        if turn is not None and turn.completed_at is not None:
            self._turn_is_over(turn)
            return
        if self._caller is not None:
            self._silence_agent("the caller cut in")
        if self._is_ask_due:
            self.ask("response")
        self._rest()

    def _silence_agent(self, why: str) -> None:
        turn = self.voice.turn
        if turn is None:
            return
        self.voice.stop()
        if turn.completed_at is None or turn.cut:
            self._throw_away(turn, why)
        else:
            self._discard_action(turn, why)
        self._link.unwanted(turn)

    def _throw_away(self, turn: AskedTurn, why: str) -> None:
        """What is not heard of it never will be, and what was wished with it is not done."""
        self._discard_action(turn, why)
        turn.discarded = turn.discarded or why
        self._recorder.note("discarded", why, turn=turn)

    def _discard_action(self, turn: AskedTurn, why: str) -> None:
        if turn.action and turn.done_at is None:
            turn.discarded = f"{turn.action}: {why}"
            self._recorder.note("discarded", turn.discarded, turn=turn)
            turn.action, turn.target = "", ""

    # The caller.

    def caller_starts(self, rate: float) -> Breath:
        """The caller begins to speak. Add words to what is returned."""
        self._endpoint.stop()
        self._is_ask_due = False
        self._patience.caller_speaks()
        self._update_once()
        self._caller = Breath(self.transcript.resume("user"), rate)
        self._recorder.note("caller_starts")
        self._link.changed("user")
        if self.voice.is_audible:
            self._listen_for_barge_in()
        elif self.voice.turn is not None and not self._is_protected:
            self._silence_agent("the caller went on")
        self._keep_updating()
        return self._caller

    def caller_stops(self) -> None:
        """The caller falls silent, for now or for good: nobody knows yet."""
        self._caller_falls_silent()
        self._endpoint.set(self._profile.endpoint(self.settings.responsiveness))

    def _caller_falls_silent(self) -> None:
        self._update_once()
        assert self._caller is not None
        self._recorder.note("caller_stops", self._caller.heard.strip())
        self._caller = None

    def caller_presses(self, digits: str) -> None:
        """The caller presses keys, one after another, and says nothing."""
        for digit in digits:
            self.transcript.add("dtmf", {"digit": digit})
        self._recorder.note("caller_presses", digits)
        self._patience.caller_speaks()
        self._link.changed("")
        if self._profile.digits_ask and self._caller is None:
            self._endpoint.set(self._profile.endpoint(self.settings.responsiveness))
        self._rest()

    @property
    def _is_protected(self) -> bool:
        """Whether what is to be spoken may not be cut: a line that asks for it has a sensitivity of 0 of its own."""
        return self.voice.has_more and self.voice.turn is not None and self.voice.turn.uninterruptible

    def _listen_for_barge_in(self) -> None:
        if self.settings.sensitivity > 0:
            self._barge_in.set(self._profile.interruption(self.settings.sensitivity))

    def _barge_in_heard(self) -> None:
        if self.voice.turn is not None and not self._is_protected and self._caller is not None:
            self._silence_agent("the caller cut in")
            self._link.changed("")

    def _caller_has_finished(self) -> None:
        if self.voice.has_more:
            self._is_ask_due = True  # the caller could not cut in; the agent first says what it has to say
        else:
            self.ask("response")

    # Time.

    def _rest(self) -> None:
        """Nobody speaks: how long may that last?"""
        if self.is_over or self.is_pending or self.voice.has_more:
            return
        self._patience.nobody_speaks(is_answered=self._is_answered)

    def retuned(self) -> None:
        """The settings have changed."""
        self._rest()

    def _keep_updating(self) -> None:
        if not self._tick.is_set:
            self._tick.set(self._profile.update_every)

    def _update(self) -> None:
        self._update_once()
        if self._caller is not None or self.voice.has_more:
            self._keep_updating()

    def _update_once(self) -> None:
        """Enter what was heard since into the transcript, and tell of it."""
        grown = self.voice.grow()
        if self._caller is not None and self._caller.grow(self._recorder.now):
            grown = True
            self._recorder.note("caller_says", self._caller.heard.strip())
        if grown:
            self._link.changed("")
