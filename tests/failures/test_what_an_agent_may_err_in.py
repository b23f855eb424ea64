"""Mistakes of a plugin's author, and what the caller hears of them."""

import pytest

from rejoinder.observability import configure
from rejoinder.testing.telephone import PHONE_CALL, calling
from served import Served


async def test_a_turn_is_complete_when_its_reply_ends_and_no_flag_says_so(served: Served) -> None:
    """B5: never-closed response by mistake: a tool without a word behind it, an answer without an end of its own."""
    async with calling(served.ws("/erring")) as caller:
        await caller.hears()
        await caller.says("only notes")
        heard = await caller.hears()
        assert heard.text == "I am sorry, could you say that again?"
        await caller.says("hello")
        assert (await caller.hears()).complete
    completed = [frame["response_id"] for frame in caller.frames if frame.get("content_complete")]
    assert completed == [0, 1, 2]


async def test_a_silence_is_no_question_to_the_agent(served: Served) -> None:
    """B10: reminder treated as a question."""
    async with calling(served.ws("/erring")) as caller:
        await caller.hears()
        await caller.says("hello")
        await caller.hears()
        nudges = []
        for _ in range(2):
            await caller.is_silent()
            nudges.append((await caller.hears()).text)
        await caller.says("counts")
        assert (await caller.hears()).text.startswith("2 asked"), "the question was answered again"
    assert all(nudges)
    assert "You said: hello." not in nudges


async def test_a_second_action_of_a_turn_is_refused_loudly(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """B23: two actions at once; the platform would hang up without a word about the transfer."""
    async with calling(served.ws("/erring"), details=PHONE_CALL) as caller:
        await caller.hears()
        await caller.says("two actions")
        heard = await caller.hears()
        assert (heard.text, heard.transfer_to, heard.end_call) == ("One moment.", "+442079460000", False)
        await caller.ping()
        assert not any(frame.get("end_call") for frame in caller.frames)
    assert "a reply went on after its action" in caplog.text


async def test_the_first_words_are_heard_while_the_rest_is_in_the_making(served: Served) -> None:
    """B27: unbuffered latency."""
    async with calling(served.ws("/erring")) as caller:
        await caller.hears()
        await caller.says("never ends")
        async for words in caller.chunks():
            assert words.strip() == "First."
            break
        assert not caller.now.complete


async def told_of_a_dropped_task(served: Served, capsys: pytest.CaptureFixture[str]) -> str:
    """What the log says when a task that its plugin made and forgot has failed."""
    configure("info")
    async with calling(served.ws("/erring"), call_id="call-1") as caller:
        await caller.hears()
        await caller.says("drops a task")
        assert (await caller.hears()).text == "Done."
        told = ""
        while "RuntimeError" not in told:
            await caller.ping()
            told += capsys.readouterr().err
    return told


async def test_what_a_dropped_task_raises_is_logged(served_by_threads: Served, capsys: pytest.CaptureFixture[str]) -> None:
    """B32: task handles dropped; the call goes on, and the log says where."""
    told = await told_of_a_dropped_task(served_by_threads, capsys)
    assert "planned in a dropped task" in told
    assert 'erring.py", line' in told


async def test_what_a_dropped_task_raises_is_logged_with_its_call(
    served_by_threads: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    """B32: task handles dropped; of the many calls of an agent, the log names the one."""
    told = await told_of_a_dropped_task(served_by_threads, capsys)
    (line,) = [line for line in told.splitlines() if "never retrieved" in line]
    assert "[call-1 /erring erring]" in line


async def test_a_farewell_spoken_over_the_goodbye_does_not_keep_the_line_open(served: Served) -> None:
    """B22: lost hang-up; the platform discards one whose line was spoken over, and the host knows that it did."""
    async with calling(served.ws("/erring")) as caller:
        await caller.hears()
        await caller.says("goodbye")
        assert (await caller.hears()).end_call
        await caller.says("Bye")
        heard = await caller.hears()
        assert (heard.text, heard.end_call, heard.uninterruptible) == ("Goodbye.", True, True)


async def test_whoever_says_more_than_farewell_over_the_goodbye_is_answered(served: Served) -> None:
    """B22: and a caller with a question is not hung up on."""
    async with calling(served.ws("/erring")) as caller:
        await caller.hears()
        await caller.says("goodbye")
        await caller.hears()
        await caller.says("Bye, no, wait")
        heard = await caller.hears()
        assert (heard.text, heard.end_call) == ("You said: Bye, no, wait.", False)
