"""Virtual time: the clock jumps when nothing else is left to do, and only then."""

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import IO

import pytest

from rejoinder.testing import clock
from rejoinder.testing.clock import PeerElsewhere, Standstill, VirtualClockLoop


def now() -> float:
    return asyncio.get_running_loop().time()


def test_time_begins_at_nought_and_an_hour_passes_at_once() -> None:
    async def main() -> tuple[float, float]:
        before = now()
        await asyncio.sleep(3600)
        return before, now()

    began = time.monotonic()
    assert clock.run(main()) == (0.0, 3600.0)
    assert time.monotonic() - began < 5


def test_timers_come_in_the_order_of_their_times() -> None:
    async def main() -> list[tuple[str, float]]:
        story: list[tuple[str, float]] = []

        async def wait(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            story.append((name, now()))

        await asyncio.gather(wait("c", 30), wait("a", 0.5), wait("b", 2))
        return story

    assert clock.run(main()) == [("a", 0.5), ("b", 2.0), ("c", 30.0)]


def test_what_is_ready_comes_before_any_timer() -> None:
    async def main() -> float:
        for _ in range(1000):
            await asyncio.sleep(0)
        return now()

    assert clock.run(main()) == 0.0


def test_a_time_limit_strikes_at_its_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(12.5):
                await asyncio.Event().wait()
        return now()

    assert clock.run(main()) == 12.5


def test_a_timer_that_was_cancelled_moves_no_clock() -> None:
    async def main() -> float:
        asyncio.get_running_loop().call_later(5, pytest.fail, "it was cancelled").cancel()
        await asyncio.sleep(20)
        return now()

    assert clock.run(main()) == 20.0


def test_sockets_are_served_before_the_clock_moves() -> None:
    async def main() -> float:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                await asyncio.sleep(10)
                writer.write(line)
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        async with asyncio.timeout(35):
            for _ in range(3):
                writer.write(b"hello\n")
                assert await reader.readline() == b"hello\n"
        elapsed = now()
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return elapsed

    assert clock.run(main()) == 30.0


def test_work_in_an_executor_stops_the_clock() -> None:
    async def main() -> tuple[float, float]:
        released = threading.Event()
        timer = asyncio.get_running_loop().call_later(1, pytest.fail, "time ran ahead of the work")
        work = asyncio.create_task(asyncio.to_thread(released.wait))
        await asyncio.sleep(0)
        threading.Timer(0.05, released.set).start()
        assert await work
        timer.cancel()
        before = now()
        await asyncio.sleep(2)
        return before, now()

    assert clock.run(main()) == (0.0, 2.0)


def test_a_hold_that_ends_after_its_result_was_served_stops_the_clock_no_longer() -> None:
    """The patience is longer than this test may take."""
    over = threading.Event()

    async def main() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualClockLoop)
        loop.hold(lambda: not over.is_set())
        threading.Timer(0.05, over.set).start()
        await asyncio.sleep(3600)
        return now()

    assert clock.run(main(), patience=1000.0) == 3600.0


def test_a_hold_stops_the_clock_until_it_is_let_go() -> None:
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualClockLoop)
        done, working, times = asyncio.Event(), [True], list[float]()

        def work() -> None:
            loop.call_soon_threadsafe(done.set)
            working.clear()

        release = loop.hold(lambda: bool(working))
        sleep = asyncio.create_task(asyncio.sleep(5))
        threading.Timer(0.05, work).start()
        await done.wait()
        times.append(now())
        release()
        working.append(True)
        await sleep
        times.append(now())
        return times

    assert clock.run(main()) == [0.0, 5.0]


def test_work_that_outlasts_patience_stops_no_timer() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualClockLoop)
        loop.hold(lambda: True)
        await asyncio.sleep(5)
        await asyncio.sleep(5)
        return now()

    assert clock.run(main(), patience=0.05) == 10.0


