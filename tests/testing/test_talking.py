"""A call without a socket and without async, as an author writes it."""

import asyncio
import gc
import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from rejoinder import (
    Call,
    EndCall,
    Options,
    PressDigits,
    Reply,
    ReplyFailed,
    ResponseSystem,
    Say,
    SyncReply,
    TransferCall,
    Turn,
    Utterance,
)
from rejoinder.errors import ConfigError, PluginError
from rejoinder.testing.clock import PeerElsewhere
from rejoinder.testing.talking import Talk, talk
from rejoinder.testing.telephone import PHONE_CALL, NotHeard
from served import ACTING_FILE

APOLOGY = "I am sorry, could you say that again?"


class Loud(Options, frozen=True):
    mark: str = "!"


class Shout(ResponseSystem[Loud]):
    """Does what it is told, loudly."""

    pressed = ""
    parted: ClassVar[list[str]] = []

    async def begin(self, turn: Turn) -> Reply:
        yield await self.call.fill("Hello {{ name }}") + self.options.mark

    async def digits(self, digits: str) -> None:
        self.pressed += digits
        if digits == "0":
            self.call.interrupt("Nought!")

    async def ended(self) -> None:
        await asyncio.sleep(1)
        self.parted.append(self.call.id)

    async def respond(self, turn: Turn) -> Reply:
        match turn.text:
            case "Bye":
                yield Say("Bye!", uninterruptible=True)
                yield EndCall()
            case "Pass me on":
                yield TransferCall("desk")
            case "Press one":
                yield PressDigits("1")
            case "Which keys?":
                yield self.pressed
            case "Crash":
                raise KeyError("the shelf is empty")
            case "Give up":
                raise ReplyFailed("no answer to that")
            case "Think":
                await asyncio.sleep(300)
            case "Count":
                for number in range(1, 100):
                    yield f"Here is sheep number {number}. "
                    await asyncio.sleep(1)
            case other:
                yield other.upper() + self.options.mark


class Plain(ResponseSystem[Options]):
    def respond(self, turn: Turn) -> SyncReply:
        time.sleep(0.01)  # in a thread of the agent's, while virtual time stands still
        yield f"{turn.text} in {'a thread' if threading.current_thread() is not threading.main_thread() else 'the way'}"


def test_a_system_is_called_in_one_line() -> None:
    assert talk(Shout).says("hi") == "HI!"


def test_a_talk_is_greeted_and_goes_on() -> None:
    talking = talk(Shout, details={"retell_llm_dynamic_variables": {"name": "Ann"}})
    assert talking.begin_message == "Hello Ann!"
    assert talking.says("one") == "ONE!"
    assert talking.says("two") == "TWO!"
    assert talking.transcript == (
        Utterance("agent", "Hello Ann!"),
        Utterance("user", "one"),
        Utterance("agent", "ONE!"),
        Utterance("user", "two"),
        Utterance("agent", "TWO!"),
    )
    assert [turn.outcome for turn in talking.turns] == ["finished"] * 3
    assert talking.warnings == []


def test_what_yaml_says_of_an_agent_is_said_by_name() -> None:
    talking = talk(Shout, options={"mark": "?"}, begin="{{ vars.shop }} here.", vars={"shop": "Fish"}, reminder="Well?")
    assert talking.begin_message == "Fish here."
    assert talking.is_silent() == "Well?"
    assert talking.says("hi") == "HI?"
    assert talk(Shout, options=Loud("...")).says("hi") == "HI..."


def test_systems_come_by_name_and_by_file_too() -> None:
    assert talk("echo", options={"prefix": ""}).says("hi") == "hi"
    assert talk(ACTING_FILE).says("hi") == "You said: hi."


def test_a_plain_generator_runs_in_a_thread_while_time_stands_still() -> None:
    assert talk(Plain, late={"filler": "100ms", "fallback": "200ms", "apology": "300ms"}).says("hi") == "hi in a thread"


def test_an_agent_that_thinks_too_long_is_late_without_costing_time() -> None:
    began = time.monotonic()
    talking = talk(Shout, lines={"filler": "One moment.", "apology": "Sorry."})
    assert talking.says("Think").chunks == ["One moment. ", "Sorry."]
    assert talking.turns[-1].duration == 12.0
    assert time.monotonic() - began < 5


def test_what_is_said_next_barges_in_on_an_answer_that_was_not_heard_out() -> None:
    talking = talk(Shout)
    begun = talking.says("Count", chunks=2)
    assert (begun.complete, len(begun.chunks)) == (False, 2)
    assert "number 2." in begun
    assert talking.says("stop") == "STOP!"
    assert [one.text for one in talking.transcript[-3:]] == [begun.text.strip(), "stop", "STOP!"]
    assert [turn.outcome for turn in talking.turns] == ["finished", "interrupted", "finished"]


def test_an_answer_of_fewer_chunks_is_heard_out() -> None:
    assert talk(Shout).says("hi", chunks=5) == "HI!"


def test_keys_reach_a_system_and_what_it_says_out_of_turn_is_heard() -> None:
    talking = talk(Shout)
    talking.presses("12")
    assert talking.says("Which keys?") == "12"
    talking.presses("0")
    said = talking.waits(1)
    assert said == "Nought!"
    assert said.is_interrupt


