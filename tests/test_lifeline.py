"""A peer that has vanished, or that does not read, is given up; one that lives, never."""

import asyncio

import pytest

from rejoinder.lifeline import FIRST_WORD, SLOWEST_SEND, Lifeline, Lifelines

pytestmark = pytest.mark.virtual_time


class Peer:
    """What is given up, when and why; `silence` is how long it may say nothing."""

    def __init__(self, *, waits: bool = False, silence: float | None = None, among: Lifelines | None = None) -> None:
        self.silence = silence
        self.given_up: list[tuple[float, str]] = []
        self.loop = asyncio.get_running_loop()
        self.line = Lifeline(self, waits=waits, among=among)

    def give_up(self, why: str) -> None:
        self.given_up.append((self.loop.time(), why))


async def test_a_peer_that_never_says_anything_is_given_up() -> None:
    peer = Peer()
    await asyncio.sleep(1000)
    assert peer.given_up == [(FIRST_WORD, "has said nothing for 30 s since it dialled")]


async def test_one_that_may_wait_or_has_spoken_once_is_not() -> None:
    waiting, spoken = Peer(waits=True), Peer()
    await asyncio.sleep(FIRST_WORD - 1)
    spoken.line.heard()
    await asyncio.sleep(1000)
    assert not waiting.given_up
    assert not spoken.given_up
    waiting.line.end()
    spoken.line.end()


async def test_one_that_kept_its_socket_alive_and_stops_is_given_up() -> None:
    peer = Peer()
    for _ in range(50):
        await asyncio.sleep(2)
        peer.silence = 15.0
        peer.line.heard()
    last = peer.loop.time()
    await asyncio.sleep(1000)
    assert peer.given_up == [(last + 15.0, "has said nothing for 15 s, although it had kept the socket alive")]


async def test_one_that_takes_no_frame_is_given_up() -> None:
    peer = Peer(waits=True)
    await asyncio.sleep(123)
    peer.line.sending()
    await asyncio.sleep(1000)
    assert peer.given_up == [(123 + SLOWEST_SEND, "has taken nothing for 10 s")]


async def test_one_that_takes_each_frame_slowly_is_not() -> None:
    peer = Peer(waits=True)
    for _ in range(20):
        peer.line.sending()
        await asyncio.sleep(SLOWEST_SEND - 0.1)
        peer.line.sent()
    assert not peer.given_up
    peer.line.end()


async def test_nothing_is_watched_after_the_end() -> None:
    peer = Peer()
    peer.line.end()
    await asyncio.sleep(1000)
    assert not peer.given_up


async def test_each_of_many_is_given_up_at_its_own_time() -> None:
    many = Lifelines()
    first = Peer(among=many)
    await asyncio.sleep(7)
    second, waiting = Peer(among=many), Peer(waits=True, among=many)
    await asyncio.sleep(60)
    waiting.line.sending()
    await asyncio.sleep(1000)
    given_up = [[at for at, _ in peer.given_up] for peer in (first, second, waiting)]
    assert given_up == [[FIRST_WORD], [7 + FIRST_WORD], [67 + SLOWEST_SEND]]


async def test_one_that_comes_after_all_have_ended_is_watched_again() -> None:
    many = Lifelines()
    Peer(among=many).line.end()
    await asyncio.sleep(100)
    late = Peer(among=many)
    await asyncio.sleep(1000)
    assert [at for at, _ in late.given_up] == [100 + FIRST_WORD]


async def test_one_that_cannot_be_given_up_is_no_harm_to_the_others() -> None:
    many, faults = Lifelines(), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault["exception"]))
    broken = Peer(among=many)
    del broken.given_up
    await asyncio.sleep(7)
    whole = Peer(among=many)
    await asyncio.sleep(1000)
    assert [at for at, _ in whole.given_up] in ([7 + FIRST_WORD], [FIRST_WORD + SLOWEST_SEND])
    assert [type(fault) for fault in faults] == [AttributeError]
