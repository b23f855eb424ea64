"""No caller is nudged for ever: `limits.reminders` bounds the reminders that are spoken in a row."""

from rejoinder.dialogue import Transcript, Utterance
from rejoinder.effects import Send, StartReply, TurnStarted
from rejoinder.engine import Conversation
from rejoinder.events import Finish, TranscriptUpdated, TurnRequested
from rejoinder.lines import HostLines
from rejoinder.templates import template
from rejoinder.testing.telephone import Caller, calling
from served import Serve

LINE = "Are you still there?"


class Silence:
    """A call in which the caller is silent; `spoken` says of each reminder in turn whether it was."""

    def __init__(self, most: int | None, *, of_the_file: bool = True) -> None:
        lines = HostLines("en", lambda _: "", template("Hello."), [template(LINE)] if of_the_file else [])
        self.talk = Conversation(lines, actions=frozenset, numbers={}, reminders=most)
        self.talk.opened()
        self.turn = 0
        self.said: tuple[Utterance, ...] = (Utterance("agent", "Hello."),)

    def is_reminded(self) -> bool:
        self.turn += 1
        effects = self.talk.receive(TurnRequested(self.turn, "reminder", Transcript(self.said)))
        assert effects[0] == TurnStarted(self.turn, "reminder")
        if any(isinstance(one, StartReply) for one in effects):
            self.talk.ended(self.talk._turn.reply or 0)  # type: ignore[union-attr]
            return True
        (text,) = [one.command.text for one in effects if isinstance(one, Send) and isinstance(one.command, Finish)]
        self.said += (Utterance("agent", text),) if text else ()
        return bool(text)

    def times(self, count: int) -> list[bool]:
        return [self.is_reminded() for _ in range(count)]


def test_no_more_are_spoken_in_a_row_than_the_limit_says() -> None:
    assert Silence(2).times(4) == [True, True, False, False]
    assert Silence(0).times(2) == [False, False]


def test_without_a_limit_each_is_spoken() -> None:
    assert all(Silence(None).times(9))


def test_beyond_the_limit_the_response_system_is_not_asked_either() -> None:
    assert Silence(1, of_the_file=False).times(3) == [True, False, False]


def test_a_turn_that_answers_the_caller_begins_the_row_anew() -> None:
    call = Silence(1)
    call.times(2)
    call.turn += 1
    call.talk.receive(TurnRequested(call.turn, "response", Transcript(call.said)))
    call.talk.closed()
    assert call.times(2) == [True, False]


def test_words_of_the_caller_that_nobody_had_to_answer_begin_the_row_anew() -> None:
    call = Silence(1)
    assert call.times(2) == [True, False]
    call.said += (Utterance("user", "mm"),)
    call.talk.receive(TranscriptUpdated(Transcript(call.said)))
    assert call.times(2) == [True, False]
    call.said = (*call.said[:-1], Utterance("user", "mm, wait"))
    assert call.times(2) == [True, False]


def test_words_of_the_agent_do_not() -> None:
    call = Silence(1)
    call.times(1)
    call.said += (Utterance("agent", "One moment."),)
    assert call.times(1) == [False]


YAML = """
server: {port: 0}
defaults: {limits: {reminders: 2}}
agents: {a: {system: echo, begin: Hello., reminder: ["Are you still there?", "Take your time."]}}
routes: {/two: a, /one: {agent: a, limits: {reminders: 1}}}
"""


async def reminders(caller: Caller, count: int) -> list[str]:
    heard = []
    for _ in range(count):
        await caller.is_silent()
        heard.append((await caller.hears()).text)
    return heard


async def test_the_nearest_limit_counts_and_a_silent_turn_is_completed(serve: Serve) -> None:
    served = await serve(YAML)
    async with calling(served.ws("/two")) as two, calling(served.ws("/one")) as one:
        await two.hears()
        await one.hears()
        assert await reminders(two, 3) == ["Are you still there?", "Take your time.", ""]
        assert await reminders(one, 2) == ["Are you still there?", ""]
        await one.says("hi")
        assert (await one.hears()).text == "You said: hi"
        assert await reminders(one, 2) == ["Take your time.", ""]
    assert not [frame for frame in two.frames + one.frames if frame["response_type"] == "update_agent"]
