"""The vendor's guide "Set up your server", step by step, as far as a machine can follow it (read 2026-11-22)."""

import json
import logging

import aiohttp
import pytest

from rejoinder.testing.telephone import calling
from served import Serve

CONFIG = {"response_type": "config", "config": {"auto_reconnect": True, "call_details": True}}
GREETING = {"response_type": "response", "response_id": 0, "content": "How may I help you?", "content_complete": True}
SORRY = "I am sorry, can you say that again?"
YAML = """
server: {port: 0}
agents: {dummy: {system: dummy}, echo: {system: echo}}
routes: {/llm-websocket: dummy, /deep/er: echo}
"""


async def received(ws: aiohttp.ClientWebSocketResponse, turn: int) -> str:
    """The whole answer to one request; its frames bear its id and the last of them is complete."""
    text = ""
    while True:
        frame = json.loads((await ws.receive(timeout=5)).data)
        assert frame["response_type"] == "response"
        assert frame["response_id"] == turn
        text += str(frame["content"])
        if frame["content_complete"]:
            return text


async def test_step_1_a_client_connects_with_any_call_id_and_says_hello(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    served = await serve(YAML)
    async with aiohttp.ClientSession() as session, session.ws_connect(served.http("/llm-websocket/anything")) as ws:
        assert [await ws.receive_json(), await ws.receive_json()] == [CONFIG, GREETING]
        await ws.send_str("Hello")
        await ws.send_str('{"interaction_type":"response_required","response_id":1,"transcript":[]}')
        assert await received(ws, 1) == SORRY
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert getattr(warnings[0], "call", "") == "anything"


async def test_step_2_the_dummy_asks_and_never_understands(serve: Serve) -> None:
    served = await serve(YAML)
    async with aiohttp.ClientSession() as session, session.ws_connect(served.http("/llm-websocket/c")) as ws:
        assert [await ws.receive_json(), await ws.receive_json()] == [CONFIG, GREETING]
        for turn, kind in enumerate(("response_required", "response_required", "reminder_required"), 1):
            await ws.send_json({"interaction_type": kind, "response_id": turn, "transcript": []})
            assert await received(ws, turn) == SORRY


@pytest.mark.parametrize(
    "path", ["/llm-websocket/c", "/llm-websocket/c?tenant=7", "/llm-websocket/c/", "/deep/er/c", "/llm-websocket?tenant=7/c"]
)
async def test_step_3_a_route_has_the_call_id_behind_it(serve: Serve, path: str) -> None:
    served = await serve(YAML)
    async with aiohttp.ClientSession() as session, session.ws_connect(served.http(path)) as ws:
        assert await ws.receive_json() == CONFIG
        assert served.host.calls.live("/deep/er" if "deep" in path else "/llm-websocket", "retell", "c") is not None


async def test_step_5_a_tunnel_that_ends_tls_stands_in_front(serve: Serve) -> None:
    served = await serve(YAML)
    headers = {
        "Host": "x.tunnel.example",
        "Origin": "https://elsewhere.example",
        "X-Forwarded-For": "100.20.5.228",
        "X-Forwarded-Proto": "https",
    }
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.ws_connect(served.http("/llm-websocket/c")) as ws:
            assert await ws.receive_json() == CONFIG
        async with session.get(served.http("/llm-websocket")) as got:
            assert "wss://x.tunnel.example/llm-websocket" in await got.text()


async def test_step_7_a_web_call_is_told_in_the_log_in_order(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    served = await serve(YAML)
    async with calling(served.ws("/llm-websocket"), call_id="web") as caller:
        assert (await caller.hears()).text == "How may I help you?"
        for text in ("I want a table", "for two"):
            await caller.says(text)
            assert (await caller.hears()).text == SORRY
            assert await caller.ping() < 5.0
    lines = [getattr(record, "event", "") for record in caplog.records if record.name == "rejoinder.call"]
    assert lines == ["call started", "turn ended", "turn ended", "turn ended"]
