"""The project's own scenarios, played against a server that is written by hand: each of its faults is found by its name."""

import asyncio
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from aiohttp import ClientSession

from guide_server import FAULTS, Fault, GuideServer
from rejoinder.simulator.clean_connection import bad_endings
from rejoinder.simulator.findings import FaultName, Play, Verdict
from rejoinder.simulator.judging import judge
from rejoinder.simulator.platform import Retell
from rejoinder.simulator.player import Player
from rejoinder.simulator.profile import Profile
from rejoinder.simulator.reading import read_paths
from rejoinder.simulator.scenario import Scenario
from rejoinder.simulator.story import story
from rejoinder.testing.wire import socket_dialler

HERE = Path(__file__).parent
LONG_STORY = " ".join(["and then they went on"] * 120)
SCENARIOS = {one.name: one for one in read_paths([HERE / "everyone", HERE / "special"], {"A_LONG_STORY": LONG_STORY}).scenarios}

#: A call of questions and answers, and those in which something happens.
TALK = "Every question of a conversation is answered and closed"
PAUSE = "A pause in mid-sentence is no end of it"
LOST = "A connection that is lost before the answer came is answered on the next one"
LONG = "A conversation that grows beyond a quarter of a megabyte is still answered at once"
REMINDED = "A silent caller is reminded once"
GOODBYE = "The agent hangs up after its goodbye"
NEVER_SAID = "A caller who never said a word is reminded"
BOOKED = "A table is booked once"

#: The scenario that shows a fault, and its name; or the expectation of that scenario which it fails.
FOUND: dict[Fault, tuple[str, str]] = {
    "answers in the loop": (TALK, "deaf_while_answering"),
    "works in the loop": (TALK, "late_pongs"),
    "answers no pings": (TALK, "pings_unanswered"),
    "goes on with old answers": (PAUSE, "stale_answer"),
    "fails before it speaks": (TALK, "never_answered"),
    "fails in mid-answer": (TALK, "never_completed"),
    "forgets the last frame": (TALK, "never_completed"),
    "says it all at once": (TALK, "first_sentence"),
    "speaks after the end": (TALK, "words_after_the_end"),
    "invents ids": (TALK, "unasked_answer"),
    "stacks the history": ("The echo says back what was heard, as one utterance", "is"),
    "reads the last utterance first": (NEVER_SAID, "empty_transcript"),
    "answers reminders": (REMINDED, "reminder_answers"),
    "ignores reminders": (REMINDED, "never_answered"),
    "never greets": (TALK, "never_greeted"),
    "greets when details come": ("A caller is greeted though the call's details never come", "never_greeted"),
    "sends config late": (TALK, "late_config"),
    "sends no config": ("A connection that dies without a word is noticed by the keepalive", "no_keepalive"),
    "puts more into config": (TALK, "polluted_config"),
    "takes a redial for a call": (LOST, "greeted_twice"),
    "kills answers with the socket": (LOST, "starts_over"),
    "gives up after a failed send": (LOST, "never_completed"),
    "returns after an answer": (TALK, "hung_up_by_closing"),
    "closes after an answer": (TALK, "closed_socket"),
    "crashes after an answer": (TALK, "lost_connection"),
    "takes small frames only": (LONG, "frame_too_big"),
    "dies of text": ("Text that is no frame is passed over", "odd_frame_ends_it"),
    "dies of bytes": ("Bytes are passed over", "odd_frame_ends_it"),
    "dies of types": ("What a later version of the platform may send is passed over", "odd_frame_ends_it"),
    "writes true as text": (TALK, "wrong_type"),
    "writes ids as text": (TALK, "wrong_type"),
    "writes type": (TALK, "unknown_type"),
    "writes no type": (TALK, "no_type"),
    "writes to the log": (TALK, "not_json"),
    "sends bytes": (TALK, "binary_frame"),
    "writes markup": (TALK, "markup"),
    "glues its chunks": (BOOKED, "glued_words"),
    "hangs up silently": (GOODBYE, "silent_hang_up"),
    "can be cut off in its goodbye": ("A goodbye that is spoken over is said to its end", "action"),
    "does two things": (GOODBYE, "two_actions"),
    "transfers on the web": ("A caller on the web is told that there is nobody to be put through to", "transfer_on_web"),
    "books again": ("Somebody who goes on after asking has booked once", "tools"),
    "gives up bookings": ("A booking goes on though the caller cuts in, and is told of then", "is"),
    "books under one id": ("Who asks for two things has each done once", "tool_id_twice"),
    "waits in silence": ("Nobody waits in silence for a slow tool", "first_sentence"),
}
#: What is played against it with no fault ordered.
RIGHT = dict.fromkeys(
    [
        *(
            name
            for name, scenario in SCENARIOS.items()
            if Path(scenario.place.file).name in ("talk.yaml", "connections.yaml") and "echo" in (scenario.applies or ("echo",))
        ),
        *(name for name, _ in FOUND.values() if name != LONG),
    ]
)


