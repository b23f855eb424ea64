"""Where one promise meets another: late agents and lost sockets, substitutes and reloads, the words of several in one turn."""

import asyncio
from pathlib import Path

import pytest

from rejoinder.dialogue import Action, EndCall, Transcript, Utterance
from rejoinder.effects import Judged, Send
from rejoinder.engine import Conversation
from rejoinder.events import Finish, Speak, TurnRequested
from rejoinder.host import Host
from rejoinder.lines import HostLines, OwnLines
from rejoinder.orders import ToolsAwaited
from rejoinder.registry import Registry
from rejoinder.templates import template
from rejoinder.testing.telephone import calling
from served import Serve, Served

PLUGIN = '''
"""Answers by order of the caller: at length, with a crash, or else at once."""
from rejoinder import Options, ReplyFailed, ResponseSystem, hookimpl, per_call

class FlowingOptions(Options, frozen=True):
    name: str = "ava"

class Flowing(ResponseSystem[FlowingOptions]):
    async def respond(self, turn):
        if turn.text == "at length":
            for number in range(200):
                yield f"Word {number}. "
            return
        if turn.text == "crash everywhere" or (self.options.name == "ava" and turn.text == "crash"):
            raise ReplyFailed("planned")
        yield f"This is {self.options.name}."

@hookimpl
def rejoinder_response_system():
    return per_call(Flowing, FlowingOptions)
'''
YAML = """
server: {port: 0}
agents:
  ava: {system: flowing, begin: Hello., fallback: desk}
  desk: {system: flowing, options: {name: desk}}
  quiet: {system: flowing, fallback: desk}
routes: {/ava: ava, /quiet: quiet}
"""
REQUEST = TurnRequested(1, "response", Transcript((Utterance("user", "hi"),)))


@pytest.fixture
async def served(serve: Serve, tmp_path: Path) -> Served:
    (tmp_path / "flowing.py").write_text(PLUGIN)
    return await serve(YAML, {"flowing": str(tmp_path / "flowing.py")})


def conversation(
    *agents: str,
    waiting: set[int] | None = None,
    actions: frozenset[type[Action]] = frozenset(),
    on_failure: Action | None = None,
) -> Conversation:
    held = set() if waiting is None else waiting
    return Conversation(
        HostLines("en", lambda _: "", None),
        actions=lambda: actions,
        numbers={},
        agents=agents or ("ava",),
        waits=held.__contains__,
        on_failure=on_failure,
    )


def spoken(effects: object) -> list[str]:
    assert isinstance(effects, list)
    return [one.command.text for one in effects if isinstance(one, Send) and isinstance(one.command, Speak | Finish)]


@pytest.mark.virtual_time
async def test_a_reply_whose_socket_is_lost_waits_for_the_next_one_and_is_heard_whole(served: Served) -> None:
    async with calling(served.ws("/ava"), call_id="c") as caller:
        await caller.hears()
        await caller.says("at length")
        await caller.drop()
        await asyncio.sleep(30)
        await caller.dial()
        heard = await caller.hears(within=10)
        assert heard.text.endswith("Word 199. ")
        await caller.says("hello")
        assert (await caller.hears()).text == "This is ava."


def test_a_reply_that_its_platform_does_not_take_has_not_stalled_and_then_has_its_whole_time() -> None:
    waiting = {1}
    talk = conversation(waiting=waiting)
    talk.opened(0.0)
    talk.receive(REQUEST, 0.0)
    talk.output(2, "We are open. ", 1.0)
    talk.timer(1, "late", 5.0)
    waiting.clear()
    assert not spoken(talk.timer(1, "late", 9.0))
    assert not spoken(talk.timer(1, "late", 12.9))
    closed = talk.timer(1, "late", 13.0)
    assert (spoken(closed), closed[0]) == ([""], Judged(0, good=False))


def test_the_words_of_two_agents_have_a_space_between_them() -> None:
    talk = conversation("ava", "desk")
    talk.receive(REQUEST, 0.0)
    assert spoken(talk.output(1, "The price", 1.0)) == ["The price"]
    talk.failed(1, 1.0)
    assert spoken(talk.output(2, "This is the desk.", 1.0)) == [" This is the desk."]
    assert spoken(talk.output(2, "And", 1.0)) == ["And"]


