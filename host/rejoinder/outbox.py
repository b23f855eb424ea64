"""The one writer of a call: everything that leaves goes through here, over whatever socket carries the call now.

Control frames (what opens a socket, pongs) go before speech. Speech is checked against the engine at the write itself, and what
waits while there is no socket is kept for the next one. So is what was written of an answer to a socket that was dead by then:
one that ended after a silence in which the platform should have pinged.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from msgspec.structs import replace

from rejoinder.effects import Send, TurnEnded
from rejoinder.events import Command, Finish, Speak

log = logging.getLogger(__name__)

#: Frames or commands that may wait. Replies have a window and never come near it; pings to a peer that reads no pong, and what
#: an agent orders out of turn, would have no end.
ROOM = 1000
#: Bytes of frames after which no further one joins a write: what has been written cannot be taken back.
BATCH = 16 * 1024
#: Seconds without a frame after which a socket that then ends was dead before. Retell pings every two, and gives up after five
#: ("Set up your server", read 2026-11): what was written meanwhile went into a line that nobody heard.
DEAD = 3.0
#: Seconds that words are on their way: a frame that comes sooner had left before they arrived, and proves nothing of them.
UNDER_WAY = 0.3


class Socket(Protocol):
    """What carries a call for a while."""

    @property
    def close_code(self) -> int | None:
        """How it ended: a code of RFC 6455, section 7.4; None while it is open."""
        ...

    async def carry(self, hear: Callable[[bytes | str], None]) -> None:
        """Give each frame to `hear` as it comes, and return once the socket is closed. After `abort` nothing more is given."""
        ...

    async def send(self, frame: bytes) -> None:
        """Returns when the socket has taken the frame; ConnectionError if it is gone."""
        ...

    @property
    def is_clear(self) -> bool:
        """Whether it is open and all that it took before has left, so that `write` may be used."""
        ...

    def write(self, frames: Sequence[bytes]) -> None:
        """Take all `frames` in one go and without waiting; only while it is clear."""
        ...

    def abort(self) -> None:
        """Drop it at once, without a goodbye."""
        ...


class Owner(Protocol):
    """The call whose outbox it is."""

    def encode(self, command: Command) -> list[bytes]:
        """The frames that say `command`."""
        ...

    def is_current(self, turn: int) -> bool:
        """Whether words of `turn` may still go out."""
        ...

    def on_written(self, sent: Sequence[Send]) -> None:
        """The socket took commands: one or more of one turn and reply, in order."""

    def on_turn_over(self, ended: TurnEnded) -> None:
        """The last words of a turn are out, or it is known that they never will be."""

    def on_lost(self, socket: Socket) -> None:
        """The socket could not be written to."""


class Outbox:
    """What waits to be written, in order, and who writes it: as a rule a step of the loop, in which a clear socket takes all of
    it; a task only while the socket is not clear, frame by frame, at its pace.

    `repeats` says whether the platform dials again, and so may be given once more what a dead socket took.
    """

    __slots__ = (
        "_control",
        "_is_due",
        "_loop",
        "_name",
        "_owner",
        "_repeats",
        "_socket",
        "_speech",
        "_task",
        "_unproven",
        "dropped",
        "heard_at",
    )

    def __init__(self, owner: Owner, *, repeats: bool = True) -> None:
        self._owner = owner
        self._repeats = repeats
        self._socket: Socket | None = None
        # Lists: an empty deque takes 760 bytes in every silent call, and nothing long ever waits here for long.
        self._control: list[bytes] = []
        self._speech: list[Send | TurnEnded] = []
        self._loop = asyncio.get_running_loop()
        #: when the last frame came
        self.heard_at = self._loop.time()
        self._unproven: list[tuple[float, Sequence[Send]]] = []  # what was said in turns since then, and shortly before
        self._is_due = False
        self._task: asyncio.Task[None] | None = None
        self._name = ""
        self.dropped = 0

    def attach(self, socket: Socket, opening: Iterable[bytes], name: str) -> None:
        """Write to `socket` from now on, `opening` before anything else; what was urgent on the former one is not on this.
        `name` is the call's, for tasks."""
        self.detach()
        self._socket = socket
        self.heard_at = self._loop.time()
        self._name = name
        self._control.clear()
        self.urgent(opening)

    def detach(self) -> None:
        """There is no socket for now: what waits goes on waiting, and before it what the last one took when it was dead."""
        self.settle()
        if self._socket is not None and self._loop.time() - self.heard_at > DEAD:
            self._speech[:0] = _said_again([said for _, together in self._unproven for said in together])
        self._unproven.clear()
        self._socket = None

    def settle(self) -> None:
        """See what has arrived: what was written some time before a frame came is taken to have."""
        now = self.heard_at
        if self._unproven and self._unproven[0][0] <= now - UNDER_WAY:
            self._unproven = [written for written in self._unproven if written[0] > now - UNDER_WAY]

    def urgent(self, frames: Iterable[bytes]) -> None:
        """Write `frames` before all speech; without room they are dropped."""
        if len(self._control) < ROOM:
            self._control.extend(frames)
            self._rouse()

    @property
    def is_full(self) -> bool:
        """Whether so much waits that what has no window should not be added."""
        return len(self._speech) >= ROOM

    def holds(self, turn: int) -> bool:
        """Whether words of `turn` wait."""
        return any(type(waiting) is Send and waiting.turn == turn for waiting in self._speech)

    def put(self, waiting: Send | TurnEnded) -> None:
        """Write a command behind all that waits; report the end of a turn when all before it is out."""
        speech = self._speech
        if speech and type(waiting) is Send and type(waiting.command) is Finish and (merged := _merged(speech[-1], waiting)):
            speech[-1] = merged
        else:
            speech.append(waiting)
        if not self._is_due:
            self._rouse()

    def purge(self, turn: int) -> None:
        """Drop what waits of a turn that is not to be heard any more."""
        kept = [waiting for waiting in self._speech if waiting.turn != turn]
        self.dropped += len(self._speech) - len(kept)
        self._speech = kept

    def close(self) -> None:
        """Stop writing; turns whose end still waits are reported."""
        if self._task is not None:
            self._task.cancel()
        for waiting in self._speech:
            if isinstance(waiting, TurnEnded):
                self._owner.on_turn_over(waiting)
        self._speech.clear()
        self._socket = None

    def _rouse(self) -> None:
        if not self._is_due and self._task is None:
            self._is_due = True
            self._loop.call_soon(self._write_what_waits)

    def _write_what_waits(self) -> None:
        self._is_due = False
        while (socket := self._socket) is not None and (self._control or self._speech):
            if not socket.is_clear:
                self._task = self._loop.create_task(self._write_slowly(), name=f"writer of call {self._name}")
                return
            try:
                self._write_together(socket)
            except Exception as error:  # noqa: BLE001  any: see _give_up
                self._give_up(socket, error)

    async def _write_slowly(self) -> None:
        """Write at the pace of a socket that takes no more for now, until all is written or one is clear."""
        try:
            while (socket := self._socket) is not None and (self._control or self._speech) and not socket.is_clear:
                try:
                    await self._write_next(socket)
                except Exception as error:  # noqa: BLE001  any: see _give_up
                    self._give_up(socket, error)
        finally:
            self._task = None
        self._write_what_waits()

    def _give_up(self, socket: Socket, error: Exception) -> None:
        if not isinstance(error, ConnectionError):
            # Not foreseen of any socket; but a writer that ended here would leave its call mute for good.
            log.error("a socket failed in a way of its own and is given up", exc_info=error)
        socket.abort()
        self._owner.on_lost(socket)
        if self._socket is socket:
            self.detach()

    def _write_together(self, socket: Socket) -> None:
        """What waits, in one write: each is a call of the kernel, and a reply often waits here word by word. Nothing is awaited
        between asking whether a turn is current and the write."""
        frames, self._control = self._control, []
        taken = self._take(frames)
        try:
            socket.write(frames)
        except Exception:
            self._speech[:0] = taken  # for the next socket, as below
            raise
        sent: list[Send] = []
        for waiting in taken:
            if type(waiting) is Send and (not sent or (waiting.reply == sent[0].reply and waiting.turn == sent[0].turn)):
                sent.append(waiting)
                continue
            if sent:
                self._written(sent)
            sent = [waiting] if type(waiting) is Send else []
            if type(waiting) is TurnEnded:
                self._owner.on_turn_over(waiting)
        if sent:
            self._written(sent)

    def _take(self, frames: list[bytes]) -> list[Send | TurnEnded]:
        """Take from what waits as much as one write should hold, and add its frames to `frames`."""
        taken: list[Send | TurnEnded] = []
        looked_at = size = 0
        asked: int | None = None
        for waiting in self._speech:
            if size >= BATCH:
                break
            looked_at += 1
            if type(waiting) is Send:
                if waiting.turn != asked:  # of each turn once: nothing comes between
                    asked, is_current = waiting.turn, waiting.turn is None or self._owner.is_current(waiting.turn)
                if asked is not None and not is_current:
                    self.dropped += 1
                    continue
                for frame in self._owner.encode(waiting.command):
                    size += len(frame)
                    frames.append(frame)
            taken.append(waiting)
        del self._speech[:looked_at]
        return taken

    async def _write_next(self, socket: Socket) -> None:
        if self._control:
            await socket.send(self._control.pop(0))
            return
        waiting = self._speech.pop(0)
        if isinstance(waiting, TurnEnded):
            self._owner.on_turn_over(waiting)
        elif waiting.turn is not None and not self._owner.is_current(waiting.turn):
            self.dropped += 1
        else:
            await self._write(socket, waiting)

    async def _write(self, socket: Socket, waiting: Send) -> None:
        try:
            for frame in self._owner.encode(waiting.command):
                await socket.send(frame)
        except ConnectionError:
            self._speech.insert(0, waiting)  # for the next socket, if its turn is current then
            raise
        self._written((waiting,))

    def _written(self, sent: Sequence[Send]) -> None:
        # Not 0, the begin message: its words are said once a call, and would be kept in every silent one.
        if self._repeats and (turn := sent[0].turn):
            if self._unproven and self._unproven[0][1][0].turn != turn:
                self._unproven.clear()  # of an older turn nothing can be said any more
            self._unproven.append((self._loop.time(), sent))
        self._owner.on_written(sent)


def _said_again(unproven: Sequence[Send]) -> list[Send]:
    """What may or may not have been heard, kept apart by a space from what was heard before, perhaps the same."""
    again = [Send(said.command, said.turn) for said in unproven]
    if again and isinstance(command := again[0].command, Speak | Finish) and command.text and not command.text[0].isspace():
        again[0] = Send(replace(command, text=f" {command.text}"), again[0].turn)
    return again


def _merged(last: Send | TurnEnded, new: Send) -> Send | None:
    """The end of a turn with the last unsent chunk of that turn in it: one frame instead of two."""
    if type(last) is not Send or last.turn is None or last.turn != new.turn:
        return None
    spoken, end = last.command, new.command
    if type(spoken) is not Speak or type(end) is not Finish:
        return None
    whole = Finish(end.turn, spoken.text + end.text, end.action, spoken.uninterruptible or end.uninterruptible)
    return Send(whole, new.turn, new.reply or last.reply)
