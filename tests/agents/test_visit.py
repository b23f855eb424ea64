"""One call at its agent: the object of the call, what it is told, and how it leaves."""

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from rejoinder.call import Call
from rejoinder.contract import Options, Reply, ResponseSystem
from rejoinder.dialogue import Metadata, Say, Transcript, Tuning, Turn, Utterance
from rejoinder.errors import PluginError
from rejoinder.events import Details
from rejoinder.orders import Interrupt

if TYPE_CHECKING:
    from tests.agents.conftest import House


class System(ResponseSystem[Options]):
    def mark(self, mark: object) -> None:
        self.call.metadata({"mark": mark})

    async def respond(self, turn: Turn) -> Reply:
        yield "yes"


def said(text: str) -> Transcript:
    return Transcript((Utterance("user", text),))


def test_the_front_is_told_which_optional_methods_there_are(house: "House") -> None:
    class Listening(System):
        async def begin(self, turn: Turn) -> Reply:
            yield "Hello."

        async def listening(self, transcript: Transcript) -> None: ...

        async def ended(self) -> None: ...

    async def main() -> None:
        async with house.call(Listening) as call, house.call(System) as bare:
            await call.ear.until(lambda: call.ear.hears is not None)
            await bare.ear.until(lambda: bare.ear.hears is not None)
            assert call.ear.hears == frozenset({"begin", "listening"})
            assert bare.ear.hears == frozenset()

    house.run(main())


def test_each_call_has_an_object_of_its_own_made_on_the_agents_loop(house: "House") -> None:
    places: set[tuple[int, str]] = set()

    class Placed(System):
        def __init__(self, options: Options, call: Call) -> None:
            super().__init__(options, call)
            asyncio.get_running_loop()  # raises elsewhere
            places.add((id(self), threading.current_thread().name))

    async def main() -> None:
        async with house.call(Placed) as call:
            other = house.join(call.agent, "c2")
            await call.ear.until(lambda: call.ear.hears is not None)
            await other.ear.until(lambda: other.ear.hears is not None)
            assert call.agent.calls == 2
            other.seat.leave()
            other.seat.leave()
            assert call.agent.calls == 1

    house.run(main())
    assert len(places) == 2
    assert {thread for _, thread in places} == {"MainThread" if house.is_given else "agent ava"}


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_without_an_object_of_the_call_every_reply_fails_with_the_reason(house: "House", error: type[BaseException]) -> None:
    class Unborn(System):
        def __init__(self, options: Options, call: Call) -> None:
            raise error("cannot")

    async def main() -> None:
        async with house.call(Unborn) as call:
            call.seat.update(said("hi"))
            call.seat.details(Details())
            call.start(1)
            call.start(2)
            await call.ear.over(2)
            assert [type(call.ear.failed[number]) for number in (1, 2)] == [error, error]
            assert call.ear.hears is None
            call.seat.leave()

    house.run(main())


def test_an_object_that_is_no_response_system_is_refused(house: "House") -> None:
    class Stranger:
        def __init__(self, options: Options, call: Call) -> None: ...

    async def main() -> None:
        stranger: Any = Stranger
        async with house.call(stranger) as call:
            call.start(1)
            await call.ear.over(1)
            assert isinstance(call.ear.failed[1], PluginError)
            assert str(call.ear.failed[1]) == "agent ava made a Stranger for the call; expected a ResponseSystem"

    house.run(main())


@pytest.mark.failure(19)
def test_of_transcripts_only_the_newest_is_delivered_and_one_at_a_time(house: "House") -> None:
    class Listening(System):
        async def details(self, details: Details) -> None:
            self.gate.set()

        async def listening(self, transcript: Transcript) -> None:
            self.mark(transcript.user_text)
            if transcript.user_text == "1":
                self.gate = asyncio.Event()
                await self.gate.wait()
            self.mark(f"{transcript.user_text} done")

    async def main() -> None:
        async with house.call(Listening) as call:
            call.seat.update(said("1"))
            await call.ear.mark("1")
            for number in range(2, 10):
                call.seat.update(said(str(number)))
            call.seat.details(Details())
            await call.ear.mark("9 done")
            call.seat.update(said("10"))
            await call.ear.mark("10 done")
            assert call.ear.marks == ["1", "1 done", "9", "9 done", "10", "10 done"]

    house.run(main())


