"""Retell AI's custom-LLM WebSocket: frames to events, commands to frames.

Source: docs.retellai.com, "LLM WebSocket" (API reference) and "Set up your server", read 2026-11-22. In short: one JSON object
a frame; the server speaks first; each request has an id, only the newest is heard, and only until it is marked complete;
what has a wrong type vanishes without an error. So types are strict on the way out, and the way in is tolerant: unknown
kinds and keys, missing fields and roles nobody documented are let through. Not so broken JSON, nor an id that is no integer,
not even "1": an answer under a guessed id is lost without a trace. The timestamp of a ping is echoed, whatever it is.
"""

from contextlib import suppress
from typing import Any, Literal

from msgspec import UNSET, DecodeError, Raw, Struct, UnsetType, ValidationError, field
from msgspec.json import Decoder

from rejoinder.dialogue import (
    Action,
    EndCall,
    PressDigits,
    Transcript,
    TransferCall,
    Tuning,
    TurnKind,
    Word,
    WordSource,
)
from rejoinder.errors import PeerError
from rejoinder.events import (
    Annotate,
    CallerInterrupted,
    Command,
    Details,
    DetailsGiven,
    DigitsPressed,
    Event,
    Finish,
    PingReceived,
    Pong,
    Speak,
    SpeakOut,
    TranscriptUpdated,
    Tune,
    TurnRequested,
    UnknownReceived,
)
from rejoinder.protocols.retell_details import call_details
from rejoinder.protocols.retell_numbering import Numbering
from rejoinder.protocols.retell_salvage import SalvagedDetails, SalvagedPing, SalvagedRequest, salvage
from rejoinder.protocols.retell_sent import (
    AgentInterrupt,
    Config,
    ConfigValues,
    PingPong,
    Response,
    annotated,
    over,
    tuned,
    wired,
    wished,
)
from rejoinder.protocols.retell_transcript import REST, Item, TranscriptCache, utterances
from rejoinder.protocols.wire import WireInt, encode, printable, without_lone_surrogates

#: Seconds without a frame from a platform that pings every two.
KEEPALIVE_LOST = 15.0

#: Bytes of a frame from which on it is worth it to remember what requests alone repeat.
LONG = 32 * 1024

#: Knobs that nobody has turned.
AS_IT_IS = Tuning()

_KINDS: dict[str, TurnKind] = {"response_required": "response", "reminder_required": "reminder"}
_SPEAKERS: dict[str, Literal["user", "agent"]] = {"user_turn": "user", "agent_turn": "agent"}
_KNOWN = frozenset({"ping_pong", "call_details", "update_only", "clear", *_KINDS})


class _Heard(Struct):
    """Any frame of the platform. No enumerations here: their errors would quote what was sent."""

    interaction_type: str = ""
    timestamp: int | None = None
    response_id: WireInt | None = None
    transcript: list[Item] | UnsetType | None = UNSET
    transcript_with_tool_calls: Raw | UnsetType = UNSET
    turntaking: str | None = None
    call: dict[str, Any] | None = None


class _Abridged(_Heard):
    """A frame cut by the cache: the end of its transcript, under the cache's key."""

    rest: list[Item] = field(name=REST, default_factory=list)


class _Kind(Struct):
    interaction_type: str = ""


class _TimedItem(Item):
    words: list[Word] | None = None


class _Timed(Struct):
    transcript: list[_TimedItem] | None = None


class _Press(Struct):
    role: str | None = None
    digit: str | int | None = None


_HEARD = Decoder(_Heard)
_ABRIDGED = Decoder(_Abridged)
_KIND = Decoder(_Kind)
_TIMED = Decoder(_Timed)
_PRESSES = Decoder(list[_Press])

#: A frame that begins so is an update. Written otherwise it is one too, but that shows only when it is read.
_UPDATES = (b'{"interaction_type":"update_only",', b'{"interaction_type": "update_only",')

