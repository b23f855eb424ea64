"""Retell, played against a server: it dials, asks early and often, drops what it drops, and speaks what is left.

Source: docs.retellai.com, "LLM WebSocket" (API reference), "Set up your server", "Connect your LLM", "Add function calling" and
"Troubleshooting", read 2026-11. What no page says is in `Profile`.
"""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import msgspec

from rejoinder.simulator.journal import DEAD, ODD, AskedTurn, ToolSeen
from rejoinder.simulator.platform.call import LONGEST_TURN, SimulatedCall
from rejoinder.simulator.platform.floor import Floor
from rejoinder.simulator.platform.frames import CONFIGURABLE, NUMBERED, TOLD, Frame, decoded, kind_of, odd_wishes, piece_of
from rejoinder.simulator.platform.line import Line
from rejoinder.simulator.platform.link import Piece
from rejoinder.simulator.platform.plug import Binary, Plug
from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.platform.recorder import Timer
from rejoinder.testing.telephone import WEB_CALL
from rejoinder.testing.wire import Dialler

#: Milliseconds since 1970 at which every simulated call begins: the same call twice has the same frames.
EPOCH_MS = 1_760_000_000_000

_ASKS = {"response": "response_required", "reminder": "reminder_required"}
_TURNS = {"agent": "agent_turn", "user": "user_turn"}


