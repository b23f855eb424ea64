"""What a server must go on doing while a turn lasts, or a socket does not."""

import asyncio

import pytest

from rejoinder.outbox import Socket
from rejoinder.protocols.retell import RetellCodec
from rejoinder.session import Session
from rejoinder.testing.telephone import Caller, calling
from served import Served


async def until_spoken(caller: Caller) -> None:
    """The agent has begun to answer the newest request."""
    async for _ in caller.chunks():
        return


async def test_pings_and_requests_are_read_while_a_turn_never_ends(served: Served) -> None:
    """B1: sequential receive loop."""
    async with calling(served.ws("/erring")) as caller:
        await caller.hears()
        await caller.says("never ends")
        await until_spoken(caller)
        for _ in range(3):
            await caller.ping()
        assert not caller.now.complete
        await caller.says("hello")
        assert (await caller.hears()).text == "You said: hello."
    assert caller.unheard == []


async def test_a_socket_that_is_lost_between_two_writes_costs_no_call(served: Served) -> None:
    """B18: concurrent sends, which find the socket dead."""
    async with calling(served.ws("/endless"), call_id="c") as caller:
        await caller.hears()
        for _ in range(5):
            await caller.says("go on")
            await until_spoken(caller)
            await caller.drop()
            await caller.dial()
            await caller.ping()
        await caller.says("still there?")
        await until_spoken(caller)
        assert len(served.host.calls) == 1


async def test_a_flood_of_updates_holds_back_neither_pong_nor_answer(served: Served) -> None:
    """B19: queue starvation by `update_only`; the plugin is never done with the first one."""
    words = [{"word": "word", "start": 1.0, "end": 2.0}] * 100
    said = [{"role": "user", "content": f"sentence {number}", "words": words} for number in range(20)]
    async with calling(served.ws("/erring")) as caller:
        await caller.hears()
        for _ in range(200):
            await caller.send({"interaction_type": "update_only", "transcript": said})
        await caller.ping()
        await caller.says("counts")
        assert (await caller.hears()).text == "1 asked, 1 told."


async def test_a_fault_of_the_hosts_own_drops_the_socket_and_never_hangs_up(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """B21: clean return or `close()` = 1000."""

    def decode(codec: RetellCodec, frame: bytes | str) -> list[object]:
        raise RuntimeError("planned")

    async with calling(served.ws("/polite"), call_id="c") as caller:
        await caller.hears()
        with monkeypatch.context() as broken:
            broken.setattr(RetellCodec, "decode", decode)
            await caller.send({"interaction_type": "update_only", "transcript": []})
            assert await caller.closed() == 1006
        await caller.dial()
        await caller.says("hello")
        assert (await caller.hears()).text == "You said: hello."
        assert len(served.host.calls) == 1
    assert "planned" in caplog.text


async def test_a_host_that_has_done_with_a_socket_too_early_drops_it_and_never_hangs_up(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B21: clean return = 1000."""

    async def serve(session: Session, socket: Socket) -> None:
        heard = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            carrying = tasks.create_task(socket.carry(lambda _: heard.set()))
            await heard.wait()
            carrying.cancel()

    async with calling(served.ws("/polite"), call_id="c") as caller:
        await caller.hears()
        await caller.drop()
        with monkeypatch.context() as broken:
            broken.setattr(Session, "serve", serve)
            await caller.dial()
            await caller.send({"interaction_type": "update_only", "transcript": []})
            assert await caller.closed() == 1006
        await caller.dial()
        await caller.says("hello")
        assert (await caller.hears()).text == "You said: hello."


@pytest.mark.parametrize("text", ["only notes", "goodbye", "own frames"])
async def test_the_end_of_a_reply_closes_its_turn_and_not_the_socket(served: Served, text: str) -> None:
    """B21: clean return = 1000, even after a hang-up: to end the call is the platform's."""
    async with calling(served.ws("/erring")) as caller:
        await caller.hears()
        await caller.says(text)
        await caller.hears()
        await caller.ping()
        assert caller.close_code is None


async def test_five_calls_of_one_person_do_not_speak_into_each_other(served: Served) -> None:
    """B31: several live calls of one user."""
    details = {"call_type": "phone_call", "direction": "inbound", "from_number": "+15551234567", "to_number": "+442079460000"}
    async with (
        calling(served.ws("/erring"), details=details) as one,
        calling(served.ws("/erring"), details=details) as two,
        calling(served.ws("/erring"), details=details) as three,
        calling(served.ws("/erring"), details=details) as four,
        calling(served.ws("/erring"), details=details) as five,
    ):
        callers = [one, two, three, four, five]
        for caller in callers:
            await caller.hears()
        for caller in callers:
            await caller.says(caller.call_id)
        assert [(await caller.hears()).text for caller in callers] == [f"You said: {caller.call_id}." for caller in callers]
        assert len(served.host.calls) == 5