async def played(server: GuideServer, scenario: Scenario) -> Verdict:
    async with server, ClientSession() as session:
        player = Player(Play(scenario), socket_dialler(server.url, session))
        await player.play()
    return judge(player.played)


def greeting_for(name: str) -> str:
    return "" if name == NEVER_SAID else "Hello, this is the guide."


def names(verdict: Verdict) -> set[str]:
    return {finding.fault or finding.check for finding in verdict.findings}


@pytest.mark.virtual_time
@pytest.mark.parametrize("fault", FOUND)
async def test_each_fault_is_found_by_its_name(fault: Fault) -> None:
    name, found = FOUND[fault]
    verdict = await played(GuideServer(fault, greeting=greeting_for(name)), SCENARIOS[name])
    assert found in names(verdict), f"{names(verdict)}\n{story(verdict)}"


@pytest.mark.virtual_time
@pytest.mark.parametrize("name", RIGHT)
async def test_with_no_fault_it_passes(name: str) -> None:
    verdict = await played(GuideServer(greeting=greeting_for(name)), SCENARIOS[name])
    assert verdict.outcome == "passed", story(verdict)


async def test_a_server_that_blocks_its_loop_is_found_and_so_is_the_harm_to_another_call(blocking: str) -> None:
    """In real time, and the server in a thread: a loop that stands still has no clock to be virtual."""
    quick = Profile(
        ping_every=0.05,
        keepalive_lost=0.6,
        caller_rate=6000,
        agent_rate=6000,
        voice_delay=0.01,
        endpointing=0.02,
        redial_pause=1.0,
    )
    async with ClientSession() as session:
        dial = socket_dialler(blocking, session)
        async with Retell(dial, profile=quick) as asks, Retell(dial, profile=quick) as listens:
            await listens.agent_finished()
            await asks.agent_finished()
            await asks.silent(0.1)
            await asks.says("When are you open?")
            await asyncio.gather(given_up(asks), given_up(listens))
    assert [finding.fault for finding in bad_endings(asks.journal)] == ["stands_still"]
    assert [finding.fault for finding in bad_endings(listens.journal)] == ["pings_unanswered"]


async def given_up(call: Retell) -> None:
    """The platform has lost patience with the connection."""
    await call.recorder.until(lambda: bool(call.journal.of("keepalive_lost")))


@pytest.fixture
def blocking() -> Iterator[str]:
    """The URL of a server that blocks, in a thread of its own."""
    urls = queue.SimpleQueue[str]()
    over = threading.Event()

    async def serve() -> None:
        async with GuideServer("blocks the loop") as server:
            urls.put(server.url)
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    yield urls.get(timeout=10)
    over.set()
    thread.join()


def test_every_fault_that_has_a_name_is_committed() -> None:
    assert {*FOUND, "blocks the loop"} == {*FAULTS}
    assert {name for _, name in FOUND.values()} >= {*get_args(FaultName)} - {"", "stands_still"}
