"""What the model is asked: the prompt, the call as heard, and an instruction where the caller asked nothing."""

from typing import Any

import pytest

from rejoinder import Details, Transcript, Turn, Utterance
from rejoinder.testing.llm import FakeLLM
from rejoinder_llm.history import GO_ON, OPEN, REMIND


def system(text: str) -> dict[str, str]:
    return {"role": "system", "content": text}


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


@pytest.mark.failure(25)
@pytest.mark.failure(26)
async def test_sends_the_prompt_and_the_call_as_heard(agent: Any) -> None:
    caller = await agent(prompt="You are Ava.")
    await caller.says("Hello", "agent:Good day.", "A table", "for two", "  ", "please")
    assert caller.asked.messages == [
        system("You are Ava."),
        user("Hello"),
        assistant("Good day."),
        user("A table for two please"),
    ]


async def test_fills_the_fields_of_the_prompt(agent: Any) -> None:
    details = Details(number="+15550100", variables={"name": "Ada"})
    caller = await agent(prompt="{{ vars.company }} speaks to {{ name }} at {{ call.number }}{{ nothing }}.", details=details)
    await caller.says("Hello")
    assert caller.asked.messages[0] == system("Ribera Clinic speaks to Ada at +15550100.")


async def test_leaves_out_lines_of_the_host_and_its_own_apologies(server: FakeLLM, agent: Any) -> None:
    caller = await agent(prompt="", error_line="Pardon me.")
    said = (
        Utterance("agent", "Are you still there?", host_line=True),
        Utterance("user", "Hello"),
        Utterance("agent", "Pardon me."),
        Utterance("system", "not spoken"),
        Utterance("user", "Hello?"),
    )
    assert [output async for output in caller.system.respond(Turn(1, "response", Transcript(said)))]
    assert caller.asked.messages == [user("Hello Hello?")]


@pytest.mark.failure(6)
async def test_an_empty_transcript_asks_for_an_opening_even_without_a_prompt(agent: Any) -> None:
    caller = await agent(prompt="", language="nl")
    await caller.says()
    assert caller.asked.messages == [system(OPEN.replace("{language}", "nl"))]


async def test_a_call_that_only_heard_the_agent_asks_for_an_opening(agent: Any) -> None:
    caller = await agent(prompt="")
    await caller.says("agent:Good day.")
    assert caller.asked.messages == [assistant("Good day."), system(OPEN.replace("{language}", "en"))]


async def test_a_call_in_which_the_agent_spoke_last_goes_on(agent: Any) -> None:
    caller = await agent(prompt="")
    await caller.says("Hello", "agent:Good day.")
    assert caller.asked.messages == [user("Hello"), assistant("Good day."), system(GO_ON.replace("{language}", "en"))]


async def test_goes_on_from_what_an_earlier_reply_of_the_turn_said(agent: Any) -> None:
    caller = await agent(prompt="")
    turn = caller.turn("Hello", spoken="One moment. ")
    assert [output async for output in caller.system.respond(turn)]
    assert caller.asked.messages[1:] == [assistant("One moment."), system(GO_ON.replace("{language}", "en"))]


@pytest.mark.failure(10)
async def test_a_reminder_is_asked_for_by_an_instruction(agent: Any) -> None:
    caller = await agent(prompt="You are Ava.")
    assert "".join(map(str, await caller.is_silent("Hello", "agent:Good day."))).startswith("Hello.")
    assert caller.asked.messages == [
        system("You are Ava."),
        user("Hello"),
        assistant("Good day."),
        system(REMIND.replace("{language}", "en")),
    ]


async def test_the_owner_chooses_the_instruction_and_its_role(agent: Any) -> None:
    caller = await agent(prompt="", reminder_instruction="Nudge for {{ vars.company }}.", instruction_role="user")
    await caller.is_silent()
    assert caller.asked.messages == [user("Nudge for Ribera Clinic.")]


async def test_begins_with_its_line_or_lets_the_caller_begin(agent: Any, server: FakeLLM) -> None:
    assert await (await agent(begin="{{ vars.company }}, good day.")).begins() == ["Ribera Clinic, good day."]
    assert await (await agent()).begins() == []
    assert not server.requests


@pytest.mark.parametrize("last", ["(unintelligible audio)", "[DONE]", '"}]\n\ndata:', "\u2028", "🙂"])
async def test_any_words_reach_the_model_as_they_are(agent: Any, last: str) -> None:
    caller = await agent(prompt="")
    await caller.says(f"a {last} b")
    assert caller.asked.messages == [user(f"a {last} b")]