def test_the_call_knows_its_details_before_the_system_is_told(house: "House") -> None:
    class Detailed(System):
        async def details(self, details: Details) -> None:
            self.mark((details.number, self.call.number))

        async def digits(self, digits: str) -> None:
            self.mark(digits)

        async def respond(self, turn: Turn) -> Reply:
            known = await self.call.known()
            yield f"{known} {self.call.number} {self.call.field('colour')}"

    async def main() -> None:
        async with house.call(Detailed) as call:
            call.start(1)
            call.seat.details(Details(number="+1"))
            call.seat.digits("5")
            call.seat.digits("#")
            await call.ear.over(1)
            await call.ear.mark("#")
            assert call.ear.marks == [("+1", "+1"), "5", "#"]
            assert call.ear.outputs == [(1, "True +1 ")]
            assert call.ear.missing == ["colour"]
        async with house.call(Detailed, details=Details(number="+2")) as call:
            call.start(1)
            await call.ear.over(1)
            assert call.ear.outputs == [(1, "True +2 ")]

    house.run(main())


def test_orders_of_the_call_handle_reach_the_front(house: "House") -> None:
    class Ordering(System):
        async def digits(self, digits: str) -> None:
            self.call.interrupt("Stop.")
            self.call.tune(responsiveness=0.5)

    async def main() -> None:
        async with house.call(Ordering) as call:
            call.seat.digits("1")
            await call.ear.until(lambda: len(call.ear.orders) == 2)
            assert call.ear.orders == [Interrupt(Say("Stop.", uninterruptible=True)), Tuning(responsiveness=0.5)]

    house.run(main())


def test_an_order_is_heard_between_the_outputs_that_it_was_given_between(house: "House") -> None:
    class Ordering(System):
        async def respond(self, turn: Turn) -> Reply:
            yield "one"
            yield "two"
            self.call.metadata({"mark": "here"})
            yield "three"
            yield "four"
            self.call.metadata({"mark": "there"})

    async def main() -> None:
        async with house.call(Ordering) as call:
            call.start(1)
            await call.ear.over(1)
            await call.ear.mark("there")
            assert call.ear.heard == ["one", "two", Metadata({"mark": "here"}), "three", "four", Metadata({"mark": "there"})]

    house.run(main())


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_an_error_while_being_told_is_logged_and_the_call_goes_on(
    house: "House", caplog: pytest.LogCaptureFixture, error: type[BaseException]
) -> None:
    class Failing(System):
        async def listening(self, transcript: Transcript) -> None:
            raise error("cannot listen")

        def digits(self, digits: str) -> Any:
            raise error("cannot count")

    async def main() -> None:
        async with house.call(Failing) as call:
            call.seat.update(said("hi"))
            call.seat.digits("1")
            call.start(1)
            await call.ear.over(1)
            assert call.ear.ended == [1]

    house.run(main())
    assert "agent ava, call c1: Failing.listening raised" in caplog.text
    assert "agent ava, call c1: Failing.digits raised" in caplog.text


def test_what_raises_at_every_update_is_logged_once_a_call(house: "House", caplog: pytest.LogCaptureFixture) -> None:
    """Updates come several times a second."""

    class Failing(System):
        async def digits(self, digits: str) -> None:
            raise ValueError("cannot count")

    async def main() -> None:
        async with house.call(Failing) as call:
            for digit in "123":
                call.seat.digits(digit)
            call.start(1)
            await call.ear.over(1)

    house.run(main())
    assert caplog.text.count("Failing.digits raised") == 1


def test_when_the_call_leaves_its_replies_are_cancelled_and_then_it_is_told_its_end(house: "House") -> None:
    story: list[str] = []

    class Leaving(System):
        async def respond(self, turn: Turn) -> Reply:
            yield "first"
            try:
                await asyncio.Event().wait()
            finally:
                story.append("cleaned up")

        async def ended(self) -> None:
            story.append("ended")
            self.mark("never heard")

    async def main() -> None:
        async with house.call(Leaving) as call:
            call.start(1)
            await call.ear.spoken(1)
            call.seat.leave()
            assert call.agent.calls == 0
            call.start(2)
        assert story == ["cleaned up", "ended"]
        assert call.ear.outputs == [(1, "first")]
        assert (call.ear.ended, call.ear.failed, call.ear.marks) == ([], {}, [])

    house.run(main())


def test_a_farewell_that_takes_too_long_is_cancelled_and_named(house: "House", caplog: pytest.LogCaptureFixture) -> None:
    story: list[str] = []

    class Lingering(System):
        async def ended(self) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                story.append("cancelled")
                raise

    async def main() -> None:
        async with house.call(Lingering) as call:
            call.seat.leave()

    house.run(main())
    assert story == ["cancelled"]
    assert "agent ava, call c1: Lingering.ended took longer than" in caplog.text
