"""A booking that the caller speaks into, from the socket to the plugin and back: one table, and the caller is told of it."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from rejoinder.testing.hearing import Frame
from rejoinder.testing.telephone import Caller, calling
from served import Serve, Served

YAML = """
server: {port: 0}
agents: {desk: {system: booking, begin: Hello.}}
routes: {/desk: desk}
"""
PLUGINS = {"booking": str(Path(__file__).parent / "support" / "booking.py")}


@pytest.fixture(params=["front's own loop", "agent's own loop"])
async def served(request: pytest.FixtureRequest, serve: Serve) -> Served:
    return await serve(YAML, PLUGINS, own_loop=request.param == "agent's own loop")


def tools(caller: Caller) -> list[Frame]:
    return [frame for frame in caller.frames if frame["response_type"].startswith("tool_call")]


async def begun(caller: Caller) -> None:
    """The caller asks for a table, and hears that it is being booked."""
    await caller.hears()
    await caller.says("Please book a table.")
    async for chunk in caller.chunks():
        assert chunk == "One moment. "
        break


def records(caller: Caller, text: str) -> list[Frame]:
    identity = f"{caller.call_id}-tool-1"
    return [
        {"response_type": "tool_call_invocation", "tool_call_id": identity, "name": "book_table", "arguments": '{"seats":2}'},
        {"response_type": "tool_call_result", "tool_call_id": identity, "content": text, "successful": True},
    ]


@pytest.mark.failure(11)
@pytest.mark.failure(12)
async def test_a_caller_who_speaks_into_a_booking_gets_one_table_and_is_told_in_the_next_turn(served: Served) -> None:
    async with calling(served.ws("/desk")) as caller:
        await begun(caller)
        await caller.says("Please go on.")
        assert (await caller.hears()).text == "Very well."
        await caller._until(lambda: len(tools(caller)) == 2, 5)
        await caller.says("And?")
        assert (await caller.hears()).text == "By the way: Table 1 for 2 is booked. Very well."
        await caller.says("Thank you.")
        assert (await caller.hears()).text == "Very well."
        assert tools(caller) == records(caller, "Table 1 for 2 is booked.")
        assert caller.unheard == []


@pytest.mark.failure(11)
async def test_a_caller_who_asks_twice_for_a_booking_gets_one_table(served: Served) -> None:
    async with calling(served.ws("/desk")) as caller:
        await begun(caller)
        await caller.says("I said, book a table, go on.")
        assert (await caller.hears()).text == "One moment. Table 1 for 2 is booked."
        await caller.says("Did you book it?")
        assert (await caller.hears()).text == "One moment. Table 1 for 2 is booked."
        assert tools(caller) == records(caller, "Table 1 for 2 is booked.")


@pytest.mark.failure(13)
async def test_a_booking_goes_on_while_the_platform_dials_again(served: Served) -> None:
    async with calling(served.ws("/desk")) as caller:
        await begun(caller)
        await caller.drop()
        await caller.dial()
        await caller.says("Please go on.")
        assert (await caller.hears()).text == "Very well."
        await caller._until(lambda: len(tools(caller)) == 2, 5)
        assert tools(caller) == records(caller, "Table 1 for 2 is booked.")


@pytest.mark.failure(11)
async def test_a_chat_request_that_is_closed_and_sent_again_books_one_table(served: Served) -> None:
    def body(text: str) -> dict[str, object]:
        return {"model": "any", "call": {"id": "v1"}, "messages": [{"role": "user", "content": text}]}

    url = served.http("/desk/chat/completions")
    async with aiohttp.ClientSession() as session:
        async with session.post(url, json={**body("Please book a table."), "stream": True}) as first:
            async for line in first.content:
                if b"One moment." in line:
                    break
            first.close()
        for text in ("Please book a table, go on.", "Please book a table."):
            async with asyncio.timeout(5), session.post(url, json=body(text)) as answer:
                said = (await answer.json())["choices"][0]["message"]["content"]
                assert said == "One moment. Table 1 for 2 is booked."


@pytest.mark.failure(24)
@pytest.mark.virtual_time
async def test_a_booking_system_that_never_answers_is_waited_for_in_company_and_not_asked_again(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve(YAML, PLUGINS)
    async with calling(served.ws("/desk")) as caller:
        await begun(caller)
        begun_at = asyncio.get_running_loop().time()
        heard = await caller.hears(within=60)
        assert heard.chunks == ["One moment. ", "One moment, please. ", "I am sorry, could you say that again?"]
        assert 15.0 <= asyncio.get_running_loop().time() - begun_at < 15.1
        await caller.says("I said book it, go on.")
        assert (await caller.hears()).text == "One moment. I am sorry, could you say that again?"
        assert [frame.get("content") for frame in tools(caller)] == [None, "outcome unknown"]
        assert "successful" not in tools(caller)[1]
    assert "tool book_table did not return within 15 s" in caplog.text
