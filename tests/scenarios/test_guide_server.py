"""The project's own scenarios, played against a server that is written by hand: each of its faults is found by its name."""

import asyncio
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
from aiohttp import ClientSession

from failures import BEYOND_A_CALL, FAILURES, failures_of
from guide_server import FAULTS, Fault, GuideServer
from manual import rows, section
from rejoinder.simulator.judging.clean_connection import bad_endings
from rejoinder.simulator.judging.findings import ChatFault, FaultName, Play, Verdict
from rejoinder.simulator.judging.judge import judge
from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.platform.retell import Retell
from rejoinder.simulator.playing.player import Player
from rejoinder.simulator.reports.story import story
from rejoinder.simulator.scenarios.reading import read_paths
from rejoinder.simulator.scenarios.scenario import Scenario
from rejoinder.testing.wire import socket_dialler
from stage import LONG_STORY

HERE = Path(__file__).parent
SCENARIOS = {one.name: one for one in read_paths([HERE / "everyone", HERE / "special"], {"A_LONG_STORY": LONG_STORY}).scenarios}

#: A call of questions and answers, and those in which something happens.
TALK = "Every question of a conversation is answered and closed"
PAUSE = "A pause in mid-sentence is no end of it"
LOST = "A connection that is lost before the answer came is answered on the next one"
LONG = "A conversation that grows beyond a quarter of a megabyte is still answered at once"
REMINDED = "A silent caller is reminded once"
BLOCKING = "blocking the event loop"
GOODBYE = "The agent hangs up after its goodbye"
NEVER_SAID = "A caller who never said a word is reminded"
BOOKED = "A table is booked once"


class Shown(NamedTuple):
    """By which scenario a fault is found, and by which name: that of the fault, or the expectation that it fails. `failure` is
    what that is called where all are counted."""

    failure: str
    scenario: str
    name: str


