"""Servers as people write them, and what the simulator finds in each: by name, with a verdict and never a hang."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from handwritten import CONFIG, Frame, HandWritten, says
from rejoinder.simulator.judging.findings import Play, Verdict
from rejoinder.simulator.judging.judge import judge
from rejoinder.simulator.playing.batch import play_in_real_time, plays_of
from rejoinder.simulator.playing.player import Player
from rejoinder.simulator.playing.target import Remote
from rejoinder.simulator.reports.story import story
from rejoinder.simulator.scenarios.scenario import Scenario
from rejoinder.simulator.scenarios.steps import Drops, Pause, Says

pytestmark = pytest.mark.virtual_time

TWO_TURNS = Scenario("Two turns", (Says("Hi"), Says("Bye")))


async def verdict_on(server: HandWritten, scenario: Scenario = TWO_TURNS) -> Verdict:
    player = Player(Play(scenario), server.dial)
    await player.play()
    return judge(player.played)


async def found(server: HandWritten, scenario: Scenario = TWO_TURNS) -> list[tuple[str, str]]:
    return [(finding.check, finding.what) for finding in (await verdict_on(server, scenario)).findings]


def chunk(text: str, *, complete: bool = False, **others: object) -> Frame:
    return {"response_type": "response", "content": text, "content_complete": complete, **others}


def answering(*frames: Frame) -> HandWritten:
    """One that answers the first request with these."""
    return HandWritten({"Hi": list(frames)})


async def test_a_server_that_does_all_right_passes() -> None:
    verdict = await verdict_on(HandWritten())
    assert verdict.outcome == "passed", story(verdict)


async def test_an_answer_that_is_never_completed_is_found() -> None:
    (one,) = await found(answering(chunk("Yes.")))
    assert one[0] == "turns_closed"
    assert one[1].startswith("turn 1 was never completed: nothing more came for ")


async def test_a_request_that_is_never_answered_is_found() -> None:
    (one,) = await found(answering())
    assert one[0] == "turns_closed"
    assert one[1].startswith("turn 1 was never completed: nothing came for ")


async def test_a_server_that_never_greets_is_found() -> None:
    (one,) = await found(HandWritten(greeting=None))
    assert one[1].startswith("turn 0 was never completed: nothing came for ")


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (chunk("Yes.", complete="true"), "content_complete"),  # type: ignore[arg-type]
        ({**chunk("", complete=True), "content": None}, "content"),
        (chunk("Yes.", complete=True, response_id="1"), "response_id"),
        (chunk("Yes.", complete=True, response_id=7), "no turn 7 was asked for"),
        ({"response_type": "message", "text": "Yes."}, "'message' is unknown"),
        ({"type": "response", "text": "Yes."}, "it has no response_type"),
    ],
)
async def test_a_frame_that_vanishes_is_found(frame: Frame, told: str) -> None:
    (one,) = [what for check, what in await found(answering(frame)) if check == "protocol_clean"]
    assert one.startswith("the platform drops a frame without a word: ")
    assert told in one


async def test_words_after_the_end_are_found() -> None:
    (one,) = await found(answering(chunk("Yes.", complete=True), chunk("And no.", complete=True)))
    assert one[0] == "protocol_clean"
    assert "turn 1 was complete" in one[1]


async def test_a_wish_of_a_wrong_type_is_found() -> None:
    (one,) = await found(answering(chunk("Yes.", complete=True, end_call="true")))
    assert one == ("protocol_clean", "the platform passes over a wish without a word: end_call has the wrong type")


async def test_a_frame_without_a_type_is_found_though_it_is_heard() -> None:
    (one,) = await found(answering({"content": "Yes.", "content_complete": True}))
    assert one[1].startswith("a frame without a response_type, as in the oldest form of the protocol")


async def test_a_stale_answer_that_goes_on_is_found() -> None:
    class Stubborn(HandWritten):
        def _answer(self, frame: Any) -> None:
            late = 2.4 if frame.response_id == 1 else 0.0
            asyncio.get_running_loop().call_later(late, self.sends, says(frame.response_id, "Yes."))

    (one,) = await found(Stubborn(), Scenario("Goes on", (Says("Hi", (Pause(0.8, "there"),)), Says("Bye"))))
    assert one[0] == "protocol_clean"
    assert "turn 1 had been replaced for 1." in one[1]


async def test_pings_that_are_not_answered_are_found() -> None:
    told = await found(HandWritten(answers_pings=False), Scenario("Long", (Says(" ".join(["word"] * 40)),)))
    assert ("protocol_clean", "the server does not answer pings: no answer to a ping for 5 s") in told


async def test_a_config_that_is_not_the_first_frame_is_found() -> None:
    late, polluted = await found(answering({"response_type": "config", "config": CONFIG}, chunk("Yes.", complete=True)))
    assert late[1].startswith("config is the ")
    assert polluted[1] == "config holds what does not belong there: response_id"


class Returning(HandWritten):
    """Answers once; then its handler is over, and what it runs in closes the socket."""

    code = 1000

    def _answer(self, frame: Any) -> None:
        self.sends(says(frame.response_id, "Yes."))
        self.socket.close(self.code)


async def test_a_handler_that_returns_hangs_up_on_the_caller() -> None:
    told = await found(Returning())
    assert told[0][1].startswith("the server hung up by closing the socket with 1000")
    assert told[1] == ("ends", "the call was over (agent_hangup) before the caller says 'Bye'")


class Crashing(Returning):
    code = 1011


async def test_a_handler_that_crashes_ends_the_call() -> None:
    assert ("ends", "the platform ended the call: error_llm_websocket_runtime") in await found(Crashing())


async def test_a_connection_that_a_server_loses_is_found_though_the_call_goes_on() -> None:
    class Losing(HandWritten):
        def _answer(self, frame: Any) -> None:
            self.sends(says(frame.response_id, "Yes."))
            self.socket.abort()

    told = await found(Losing())
    assert told == [("protocol_clean", "the server lost the connection without a word (1006)")] * 2


async def test_markup_that_reaches_the_voice_is_found() -> None:
    (one,) = await found(answering(chunk("**Yes.**", complete=True)))
    assert one == ("speech_clean", "the agent says emphasis: '**Yes.**'")


async def test_what_cannot_take_up_a_lost_call_is_found() -> None:
    class Forgetful(HandWritten):
        async def dial(self, call_id: str) -> Any:
            if self.dialled:
                self.refusing = 1
            return await super().dial(call_id)

    told = await found(Forgetful(), Scenario("Lost", (Says("Hi"), Drops("connection"), Says("Still there?"))))
    assert told[-1][0] == "ends"
    assert "error_llm_websocket_lost_connection" in told[-1][1]


# What is no server for calls at all.


async def test_whom_nobody_answers_is_broken_and_the_rest_is_not_tried() -> None:
    server = HandWritten(refusing=99)
    verdict = await verdict_on(server)
    assert (verdict.outcome, server.dialled) == ("broken", 3)
    assert verdict.findings[0].what == "nobody takes the call: nobody is there (tries: 3)"


async def test_what_hangs_at_the_door_is_broken() -> None:
    verdict = await verdict_on(HandWritten(hanging=99))
    assert verdict.findings[0].what == "nobody takes the call: no answer within 7 s (tries: 3)"


async def test_what_takes_the_call_and_says_nothing_is_broken() -> None:
    verdict = await verdict_on(HandWritten(greeting=None, config={}, answers={"Hi": [], "Bye": []}))
    assert (verdict.outcome, verdict.findings[0].what) == ("broken", "the call was taken, and then nothing ever came")
    assert verdict.lasted < 60


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def refuses(request: web.Request) -> web.StreamResponse:
    return web.Response(status=404)


async def leads_elsewhere(request: web.Request) -> web.StreamResponse:
    raise web.HTTPPermanentRedirect("/secret/1")


async def shows_a_page(request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>Hello</html>")


def speaking(*messages: str | bytes) -> Handler:
    async def speak(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        for message in messages:
            await (socket.send_bytes(message) if isinstance(message, bytes) else socket.send_str(message))
        async for message_in in socket:
            if message_in.type is WSMsgType.ERROR:
                break
        return socket

    return speak


class Heard:
    """Listens to a run."""

    def __init__(self) -> None:
        self.begun_plays: list[Play] = []

    def begun(self, play: Play) -> None:
        self.begun_plays.append(play)

    def ended(self, verdict: Verdict) -> None: ...


async def test_a_server_without_tls_is_told_as_such() -> None:
    app = web.Application()
    async with TestServer(app) as server:
        target = Remote(f"wss://127.0.0.1:{server.port}/calls")
        (verdict,) = await play_in_real_time(plays_of([TWO_TURNS], target), target, Heard())
    assert "cannot be reached: no TLS that can be trusted" in verdict.findings[0].what
    assert "(ws:// is for a server without TLS, and a certificate must be one that is trusted here)" in verdict.findings[0].what


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        (refuses, "answered with HTTP 404, not with a call (the server has no such route; 'rejoinder serve' prints the URLs"),
        (shows_a_page, "answered with HTTP 200, not with a call (something else than Rejoinder, or a proxy"),
        (
            leads_elsewhere,
            "sends us on to another path of its own (HTTP 308), and a platform need not follow (name the URL behind",
        ),
        (speaking("Hello"), "what answers does not speak the platform's protocol: it is not JSON: 'Hello'"),
        (speaking('["Hello"]'), "what answers does not speak the platform's protocol: it is not an object"),
        (speaking(b"Hello"), "what answers does not speak the platform's protocol: it sends binary frames, or no UTF-8"),
        (speaking(), "the call was taken, and then nothing ever came"),
    ],
)
async def test_what_speaks_something_else_at_a_url_is_broken_with_the_reason(handler: Handler, told: str) -> None:
    app = web.Application()
    app.router.add_get("/calls/{id}", handler)
    async with TestServer(app) as server:
        target = Remote(f"ws://127.0.0.1:{server.port}/calls")
        verdicts = await play_in_real_time(plays_of([TWO_TURNS, TWO_TURNS], target), target, heard := Heard())
    assert [verdict.outcome for verdict in verdicts] == ["broken", "broken"]
    assert told in verdicts[0].findings[0].what
    assert all(told in verdict.findings[0].what for verdict in verdicts)
    assert len(heard.begun_plays) == 1