_UNREADABLE = (DecodeError, UnicodeDecodeError, RecursionError)


class RetellCodec:
    """One call's translator. It outlives the call's sockets: ids and transcript are carried from one to the next.

    transcript_with_tool_calls asks the platform for a second copy of the transcript, which doubles each frame and is
    the only place where the caller's key presses may show. tuning is sent once a socket, after the configuration.
    """

    platform = "retell"
    grace = 60.0
    grace_after_goodbye = 6.0
    begins = True
    #: Retell itself drops a transfer of a web call without a word: there is no telephone.
    actions: frozenset[type[Action]] = frozenset({EndCall, TransferCall, PressDigits})
    #: None until it has pinged: a person who tries by hand does not. A ping is due every two seconds, and five without an
    #: answer of ours end the socket ("Set up your server").
    longest_silence: float | None = None
    updates: tuple[bytes, ...] = _UPDATES

    def __init__(self, *, transcript_with_tool_calls: bool = False, tuning: Tuning | None = None) -> None:
        self._transcript_with_tool_calls = transcript_with_tool_calls
        self._tuning = tuning or AS_IT_IS
        self._numbering = Numbering()
        self._cache = TranscriptCache()
        self._presses_seen = 0
        if transcript_with_tool_calls:  # an update may hold key presses then
            self.updates = ()

    def opened(self) -> list[bytes]:
        """The configuration (first or never, so again on each redial), then the knobs as they were last turned."""
        self._numbering.redialled()
        config = Config(ConfigValues(True, True, True if self._transcript_with_tool_calls else UNSET))
        return [*wired(config), *tuned(self._tuning)]

    def closed(self) -> list[Event]:
        """A lost socket says nothing: the platform dials again."""
        return []

    def decode(self, frame: bytes | str) -> list[Event]:
        """What a frame says; see the module for what is tolerated. Raises PeerError."""
        try:
            data = frame.encode() if isinstance(frame, str) else frame
            heard, transcript = self._read(data)
        except ValidationError as wrong:
            return self._misshapen(data, wrong)
        except UnicodeError:
            raise PeerError("a frame is not UTF-8") from None
        except RecursionError:
            raise PeerError("a frame is nested too deeply") from None
        except DecodeError as wrong:
            if (mended := without_lone_surrogates(data)) != data:
                return self.decode(mended)
            raise PeerError(f"a frame is not JSON: {wrong}") from None
        events = self._events(heard, transcript, data)
        return events if heard.transcript_with_tool_calls is UNSET else self._presses(heard.transcript_with_tool_calls) + events

    def _misshapen(self, frame: bytes, wrong: ValidationError) -> list[Event]:
        event: Event | None
        match salvage(frame):
            case None:
                return [_unknown(frame, wrong)]
            case SalvagedPing(timestamp):
                kind, event = "ping_pong", self._pinged(timestamp)
            case SalvagedDetails(call):
                kind, event = "call_details", self._details(call_details(call))
            case SalvagedRequest(kind, number, transcript):
                event = self._request(_Heard(kind, response_id=number), transcript, frame)
        told = UnknownReceived(f"{kind} of another shape")
        return [told, event] if event is not None else [told]

    def _read(self, frame: bytes) -> tuple[_Heard, Transcript]:
        # Updates that are read repeat one another; requests alone are so far apart that a short one is sooner read whole.
        is_remembered = self._cache.is_used or len(frame) > LONG or frame.startswith(_UPDATES)
        cut = self._cache.cut(frame) if is_remembered else None
        if cut is not None:
            try:
                heard = _ABRIDGED.decode(cut.frame)
                said = self._cache.join(frame, cut, heard.rest) if heard.transcript is UNSET else None
            except _UNREADABLE:  # parsed whole, the frame says itself what is wrong with it
                said = None
            if said is not None:
                return heard, Transcript(said)
        whole = _HEARD.decode(frame)
        return whole, Transcript(utterances(whole.transcript or []))

    def _events(self, heard: _Heard, transcript: Transcript, frame: bytes) -> list[Event]:
        match heard.interaction_type:
            case "ping_pong":
                return [self._pinged(heard.timestamp or 0)]
            case "update_only":
                return [TranscriptUpdated(transcript, _SPEAKERS.get(heard.turntaking or ""))]
            case "response_required" | "reminder_required":
                asked = self._request(heard, transcript, frame)
                return [asked] if asked is not None else []
            case "call_details":
                return [self._details(call_details(heard.call or {}))]
            case "clear":  # undocumented; a public server met it and takes it for a barge-in
                return [CallerInterrupted()]
            case other:
                return [UnknownReceived(printable(other) or "a frame without interaction_type")]

    def _pinged(self, timestamp: float | str) -> Event:
        self.longest_silence = KEEPALIVE_LOST
        return PingReceived(timestamp)

    def _details(self, details: Details) -> Event:
        if details.kind == "web":
            self.actions = RetellCodec.actions - {TransferCall}
        return DetailsGiven(details)

    def _request(self, heard: _Heard, transcript: Transcript, frame: bytes) -> Event | None:
        """The turn that is asked for, None for a request that a newer one had overtaken on its way."""
        if heard.response_id is None:
            return UnknownReceived(f"{heard.interaction_type} without response_id")
        kind = _KINDS[heard.interaction_type]
        turn = self._numbering.turn(heard.response_id, kind, transcript)
        if turn is None:
            return None
        return TurnRequested(turn, kind, transcript, WordSource(lambda: _words(frame)))

    def _presses(self, transcript_with_tool_calls: Raw) -> list[Event]:
        """Keys pressed since the last frame: the list repeats all of the call's."""
        try:
            items = _PRESSES.decode(transcript_with_tool_calls)
        except _UNREADABLE:  # not documented to the last type, and no reason to miss a request
            return []
        digits = [str(item.digit) for item in items if item.role == "dtmf" and item.digit not in (None, "")]
        new, self._presses_seen = digits[self._presses_seen :], max(self._presses_seen, len(digits))
        return [DigitsPressed("".join(new))] if new else []

    def encode(self, command: Command) -> list[bytes]:
        """The frames that say `command`; [] for a turn that this platform never asked for, or a note that is not JSON."""
        match command:
            case Speak() | Finish():
                wanted = self._numbering.id_of(command.turn)
                if wanted is None:
                    return []
                speech = Response(wanted, command.text, type(command) is Finish)
                action = command.action if type(command) is Finish else None
                if command.uninterruptible or action is not None:
                    return wired(wished(speech, command.uninterruptible, action))
                try:
                    return [encode(speech)]  # most of all frames
                except UnicodeEncodeError:
                    return wired(speech)
            case Pong():
                return wired(PingPong(command.token))
            case SpeakOut():
                out_of_turn = AgentInterrupt(command.number, command.text, content_complete=True)
                return wired(wished(out_of_turn, command.uninterruptible, command.action))
            case Annotate():
                return annotated(command.note)
            case Tune():
                self._tuning = over(self._tuning, command.tuning)
                return tuned(command.tuning)


def _unknown(frame: bytes, wrong: ValidationError) -> Event:
    """A frame of the wrong shape: an event if it is of a kind we do not know anyway, else PeerError."""
    kind = ""
    with suppress(*_UNREADABLE):
        kind = _KIND.decode(frame).interaction_type
    if kind and kind not in _KNOWN:
        return UnknownReceived(printable(kind))
    raise PeerError(f"a frame{f' of kind {kind}' if kind else ''} has the wrong shape: {wrong}") from None


def _words(frame: bytes) -> tuple[tuple[Word, ...], ...]:
    try:
        items = _TIMED.decode(frame).transcript or []
    except _UNREADABLE:
        return ()
    return tuple([tuple(item.words or ()) for item in items if item.said])