FOUND: dict[Fault, Shown] = {
    "answers in the loop": Shown("sequential receive loop", TALK, "deaf_while_answering"),
    "works in the loop": Shown("queue starvation by updates", TALK, "late_pongs"),
    "answers no pings": Shown("sequential receive loop", TALK, "pings_unanswered"),
    "goes on with old answers": Shown("stale answers", PAUSE, "stale_answer"),
    "fails before it speaks": Shown("task handles dropped", TALK, "never_answered"),
    "fails in mid-answer": Shown("never-closed response on error", TALK, "never_completed"),
    "forgets the last frame": Shown("never-closed response by mistake", TALK, "never_completed"),
    "says it all at once": Shown("unbuffered latency", TALK, "first_sentence"),
    "speaks after the end": Shown("never-closed response by mistake", TALK, "words_after_the_end"),
    "invents ids": Shown("wrong wire types, wrong protocol", TALK, "unasked_answer"),
    "stacks the history": Shown("history appended from requests", "The echo says back what was heard, as one utterance", "is"),
    "reads the last utterance first": Shown("empty transcript crash", NEVER_SAID, "empty_transcript"),
    "answers reminders": Shown("reminder treated as a question", REMINDED, "reminder_answers"),
    "ignores reminders": Shown("reminder treated as a question", REMINDED, "never_answered"),
    "never greets": Shown("greeting twice, or never", TALK, "never_greeted"),
    "greets when details come": Shown(
        "greeting twice, or never", "A caller is greeted though the call's details never come", "never_greeted"
    ),
    "sends config late": Shown("configuration missing, late, polluted", TALK, "late_config"),
    "sends no config": Shown(
        "configuration missing, late, polluted",
        "A connection that dies without a word is noticed by the keepalive",
        "no_keepalive",
    ),
    "puts more into config": Shown("configuration missing, late, polluted", TALK, "polluted_config"),
    "takes a redial for a call": Shown("greeting twice, or never", LOST, "greeted_twice"),
    "kills answers with the socket": Shown("killing the answer when the socket drops", LOST, "starts_over"),
    "gives up after a failed send": Shown("concurrent sends", LOST, "never_completed"),
    "returns after an answer": Shown("clean return closes with 1000", TALK, "hung_up_by_closing"),
    "closes after an answer": Shown("clean return closes with 1000", TALK, "closed_socket"),
    "crashes after an answer": Shown("clean return closes with 1000", TALK, "lost_connection"),
    "takes small frames only": Shown("frame caps too small", LONG, "frame_too_big"),
    "dies of text": Shown("text that is not JSON", "Text that is no frame is passed over", "odd_frame_ends_it"),
    "dies of bytes": Shown("after a binary frame", "Bytes are passed over", "odd_frame_ends_it"),
    "dies of types": Shown(
        "unknown type kills the call", "What a later version of the platform may send is passed over", "odd_frame_ends_it"
    ),
    "writes true as text": Shown("wrong wire types, wrong protocol", TALK, "wrong_type"),
    "writes ids as text": Shown("wrong wire types, wrong protocol", TALK, "wrong_type"),
    "writes type": Shown("wrong wire types, wrong protocol", TALK, "unknown_type"),
    "writes no type": Shown("old protocol without a type", TALK, "no_type"),
    "writes to the log": Shown("wrong wire types, wrong protocol", TALK, "not_json"),
    "cuts a character in two": Shown("wrong wire types, wrong protocol", TALK, "half_character"),
    "never comes to an end": Shown("never-closed response by mistake", TALK, "endless_answer"),
    "sends bytes": Shown("wrong wire types, wrong protocol", TALK, "binary_frame"),
    "writes markup": Shown("markdown and emoji read aloud", TALK, "markup"),
    "glues its chunks": Shown("chunks glued or trimmed", BOOKED, "glued_words"),
    "hangs up silently": Shown("hang-up on the wrong response, silent, or lost", GOODBYE, "silent_hang_up"),
    "can be cut off in its goodbye": Shown(
        "hang-up on the wrong response, silent, or lost", "A goodbye that is spoken over is said to its end", "action"
    ),
    "does two things": Shown("two actions at once", GOODBYE, "two_actions"),
    "transfers on the web": Shown(
        "hang-up on the wrong response, silent, or lost",
        "A caller on the web is told that there is nobody to be put through to",
        "transfer_on_web",
    ),
    "books again": Shown("double side effects", "Somebody who goes on after asking has booked once", "tools"),
    "gives up bookings": Shown(
        "cancelling a side effect half-way", "A booking goes on though the caller cuts in, and is told of then", "is"
    ),
    "books under one id": Shown("double side effects", "Who asks for two things has each done once", "tool_id_twice"),
    "waits in silence": Shown("tool without a spoken line", "Nobody waits in silence for a slow tool", "first_sentence"),
}
#: What is played against it with no fault ordered.
RIGHT = dict.fromkeys(
    [
        *(
            name
            for name, scenario in SCENARIOS.items()
            if Path(scenario.place.file).name in ("talk.yaml", "connections.yaml") and "echo" in (scenario.applies or ("echo",))
        ),
        *(shown.scenario for shown in FOUND.values() if shown.scenario != LONG),
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
    _, scenario, name = FOUND[fault]
    verdict = await played(GuideServer(fault, greeting=greeting_for(scenario)), SCENARIOS[scenario])
    assert name in names(verdict), f"{names(verdict)}\n{story(verdict)}"


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
    assert {shown.name for shown in FOUND.values()} >= {*get_args(FaultName)} - {"", "stands_still", *get_args(ChatFault)}


def test_every_failure_that_a_platform_can_provoke_is_committed_and_the_manual_tells_what_finds_it() -> None:
    """The table of the manual has one fault for each failure: the first of its kind above."""
    first: dict[str, Shown] = {}
    for shown in FOUND.values():
        assert shown.failure in failures_of(SCENARIOS[shown.scenario]), shown
        first.setdefault(shown.failure, shown)
    told = {row[0]: (row[1], row[2].strip("`")) for row in rows(section("docs/scenarios.md", "What the suite plays"))}
    assert told.pop(BLOCKING) == ("(a real server in a thread)", "stands_still")
    assert told == {failure: (shown.scenario, shown.name) for failure, shown in first.items()}
    assert {*told, BLOCKING, *BEYOND_A_CALL} == {*FAILURES.values()}