def test_behind_a_filler_there_is_one_space_however_the_answer_begins() -> None:
    talk = conversation()
    talk.receive(REQUEST, 0.0)
    assert spoken(talk.timer(1, "late", 2.0)) == ["One moment, please. "]
    assert not spoken(talk.output(1, " ", 3.0))
    assert spoken(talk.output(1, " Yes.", 3.0)) == ["Yes."]
    assert spoken(talk.output(1, " No.", 3.0)) == [" No."]


def test_what_goes_out_over_a_new_socket_is_not_said_twice_when_its_request_is_repeated() -> None:
    waiting = {1}
    talk = conversation(waiting=waiting)
    talk.receive(REQUEST, 0.0)
    talk.output(1, "Fine.", 1.0)
    talk.ended(1, 1.0)
    talk.opened(2.0)
    waiting.clear()
    assert talk.receive(REQUEST, 2.0) == []
    talk.opened(3.0)
    assert spoken(talk.receive(REQUEST, 3.0)) == [" Fine."]


def test_a_reply_of_nothing_that_can_be_spoken_is_no_answer() -> None:
    talk = conversation("ava", "desk")
    talk.receive(REQUEST, 0.0)
    talk.output(1, " \n", 1.0)
    assert Judged(0, good=False) in talk.ended(1, 1.0)
    assert spoken(talk.output(2, "Here.", 1.0)) == ["Here."]


def test_a_reminder_of_nothing_that_can_be_spoken_nudges_all_the_same() -> None:
    talk = conversation()
    talk.receive(TurnRequested(1, "reminder", REQUEST.transcript), 0.0)
    talk.output(1, " ", 1.0)
    assert spoken(talk.ended(1, 1.0)) == ["Are you still there?"]


@pytest.mark.virtual_time
async def test_a_live_call_keeps_its_substitute_when_a_reload_replaces_that(served: Served) -> None:
    async with calling(served.ws("/ava")) as caller:
        await caller.hears()
        desk = served.host.routes.agents["desk"]
        served.write(YAML.replace("name: desk", "name: other"))
        assert await served.host.reloader.reload()
        await caller.says("crash")
        assert (await caller.hears()).text == "This is desk."
        assert desk.is_open
    await asyncio.sleep(10)
    assert not desk.is_open


async def test_the_last_agent_is_asked_however_often_it_has_failed(served: Served) -> None:
    async with calling(served.ws("/ava")) as caller:
        await caller.hears()
        for _ in range(3):
            await caller.says("crash everywhere")
            assert (await caller.hears()).text == "I am sorry, could you say that again?"
        await caller.says("hello")
        assert (await caller.hears()).text == "This is desk."


@pytest.mark.virtual_time
async def test_a_call_that_begins_without_words_is_no_probe_of_an_agent_that_is_skipped(served: Served) -> None:
    breaker = served.host.routes.agents["quiet"].breaker
    async with calling(served.ws("/quiet")) as caller:
        for _ in range(3):
            await caller.says("crash everywhere")
            await caller.hears()
    await asyncio.sleep(31)
    async with calling(served.ws("/quiet")) as caller:
        await caller.ping()
        assert breaker.is_open
        await caller.says("hello")
        assert (await caller.hears()).text == "This is ava."
        assert not breaker.is_open


async def test_a_route_that_is_served_alone_keeps_its_agents_substitutes(served: Served, tmp_path: Path) -> None:
    registry = Registry({"flowing": str(tmp_path / "flowing.py")})
    host = Host(served.file, registry, only="/ava", environ={}, agent_loop=asyncio.get_running_loop())
    await host.start()
    assert set(host.routes.agents) == {"ava", "desk"}
    await host.close()


@pytest.mark.parametrize("text", ["", "{{ name }}"])
def test_an_apology_without_words_is_the_built_in_one(text: str) -> None:
    lines = HostLines("en", lambda _: "", own=OwnLines(apology=(template(text),), goodbye=(template(text),)))
    assert (lines.apology(), lines.goodbye()) == ("I am sorry, could you say that again?", "Goodbye.")