def test_when_nothing_will_ever_happen_it_says_so_and_who_waits() -> None:
    async def main() -> None:
        forever = asyncio.create_task(asyncio.Event().wait(), name="the listener")
        await forever

    with pytest.raises(Standstill) as caught:
        clock.run(main(), patience=0.05)
    assert str(caught.value).startswith(
        "nothing will ever happen: no timer is set and nothing came from outside within 0.05 s. Still waiting: Task-"
    )
    assert str(caught.value).endswith("the listener")


def test_without_a_timer_it_waits_for_the_world_outside() -> None:
    async def main() -> float:
        arrived = asyncio.Event()
        threading.Timer(0.05, asyncio.get_running_loop().call_soon_threadsafe, [arrived.set]).start()
        await arrived.wait()
        return now()

    assert clock.run(main()) == 0.0


# Peers.


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)
    writer.close()


async def _served() -> tuple[asyncio.Server, int]:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


def test_the_clock_moves_while_all_peers_are_on_its_loop() -> None:
    async def main() -> tuple[bytes, float]:
        server, port = await _served()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello\n")
        heard = await reader.readline()
        await asyncio.sleep(60)
        writer.close()
        await writer.wait_closed()
        server.close()
        return heard, now()

    assert clock.run(main()) == (b"hello\n", 60.0)


def test_a_peer_that_reads_nothing_for_now_is_on_the_loop_all_the_same() -> None:
    async def main() -> float:
        taken: list[asyncio.StreamWriter] = []
        server = await asyncio.start_server(lambda _, writer: taken.append(writer), "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"x" * 2**20)
        await asyncio.sleep(60)
        for end in (writer, *taken):
            end.transport.abort()
        server.close()
        await asyncio.sleep(1)
        return now()

    assert clock.run(main()) == 61.0


@contextlib.contextmanager
def _listening() -> Iterator[int]:
    """A port where somebody listens who is on no loop."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_clock_refuses_to_run_ahead_of_a_peer_elsewhere_and_says_what_to_do() -> None:
    async def main(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            async with asyncio.timeout(10):
                await reader.readline()
        finally:
            writer.transport.abort()
            await asyncio.sleep(0)

    with _listening() as port, pytest.raises(PeerElsewhere) as caught:
        clock.run(main(port))
    assert f"127.0.0.1:{port}" in str(caught.value)
    assert "real_time=True" in str(caught.value)


def test_what_a_refused_test_cleans_up_may_take_its_time() -> None:
    cleaned: list[float] = []

    async def main(port: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(1)
            cleaned.append(now())
            writer.transport.abort()
            await asyncio.sleep(0)

    with _listening() as port, pytest.raises(PeerElsewhere):
        clock.run(main(port))
    assert cleaned == [1.0]


def test_who_dials_the_loop_may_be_anywhere() -> None:
    async def main() -> float:
        server, port = await _served()
        with socket.create_connection(("127.0.0.1", port)):
            await asyncio.sleep(60)
        await asyncio.sleep(1)
        server.close()
        return now()

    assert clock.run(main()) == 61.0


@pytest.fixture
def pipe() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as source, os.fdopen(writer, "wb", 0) as sink:
        yield source, sink


async def _wait_beside(source: IO[bytes]) -> float:
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(asyncio.Protocol, source)
    try:
        await asyncio.sleep(10)
        return now()
    finally:
        transport.close()
        await asyncio.sleep(0)


def test_a_process_at_the_end_of_a_pipe_is_elsewhere_too(pipe: tuple[IO[bytes], IO[bytes]]) -> None:
    with pytest.raises(PeerElsewhere, match="over a pipe"):
        clock.run(_wait_beside(pipe[0]))


def test_a_pipe_with_both_ends_on_the_loop_holds_nothing_up(pipe: tuple[IO[bytes], IO[bytes]]) -> None:
    async def main() -> float:
        transport, _ = await asyncio.get_running_loop().connect_write_pipe(asyncio.BaseProtocol, pipe[1])
        try:
            return await _wait_beside(pipe[0])
        finally:
            transport.close()

    assert clock.run(main()) == 10.0