class Retell(SimulatedCall):
    """One call of Retell's. `details` are what `call_details` tells of it, if the server asks."""

    def __init__(
        self,
        dial: Dialler,
        *,
        call_id: str | None = None,
        details: Mapping[str, Any] = WEB_CALL,
        profile: Profile | None = None,
        frames: bool = True,
    ) -> None:
        super().__init__("retell", call_id, profile or Profile(), frames=frames)
        self.details = details
        self.config: dict[str, Any] = {}
        self.floor = Floor(self.recorder, self.profile, self)
        self.floor.is_muted = True
        self._line = Line(
            dial,
            self.profile,
            self.recorder,
            connected=self._connected,
            came=self._came,
            over=self.floor.end,
            ping=self._ping,
        )
        self._details_due = Timer(self._send_details)
        self._details_sent = False
        self._frames_came = 0
        self._sizes: dict[tuple[str, int], float] = {}  # of turns, by the kind of their frames and their number
        self._unsent: AskedTurn | None = None
        self._slow_from = self._slow_until = 0.0

    # The connection.

    def connect(self) -> None:
        self._line.open()

    async def gone(self) -> None:
        await self._line.gone()

    def hang_up(self) -> None:
        self._details_due.stop()
        self._line.close()

    def _connected(self, first: bool) -> None:
        self._frames_came = 0
        self._sizes.clear()
        self.recorder.wake()
        if first:
            self.floor.begin()
            return
        if self.profile.keeps_config:
            self._line.keep_alive(wanted=bool(self.config.get("auto_reconnect")))
        else:
            self.config = {}
        if not self.profile.ids_go_on:
            self.floor.renumber()
        if self.profile.begins_again:
            self.floor.begin_again()
        elif self.floor.asked is not None and self.floor.asked.kind != "begin":
            self._resume(self.floor.asked)

    def _resume(self, turn: AskedTurn) -> None:
        """On a new connection: tell what was said so far, and ask for what is still open."""
        unsent, self._unsent = self._unsent, None
        self.changed("")
        if unsent is turn:
            self._repeat(turn)
        elif not turn.is_closed and not self.floor.is_pending:
            match self.profile.after_redial:
                case "repeats":
                    self._repeat(turn)
                case "asks anew":
                    self.floor.ask(turn.kind)
                case "waits":
                    pass

    def _repeat(self, turn: AskedTurn) -> None:
        if not self.profile.ids_go_on:
            self.floor.renumber(turn)
        self.ask(turn)

    # What is sent.

    def changed(self, speaker: Literal["", "agent", "user"]) -> None:
        more = {"turntaking": _TURNS[speaker]} if speaker else {}
        self._send("update_only", more, with_transcript=True)

    def ask(self, turn: AskedTurn) -> None:
        if not self._line.is_open:
            self._unsent = turn
        self._send(_ASKS[turn.kind], {"response_id": turn.number}, with_transcript=True, turn=turn)

    def unwanted(self, turn: AskedTurn) -> None:
        """Nothing is told: a server finds out by the next request."""

    def _ping(self) -> None:
        self._send("ping_pong", {"timestamp": EPOCH_MS + round(self.recorder.now * 1000)})

    def _send_details(self) -> None:
        self._details_sent = True
        self._send("call_details", {"call": {"call_id": self.call_id, **self.details}})

    def _send(
        self, kind: str, more: Mapping[str, Any], *, with_transcript: bool = False, turn: AskedTurn | None = None
    ) -> None:
        """Every frame goes out here. The transcript is put in as the bytes that are known of it."""
        if not self._line.is_open:
            return
        head = {"interaction_type": kind, **more}
        transcript = self.floor.transcript
        lists = {"transcript": False, "transcript_with_tool_calls": True} if with_transcript else {}
        if not self.config.get("transcript_with_tool_calls"):
            lists.pop("transcript_with_tool_calls", None)
        if self.recorder.keeps_frames:
            told = head | {name: transcript.wired(with_tools=tools) for name, tools in lists.items()}
            self.recorder.note("sent", turn=turn, frame=told)
        parts = [b'"%b":%b' % (name.encode(), transcript.encoded(with_tools=tools)) for name, tools in lists.items()]
        self._line.send(b"{" + b",".join([msgspec.json.encode(head)[1:-1], *parts]) + b"}")

    # What comes.

    def _came(self, data: bytes) -> None:
        frame, fault = decoded(data)
        self._frames_came += 1
        if not fault and kind_of(frame) in NUMBERED and self._is_beyond_measure(frame):
            if not frame["content_complete"]:
                return
            frame = {**frame, "content": ""}
        if self.recorder.keeps_frames:
            self.recorder.note("received", "" if frame else fault, frame=frame or None)
        if fault:
            self._drop(frame, fault)
            return
        match kind_of(frame):
            case "response":
                self._respond(frame)
            case "agent_interrupt":
                self._interrupt(frame)
            case "config":
                self._configure(frame["config"])
            case "ping_pong":
                self._line.heard()
            case "update_agent":
                self._tune(frame["agent_config"])
            case "tool_call_invocation" | "tool_call_result":
                self._annotate(frame)
            case _:
                pass  # metadata is for a page that shows a web call

    def _is_beyond_measure(self, frame: Frame) -> bool:
        """Whether its turn had brought more than anybody listens to before this frame came; told once."""
        key = kind_of(frame), frame[NUMBERED[kind_of(frame)]]
        size = self._sizes.get(key, 0)
        if size < LONGEST_TURN:
            self._sizes[key] = size + len(frame["content"])
            return False
        if size < math.inf:
            self._sizes[key] = math.inf
            self._drop({}, f"turn {key[1]} goes on after {LONGEST_TURN:,} characters, and the rest is not kept")
        return True

    def _drop(self, frame: Frame, why: str, turn: AskedTurn | None = None) -> None:
        self.recorder.note("dropped", why, turn=turn, frame=frame or None)

    def _configure(self, config: Mapping[str, Any]) -> None:
        """Acted on as it arrives: from now on, and not for what came before."""
        self.config = {name: config[name] for name in CONFIGURABLE if config.get(name) is not None}
        told = ", ".join([name for name, value in self.config.items() if value]) or "nothing"
        self.recorder.note("configured", told if self._frames_came == 1 else f"late: {told}")
        self._line.keep_alive(wanted=bool(self.config.get("auto_reconnect")))
        wanted = self.config.get("call_details") and (self.profile.details_again or not self._details_sent)
        if wanted and self.profile.details_after is not None:
            self._details_due.set(self.profile.details_after)

    def _respond(self, frame: Frame) -> None:
        number = frame["response_id"]
        if number == 0:
            self.floor.is_muted = False
        turn = self._asked_as(number)
        if turn is None:
            self._drop(frame, f"no turn {number} was asked for")
        elif turn.completed_at is not None:
            self._drop_late(frame, turn)
        elif turn.superseded_at is not None or turn is not self.floor.asked:
            self._overtaken(frame, turn)
        else:
            self.floor.take(turn, self._piece(frame, turn))

    def _asked_as(self, number: int) -> AskedTurn | None:
        turns = self.journal.turns
        return next((turn for turn in reversed(turns) if turn.kind != "interrupt" and turn.number == number), None)

    def _drop_late(self, frame: Frame, turn: AskedTurn) -> None:
        """An empty begin message once more, after a redial, wishes for nothing and does no harm."""
        if turn.kind == "begin" and piece_of(frame) == Piece("", complete=True):
            self.recorder.note("overtaken", "an empty begin message once more", turn=turn, frame=frame)
        else:
            self._drop(frame, f"turn {turn.number} was complete", turn)

    def _overtaken(self, frame: Frame, turn: AskedTurn) -> None:
        replaced, now = turn.superseded_at or 0.0, self.recorder.now
        why = f"turn {turn.number} had been replaced for {now - replaced:.3f} s"
        was_slow = self._slow_from - self.profile.overtaken_within <= replaced <= self._slow_until
        since = self._slow_until if was_slow else replaced
        if now - since <= self.profile.overtaken_within:
            self.recorder.note("overtaken", why, turn=turn, frame=frame)
        else:
            self._drop(frame, why, turn)

    def _piece(self, frame: Frame, turn: AskedTurn) -> Piece:
        """What a frame of speech brings; what it wishes for and does not get is told."""
        piece = piece_of(frame)
        refused = odd_wishes(frame)
        if any(action == "transfer" for action, _ in piece.actions) and self.details.get("call_type") == "web_call":
            piece = replace(piece, actions=tuple([wish for wish in piece.actions if wish[0] != "transfer"]))
            refused.append("transfer: a web call has no line to transfer")
        for why in refused:
            self.recorder.note("discarded", why, turn=turn)
        return piece

    def _interrupt(self, frame: Frame) -> None:
        number, turn = frame["interrupt_id"], self.floor.out_of_turn
        if turn is not None and turn.number == number and turn.is_closed:
            self._drop(frame, f"interrupt {number} was complete", turn)
            return
        self.floor.interrupt(number, self._piece(frame, turn or self.journal.turns[0]))

    def _tune(self, config: Mapping[str, Any]) -> None:
        settings = self.floor.settings
        if (responsiveness := config.get("responsiveness")) is not None:
            settings.responsiveness = responsiveness
        if (sensitivity := config.get("interruption_sensitivity")) is not None:
            settings.sensitivity = sensitivity
        if (milliseconds := config.get("reminder_trigger_ms")) is not None:
            settings.reminder_after = milliseconds / 1000
        if (count := config.get("reminder_max_count")) is not None:
            settings.reminders = count
        self.recorder.note("tuned", ", ".join([f"{name} {value}" for name, value in config.items() if value is not None]))
        self.floor.retuned()

    def _annotate(self, frame: Frame) -> None:
        kind, identity = kind_of(frame), frame["tool_call_id"]
        self.floor.transcript.add(kind, {key: value for key, value in frame.items() if key != "response_type"})
        if kind == "tool_call_invocation":
            turn = self.floor.voice.turn or self.floor.asked or self.journal.turns[0]
            turn.tools.append(ToolSeen(identity, frame["name"], frame["arguments"], self.recorder.now))
            return
        for tool in self.journal.tools:
            if tool.id == identity:
                tool.result, tool.successful, tool.returned_at = frame["content"], frame.get("successful"), self.recorder.now

    # What happens to the connection.

    def drop(self) -> None:
        if (plug := self._at_fault("the connection is lost")) is not None:
            plug.wire.abort()

    def lose_keepalive(self) -> None:
        if (plug := self._at_fault(DEAD)) is not None:
            plug.is_deaf = True

    def duplicate(self, count: int) -> None:
        if (plug := self._at_fault(f"the next {count} frames are sent twice")) is not None:
            plug.repeats = count

    def reorder(self, count: int) -> None:
        if (plug := self._at_fault(f"the next {count} frames change places")) is not None:
            plug.swaps = count

    def read_slowly(self, seconds: float) -> None:
        if (plug := self._at_fault(f"nothing is read for {seconds:g} s")) is not None:
            plug.reads_from = asyncio.get_running_loop().time() + seconds
            self._slow_from, self._slow_until = self.recorder.now, self.recorder.now + seconds

    def send_odd(self, frame: bytes, *, is_binary: bool = False) -> None:
        self.recorder.note("fault", f"{ODD} is sent: {frame[:TOLD].decode(errors='replace')}")
        self._line.send(Binary(frame) if is_binary else frame)

    async def connected(self) -> None:
        await self.recorder.until(lambda: self._line.is_open or self.floor.is_over)
        self._fail_if_over()

    async def second_socket(self) -> None:
        await self.connected()
        self.recorder.note("fault", "a second connection is dialled")
        await self._line.overlap()

    def _at_fault(self, what: str) -> Plug | None:
        """The connection, if there is one just now."""
        self.recorder.note("fault", what)
        return self._line.plug