def test_a_filler_without_words_is_none() -> None:
    assert HostLines("en", lambda _: "", own=OwnLines(filler=(template(""),))).filler() == ""


def test_who_hangs_up_with_a_blank_still_says_goodbye() -> None:
    talk = conversation(actions=frozenset({EndCall}))
    talk.receive(REQUEST, 0.0)
    talk.output(1, " ", 1.0)
    assert spoken(talk.output(1, EndCall(), 1.0)) == ["Goodbye."]


def test_fillers_do_not_pile_up_for_a_platform_that_takes_none() -> None:
    waiting: set[int] = set()
    talk = conversation(waiting=waiting)
    talk.receive(REQUEST, 0.0)
    talk.order(ToolsAwaited(1, 1), 0.0)
    assert spoken(talk.timer(1, "late", 2.0)) == ["One moment, please. "]
    waiting.add(1)
    assert not spoken(talk.timer(1, "late", 10.0))
    waiting.clear()
    assert spoken(talk.timer(1, "late", 18.0)) == ["Let me see. "]


async def test_the_log_says_once_a_call_that_another_agent_had_the_turns(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    async with calling(served.ws("/ava")) as caller:
        await caller.hears()
        for _ in range(2):
            await caller.says("crash")
            await caller.hears()
    await served.host.close()
    told = [record.getMessage() for record in caplog.records if "instead" in record.getMessage()]
    assert told == [
        "a turn went to agent desk instead of ava (failed)",
        "a turn went to agent desk instead of ava (failed) (2 times in this call)",
    ]


def test_an_agent_whose_platform_has_vanished_is_not_judged_by_the_turn_that_nobody_took() -> None:
    talk = conversation(waiting={1})
    talk.receive(REQUEST, 0.0)
    talk.output(1, "We are open. ", 1.0)
    closed = talk.timer(1, "late", 60.0)
    assert spoken(closed) == [""]
    assert not any(isinstance(one, Judged) for one in closed)


def test_who_is_hung_up_on_is_not_asked_to_say_it_again() -> None:
    talk = conversation(actions=frozenset({EndCall}), on_failure=EndCall())
    talk.receive(REQUEST, 0.0)
    assert spoken(talk.failed(1, 1.0)) == ["I am sorry."]
    without = conversation(on_failure=EndCall())
    without.receive(REQUEST, 0.0)
    assert spoken(without.failed(1, 1.0)) == ["I am sorry, could you say that again?"]


@pytest.mark.parametrize("words", [[], [""], [" "]])
def test_a_greeting_without_words_shows_nothing_of_an_agent(words: list[str]) -> None:
    talk = conversation("ava", "desk")
    talk.opened(0.0)
    for text in words:
        talk.output(1, text, 0.1)
    assert talk.ended(1, 0.2)[0] == Judged(0, good=None)


def test_a_greeting_that_waits_when_the_caller_speaks_is_completed_without_words() -> None:
    talk = conversation(waiting={0})
    talk.opened(0.0)
    talk.output(1, "Hello.", 0.1)
    talk.ended(1, 0.2)
    assert Send(Finish(0)) in talk.receive(REQUEST, 0.3)


COUNTING = """
from rejoinder import Options, ResponseSystem, Usage, hookimpl, per_call

class Counting(ResponseSystem[Options]):
    async def respond(self, turn):
        for number in range(100):
            yield Usage(1, 1)
            if number % 10 == 0:
                yield f"{number} "
        yield "hundred"

@hookimpl
def rejoinder_response_system():
    return per_call(Counting, Options)
"""


async def test_notes_that_are_never_written_do_not_fill_the_window_of_a_reply(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "counting.py").write_text(COUNTING)
    yaml = "agents: {counting: {system: counting, begin: Hello.}}\nroutes: {/counting: counting}\n"
    served = await serve(yaml, {"counting": str(tmp_path / "counting.py")})
    async with calling(served.ws("/counting")) as caller:
        await caller.hears()
        await caller.says("count")
        assert (await caller.hears()).text == "0 10 20 30 40 50 60 70 80 90 hundred"