def test_an_agent_that_hangs_up_or_transfers_has_ended_the_call() -> None:
    bye = talk(Shout)
    heard = bye.says("Bye")
    assert heard == "Bye!"
    assert (heard.end_call, heard.uninterruptible, bye.ended) == (True, True, "agent")
    with pytest.raises(NotHeard, match="closed with 1000"):
        bye.says("hello?")
    passed = talk(Shout, numbers={"desk": "+442079460000"}, details=PHONE_CALL)
    assert passed.says("Pass me on").transfer_to == "+442079460000"
    assert passed.ended == "platform"


def test_keys_that_the_agent_presses_are_heard() -> None:
    talking = talk(Shout)
    assert talking.says("Press one").digits == "1"
    assert talking.ended is None


def test_who_hangs_up_has_told_the_system() -> None:
    Shout.parted.clear()
    talking = talk(Shout)
    talking.hang_up()
    assert (talking.ended, Shout.parted) == ("platform", ["call-1"])


def test_a_system_that_raises_apologises_as_on_any_call_and_is_found_out(caplog: pytest.LogCaptureFixture) -> None:
    talking = talk(Shout)
    assert talking.says("Crash") == APOLOGY
    (failure,) = talking.failures
    assert (type(failure), failure.args) == (KeyError, ("the shelf is empty",))
    assert talking.warnings[1] == "the agent failed in a turn: KeyError('the shelf is empty')"
    assert "test_talking.py" in caplog.text
    assert talking.says("Give up") == APOLOGY
    assert "no answer to that" in " ".join(talking.warnings)
    assert talking.failures == [failure]


def test_where_nobody_listens_to_the_log_a_failure_is_told_on_the_error_stream(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    talk(Shout).says("Crash")
    assert "KeyError: 'the shelf is empty'" in capsys.readouterr().err


def test_what_cannot_be_called_is_told_at_once() -> None:
    with pytest.raises(ConfigError, match=r"Shout: options\.mark: "):
        talk(Shout, options={"mark": 5})
    with pytest.raises(ConfigError, match="did you mean 'echo'"):
        talk("ehco")
    with pytest.raises(PluginError, match="nowhere"):
        talk(Path("nowhere.py"))


async def test_where_a_loop_runs_the_remedy_is_told() -> None:
    with pytest.raises(RuntimeError, match=r"async with caller\(...\) as c:"):
        talk(Shout)


@pytest.fixture
def begun() -> Iterator[Talk]:
    with talk(Shout) as talking:
        yield talking


async def test_a_talk_begun_elsewhere_is_refused_where_a_loop_runs_as_well(begun: Talk) -> None:
    with pytest.raises(RuntimeError, match=r"await c\.hears"):
        begun.says("hi")


def test_a_talk_that_was_closed_says_so() -> None:
    with talk(Shout) as talking:
        talking.says("hi")
    assert talking.ended == "server"
    with pytest.raises(RuntimeError, match="closed"):
        talking.says("hi")
    talking.close()


@pytest.mark.parametrize("words", ["hi", "Crash"])
def test_a_forgotten_talk_leaves_nothing_behind(words: str) -> None:
    """Warnings are errors here: neither an open loop nor a task is left to be collected."""
    talking = talk(Shout)
    talking.says(words)
    loop, threads = talking._call._runner.get_loop(), threading.active_count()
    del talking
    gc.collect()
    assert loop.is_closed()
    assert threading.active_count() <= threads


@pytest.fixture
def forgettable() -> list[Talk]:
    return [talk(Shout)]


async def test_a_talk_may_be_forgotten_while_another_loop_runs(forgettable: list[Talk]) -> None:
    reports = forgettable[0]._call.reports
    forgettable.clear()
    gc.collect()
    assert reports.ended == "server"


def test_two_talks_do_not_mind_each_other() -> None:
    one, other = talk(Shout), talk(Shout, options={"mark": "?"})
    assert one.says("a") == "A!"
    assert other.says("b") == "B?"
    assert one.says("c") == "C!"


class Dialling(ResponseSystem[Options]):
    """Asks a server how it is."""

    port = 0

    async def respond(self, turn: Turn) -> Reply:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield (await reader.readline()).decode()
        finally:
            writer.transport.abort()
            await asyncio.sleep(0)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port where a thread answers after a while."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                time.sleep(0.05)
                connection.sendall(b"Fine.\n")

        thread = threading.Thread(target=answer)
        thread.start()
        monkeypatch.setattr(Dialling, "port", server.getsockname()[1])
        yield Dialling.port
        thread.join()


def test_a_system_whose_server_is_elsewhere_needs_real_time(elsewhere: int) -> None:
    assert talk(Dialling, real_time=True).says("How are you?") == "Fine."


def test_virtual_time_is_refused_where_it_would_run_ahead(elsewhere: int) -> None:
    with pytest.raises(PeerElsewhere, match=rf"127.0.0.1:{elsewhere}.*real_time=True"):
        talk(Dialling).says("How are you?")


def test_the_object_of_a_call_is_made_for_that_call() -> None:
    calls: list[Call] = []

    class Noting(Shout):
        def __init__(self, options: Loud, call: Call) -> None:
            super().__init__(options, call)
            calls.append(call)

    talk(Noting)
    talk(Noting)
    assert [(call.id, call.kind, call.agent) for call in calls] == [("call-1", "web", "Noting")] * 2
