"""The one writer: control before speech, nothing stale, nothing lost between two sockets."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from rejoinder.dialogue import EndCall, Usage
from rejoinder.effects import Send, TurnEnded
from rejoinder.events import Command, Finish, Pong, Speak
from rejoinder.outbox import BATCH, DEAD, ROOM, UNDER_WAY, Outbox

END = TurnEnded(1, "response", "finished", Usage())


class Wire:
    """A socket that remembers; `gate` holds each frame until it is open, `breaks_at` breaks that frame."""

    def __init__(self, breaks_at: int | None = None, error: Exception | None = None) -> None:
        self.written: list[bytes] = []
        self.together: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.breaks_at = breaks_at
        self.error = error or ConnectionResetError("gone")
        self.close_code: int | None = None

    async def carry(self, hear: Callable[[bytes | str], None]) -> None: ...

    async def send(self, frame: bytes) -> None:
        await self.gate.wait()
        if self.breaks_at == len(self.written):
            raise self.error
        self.written.append(frame)

    @property
    def is_clear(self) -> bool:
        return self.gate.is_set() and self.breaks_at is None

    def write(self, frames: Sequence[bytes]) -> None:
        self.together.append(len(frames))
        self.written += frames

    def abort(self) -> None:
        self.close_code = 1006


class Brittle(Wire):
    """A socket that is clear, and breaks when it is written to."""

    def write(self, frames: Sequence[bytes]) -> None:
        raise self.error


class Desk:
    """An outbox and what it tells."""

    def __init__(self, *, repeats: bool = True) -> None:
        self.current = {1}
        self.wrote: list[Command] = []
        self.replies: list[int | None] = []
        self.ended: list[TurnEnded] = []
        self.lost: list[object] = []
        self.takes_it_away = True
        self.outbox = Outbox(self, repeats=repeats)

    def encode(self, command: Command) -> list[bytes]:
        return [repr(command).encode()]

    def is_current(self, turn: int) -> bool:
        return turn in self.current

    def on_written(self, sent: Sequence[Send]) -> None:
        assert len({(one.turn, one.reply) for one in sent}) == 1
        self.wrote += [one.command for one in sent]
        self.replies += [one.reply for one in sent if one.reply is not None]

    def on_turn_over(self, ended: TurnEnded) -> None:
        self.ended.append(ended)

    def on_lost(self, socket: object) -> None:
        self.lost.append(socket)
        if self.takes_it_away:
            self.outbox.detach()

    def put(self, *commands: Command) -> None:
        for command in commands:
            turn = command.turn if isinstance(command, Speak | Finish) else None
            self.outbox.put(Send(command, turn, 1))


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_opens_a_socket_is_written_before_all_that_waits() -> None:
    desk, wire = Desk(), Wire()
    desk.put(Speak(1, "a"))
    desk.outbox.attach(wire, [b"config"], "writer")
    await settle()
    assert wire.written == [b"config", repr(Speak(1, "a")).encode()]
    desk.outbox.close()


@pytest.mark.failure(18)
async def test_urgent_frames_overtake_speech() -> None:
    desk, wire = Desk(), Wire()
    wire.gate.clear()
    desk.outbox.attach(wire, [], "writer")
    desk.put(Speak(1, "a"), Speak(1, "b"))
    await settle()
    desk.outbox.urgent([b"pong"])
    wire.gate.set()
    await settle()
    assert wire.written[1] == b"pong"
    desk.outbox.close()


async def test_the_end_of_a_turn_takes_the_unsent_chunk_with_it() -> None:
    desk, wire = Desk(), Wire()
    desk.put(Speak(1, "a"), Speak(1, "b", uninterruptible=True), Finish(1, "", EndCall()))
    desk.outbox.attach(wire, [], "writer")
    await settle()
    assert desk.wrote == [Speak(1, "a"), Finish(1, "b", EndCall(), uninterruptible=True)]
    desk.outbox.close()


async def test_words_of_a_turn_that_is_over_are_dropped_at_the_write() -> None:
    desk, wire = Desk(), Wire()
    wire.gate.clear()
    desk.outbox.attach(wire, [], "writer")
    desk.put(Speak(1, "a"), Speak(1, "b"))
    await settle()
    desk.current = {2}
    desk.put(Speak(2, "c"))
    wire.gate.set()
    await settle()
    assert desk.wrote == [Speak(1, "a"), Speak(2, "c")]
    assert desk.outbox.dropped == 1
    desk.outbox.close()


async def test_a_purged_turn_leaves_nothing_behind() -> None:
    desk = Desk()
    desk.put(Speak(1, "a"), Pong(3), Speak(1, "b"))
    desk.outbox.purge(1)
    assert desk.outbox.dropped == 2
    wire = Wire()
    desk.outbox.attach(wire, [], "writer")
    await settle()
    assert desk.wrote == [Pong(3)]
    desk.outbox.close()


async def test_what_a_lost_socket_did_not_take_goes_out_on_the_next() -> None:
    desk, first = Desk(), Wire(breaks_at=1)
    desk.outbox.attach(first, [b"config"], "writer")
    desk.put(Speak(1, "a"), Speak(1, "b"))
    await settle()
    assert desk.lost == [first]
    second = Wire()
    desk.outbox.attach(second, [b"config"], "writer")
    await settle()
    assert second.written == [b"config", repr(Speak(1, "a")).encode(), repr(Speak(1, "b")).encode()]
    desk.outbox.close()


@pytest.mark.failure(18)
async def test_a_socket_that_fails_in_its_own_way_is_dropped_and_the_next_one_is_written_to() -> None:
    desk, strange, wire = Desk(), Wire(breaks_at=0, error=RuntimeError("write after the end")), Wire()
    desk.outbox.attach(strange, [], "writer")
    desk.put(Speak(1, "a"))
    await settle()
    assert desk.lost == [strange]
    assert strange.close_code == 1006
    desk.outbox.attach(wire, [], "writer")
    desk.put(Speak(1, "b"))
    await settle()
    assert wire.written == [repr(Speak(1, "b")).encode()]
    desk.outbox.close()


async def test_urgent_frames_of_a_lost_socket_are_not_for_the_next() -> None:
    desk, first = Desk(), Wire(breaks_at=0)
    desk.outbox.attach(first, [b"config", b"pong"], "writer")
    await settle()
    second = Wire()
    desk.outbox.attach(second, [b"config"], "writer")
    await settle()
    assert second.written == [b"config"]
    desk.outbox.close()


async def test_the_end_of_a_turn_is_reported_behind_its_words_and_at_the_latest_at_the_end() -> None:
    desk, wire = Desk(), Wire()
    wire.gate.clear()
    desk.outbox.attach(wire, [], "writer")
    desk.put(Finish(1, "a"))
    desk.outbox.put(END)
    await settle()
    assert not desk.ended
    wire.gate.set()
    await settle()
    assert desk.ended == [END]
    desk.outbox.detach()
    desk.outbox.put(END)
    desk.outbox.close()
    assert desk.ended == [END, END]


async def test_a_peer_that_reads_nothing_is_owed_pongs_to_a_bound() -> None:
    desk, wire = Desk(), Wire()
    wire.gate.clear()
    desk.outbox.attach(wire, [b"config"], "writer")
    for _ in range(3 * ROOM):
        desk.outbox.urgent([b"pong"])
    wire.gate.set()
    await settle()
    assert wire.written == [b"config"] + [b"pong"] * (ROOM - 1)
    desk.outbox.close()


async def test_what_waits_for_a_clear_socket_leaves_in_one_write() -> None:
    desk, wire = Desk(), Wire()
    desk.outbox.attach(wire, [b"config"], "writer")
    desk.put(Speak(1, "a"), Speak(1, "b"), Pong(3), Finish(1, "c"))
    desk.outbox.put(END)
    await settle()
    assert wire.together == [5]
    assert wire.written == [
        b"config",
        *(repr(said).encode() for said in (Speak(1, "a"), Speak(1, "b"), Pong(3), Finish(1, "c"))),
    ]
    assert desk.wrote == [Speak(1, "a"), Speak(1, "b"), Pong(3), Finish(1, "c")]
    assert desk.ended == [END]
    desk.outbox.close()


async def test_stale_words_are_left_out_of_the_one_write() -> None:
    desk, wire = Desk(), Wire()
    desk.put(Speak(1, "a"), Speak(2, "b"))
    desk.current = {2}
    desk.outbox.attach(wire, [], "writer")
    await settle()
    assert (desk.wrote, wire.together, desk.outbox.dropped) == ([Speak(2, "b")], [1], 1)
    desk.outbox.close()


async def test_one_write_holds_no_more_than_it_should() -> None:
    desk, wire = Desk(), Wire()
    desk.put(*(Speak(1, "a" * (BATCH // 2)) for _ in range(5)))
    desk.outbox.attach(wire, [], "writer")
    await settle()
    assert wire.together == [2, 2, 1]
    desk.outbox.close()


async def test_words_of_a_write_that_broke_go_out_on_the_next_socket_in_their_order() -> None:
    desk, wire = Desk(), Wire()
    desk.outbox.attach(Brittle(), [], "writer")
    desk.put(Speak(1, "a"), Speak(1, "b"))
    desk.outbox.put(END)
    await settle()
    assert (desk.wrote, desk.ended, len(desk.lost)) == ([], [], 1)
    desk.outbox.attach(wire, [], "writer")
    await settle()
    assert (desk.wrote, desk.ended) == ([Speak(1, "a"), Speak(1, "b")], [END])
    desk.outbox.close()


def writers() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("writer")]


async def test_a_task_writes_only_while_a_socket_is_not_clear() -> None:
    desk, wire = Desk(), Wire()
    desk.outbox.attach(wire, [b"config"], "c1")
    await settle()
    assert (wire.written, writers()) == ([b"config"], [])
    wire.gate.clear()
    desk.put(Speak(1, "a"))
    await settle()
    assert writers() == ["writer of call c1"]
    wire.gate.set()
    await settle()
    desk.put(Speak(1, "b"))
    await settle()
    assert (desk.wrote, wire.together, writers()) == ([Speak(1, "a"), Speak(1, "b")], [1, 1], [])
    desk.outbox.close()


async def test_a_socket_that_nobody_takes_away_is_not_written_to_again_once_it_failed() -> None:
    desk = Desk()
    desk.takes_it_away = False
    desk.outbox.attach(Brittle(), [], "c1")
    desk.put(Speak(1, "a"))
    await settle()
    assert len(desk.lost) == 1
    desk.outbox.close()


async def told_over_a_second_socket(silence: float, *, heard_after: float | None = None) -> list[bytes]:
    """What the next socket takes of an answer, half of which went to one that ended after `silence` seconds without a frame."""
    desk, next_one = Desk(), Wire()
    desk.outbox.attach(Wire(), [], "call-1")
    desk.put(Speak(1, "a"))
    await settle()
    if heard_after is not None:
        await asyncio.sleep(heard_after)
        desk.outbox.heard_at = asyncio.get_running_loop().time()
        desk.outbox.settle()
    await asyncio.sleep(silence)
    desk.outbox.detach()
    desk.put(Finish(1, "b"))
    await asyncio.sleep(10)
    desk.outbox.attach(next_one, [], "call-1")
    await settle()
    desk.outbox.close()
    return next_one.written


@pytest.mark.virtual_time
async def test_what_a_dead_socket_took_is_said_again_over_the_next() -> None:
    assert await told_over_a_second_socket(DEAD + 0.1) == [repr(Finish(1, " ab")).encode()]


@pytest.mark.virtual_time
@pytest.mark.parametrize(("silence", "heard_after"), [(DEAD - 0.1, None), (DEAD - 0.1, 0.0), (DEAD + 0.1, UNDER_WAY)])
async def test_what_a_living_socket_took_is_not_said_twice(silence: float, heard_after: float | None) -> None:
    assert await told_over_a_second_socket(silence, heard_after=heard_after) == [repr(Finish(1, "b")).encode()]


@pytest.mark.virtual_time
async def test_a_frame_that_crossed_with_words_does_not_show_that_they_arrived() -> None:
    """It had left before, and the line may have died between."""
    assert await told_over_a_second_socket(DEAD + 0.1, heard_after=UNDER_WAY / 2) == [repr(Finish(1, " ab")).encode()]


@pytest.mark.virtual_time
async def test_what_a_dead_socket_took_is_said_again_when_the_next_is_there_before_its_end() -> None:
    desk, next_one = Desk(), Wire()
    desk.outbox.attach(Wire(), [], "call-1")
    desk.put(Speak(1, "a"), Speak(2, "of a turn that is over"))
    await asyncio.sleep(DEAD + 0.1)
    desk.outbox.attach(next_one, [b"config"], "call-1")
    await settle()
    assert next_one.written == [b"config", repr(Speak(1, " a")).encode()]
    desk.outbox.close()


@pytest.mark.virtual_time
async def test_what_is_said_again_gives_a_reply_no_room_twice() -> None:
    desk = Desk()
    desk.outbox.attach(Wire(), [], "call-1")
    desk.put(Speak(1, "a"))
    await asyncio.sleep(DEAD + 0.1)
    desk.outbox.attach(Wire(), [], "call-1")
    await settle()
    assert desk.replies == [1]
    desk.outbox.close()


@pytest.mark.virtual_time
async def test_a_platform_that_does_not_dial_again_is_told_nothing_again() -> None:
    desk, next_one = Desk(repeats=False), Wire()
    desk.outbox.attach(Wire(), [], "call-1")
    desk.put(Speak(1, "a"))
    await asyncio.sleep(DEAD + 0.1)
    desk.outbox.attach(next_one, [], "call-1")
    await settle()
    assert next_one.written == []
    desk.outbox.close()


@pytest.mark.virtual_time
async def test_the_begin_message_is_not_said_again() -> None:
    desk, next_one = Desk(), Wire()
    desk.current = {0}
    desk.outbox.attach(Wire(), [], "call-1")
    desk.put(Speak(0, "Hello."))
    await asyncio.sleep(DEAD + 0.1)
    desk.outbox.attach(next_one, [], "call-1")
    await settle()
    assert next_one.written == []
    desk.outbox.close()
