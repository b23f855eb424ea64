"""Webhooks over real HTTP: from the platform's request to the observer, and what everybody else is answered."""

import asyncio
import io
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from rejoinder.observability import configure
from rejoinder.protocols.retell_webhook import SIGNATURE_HEADER, sign
from rejoinder.testing.telephone import calling
from served import Serve, Served

KEY = "key-with-the-badge"
YAML = """
server: {port: 0}
agents: {dummy: {system: dummy}}
observers: {crm: {system: ears}, other: {system: ears}}
routes: {/a: {agent: dummy, observers: [crm]}}
webhooks:
  main: {platform: retell, key: [key-with-the-badge]}
"""

#: An observer that says in the log what it heard.
EARS = """
import logging
from rejoinder import *

class Ears(Observer[Options]):
    async def webhook_received(self, report):
        logging.getLogger("ears").warning("%s %s %s", report.event, report.call_id, report.data["call"]["transcript"])

@hookimpl
def rejoinder_observer():
    return observing(Ears, Options)
"""
ENDED = json.dumps({"event": "call_ended", "call": {"call_id": "call-1", "transcript": "hello"}}, indent=1).encode()


class Ears(logging.Handler):
    """What observers heard, to be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._heard: asyncio.Queue[str] = asyncio.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self._loop.call_soon_threadsafe(self._heard.put_nowait, record.getMessage())

    async def next(self) -> str:
        async with asyncio.timeout(5):
            return await self._heard.get()

    @property
    def is_quiet(self) -> bool:
        return self._heard.empty()


async def endless() -> AsyncIterator[bytes]:
    """The beginning of a body that never ends."""
    yield b"{"
    await asyncio.Event().wait()


@pytest.fixture
async def ears() -> AsyncIterator[Ears]:
    handler, logger = Ears(), logging.getLogger("ears")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


@pytest.fixture
def plugins(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "ears.py").write_text(EARS)
    return {"ears": str(tmp_path / "ears.py")}


@asynccontextmanager
async def posting(
    served: Served, body: bytes, headers: dict[str, str] | None = None, *, method: str = "POST", name: str = "main"
) -> AsyncIterator[aiohttp.ClientResponse]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, served.http(f"/webhooks/{name}"), data=io.BytesIO(body), headers=headers) as response,
    ):
        yield response


async def posts(served: Served, body: bytes, *, key: str = KEY, late_ms: int = 0) -> int:
    """The status that a signed body is answered with."""
    signature = sign(body, key, time.time_ns() // 1_000_000 - late_ms)
    async with posting(served, body, {SIGNATURE_HEADER: signature}) as response:
        return response.status


@pytest.mark.failure(30)
async def test_an_event_reaches_the_observer_and_is_answered_with_204(
    serve: Serve, plugins: dict[str, str], ears: Ears
) -> None:
    served = await serve(YAML, plugins)
    assert await posts(served, ENDED) == 204
    assert await ears.next() == "call_ended call-1 hello"


@pytest.mark.failure(30)
async def test_a_repetition_is_answered_with_204_and_told_to_nobody(serve: Serve, plugins: dict[str, str], ears: Ears) -> None:
    served = await serve(YAML, plugins)
    assert [await posts(served, ENDED) for _ in range(3)] == [204, 204, 204]
    assert await posts(served, ENDED.replace(b"call-1", b"call-2")) == 204
    assert [await ears.next(), await ears.next()] == ["call_ended call-1 hello", "call_ended call-2 hello"]
    assert ears.is_quiet


async def test_a_repetition_is_known_after_a_reload(serve: Serve, plugins: dict[str, str], ears: Ears) -> None:
    served = await serve(YAML, plugins)
    await posts(served, ENDED)
    served.write(YAML.replace("[key-with-the-badge]", "[new-key, key-with-the-badge]"))
    assert await served.host.reloader.reload()
    assert await posts(served, ENDED, key="new-key") == 204
    assert await posts(served, ENDED.replace(b"call-1", b"call-2")) == 204
    assert [await ears.next(), await ears.next()] == ["call_ended call-1 hello", "call_ended call-2 hello"]


@pytest.mark.failure(30)
async def test_what_is_not_signed_right_is_answered_with_401_and_a_short_text(
    serve: Serve, plugins: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve(YAML, plugins)
    assert await posts(served, ENDED, key="another") == 401
    assert await posts(served, ENDED, late_ms=301_000) == 401
    async with posting(served, ENDED) as response:
        assert response.status == 401
        assert await response.text() == "The signature of this request is missing or not right.\n"
    reasons = [record.getMessage() for record in caplog.records if record.name == "rejoinder.webhooks"]
    assert len(reasons) == 3
    assert "transcript" not in caplog.text


@pytest.mark.failure(30)
async def test_a_body_that_is_written_anew_is_not_the_one_that_was_signed(serve: Serve, plugins: dict[str, str]) -> None:
    served = await serve(YAML, plugins)
    signature = sign(ENDED, KEY, time.time_ns() // 1_000_000)
    async with posting(served, json.dumps(json.loads(ENDED)).encode(), {SIGNATURE_HEADER: signature}) as response:
        assert response.status == 401


async def test_two_signatures_are_none(serve: Serve, plugins: dict[str, str]) -> None:
    served = await serve(YAML, plugins)
    signature = sign(ENDED, KEY, time.time_ns() // 1_000_000)
    headers = [(SIGNATURE_HEADER, signature), (SIGNATURE_HEADER, signature)]
    async with (
        aiohttp.ClientSession() as session,
        session.post(served.http("/webhooks/main"), data=ENDED, headers=headers) as response,
    ):
        assert response.status == 401


async def test_what_tells_nothing_is_answered_with_204(serve: Serve, plugins: dict[str, str]) -> None:
    served = await serve(YAML, plugins)
    assert await posts(served, b"hello") == 204
    assert await posts(served, b'{"call": {}}') == 204


async def test_an_unknown_name_is_404_and_no_name_is_told(serve: Serve, plugins: dict[str, str]) -> None:
    served = await serve(YAML, plugins)
    for name in ("other", "main/", "main/x", ""):
        async with posting(served, ENDED, name=name, headers={"X-Forwarded-For": "1.2.3.4"}) as response:
            assert response.status == 404
            assert "main" not in (await response.text()).replace(f"/webhooks/{name}", "")


async def test_another_method_is_405(serve: Serve, plugins: dict[str, str]) -> None:
    served = await serve(YAML, plugins)
    async with posting(served, b"", method="GET") as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")


async def test_a_body_that_is_too_large_is_413_and_one_without_signature_is_not_even_read(
    serve: Serve, plugins: dict[str, str]
) -> None:
    served = await serve(YAML, plugins)
    assert await posts(served, b" " * (16 * 1024 * 1024 + 1)) == 413
    async with aiohttp.ClientSession() as session, session.post(served.http("/webhooks/main"), data=endless()) as response:
        assert response.status == 401


async def test_a_body_that_does_not_come_is_given_up(
    serve: Serve, plugins: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rejoinder.webhook_door.PATIENCE", 0.01)
    served = await serve(YAML, plugins)
    headers = {SIGNATURE_HEADER: sign(b"{}", KEY, time.time_ns() // 1_000_000)}
    async with (
        aiohttp.ClientSession() as session,
        session.post(served.http("/webhooks/main"), data=endless(), headers=headers) as response,
    ):
        assert response.status == 408


@pytest.mark.virtual_time
async def test_a_body_may_come_long_after_its_connection_was_made(serve: Serve, plugins: dict[str, str]) -> None:
    """Connections that have asked for nothing for so long are closed: this one has asked."""
    served = await serve(YAML, plugins)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    await asyncio.sleep(5)
    signature = sign(ENDED, KEY, time.time_ns() // 1_000_000)
    head = f"POST /webhooks/main HTTP/1.1\r\nHost: h\r\n{SIGNATURE_HEADER}: {signature}\r\nContent-Length: {len(ENDED)}\r\n\r\n"
    writer.write(head.encode())
    await asyncio.sleep(8)
    writer.write(ENDED)
    assert (await reader.readline()).startswith(b"HTTP/1.1 204 ")
    writer.close()


async def test_a_live_call_goes_on_meanwhile(serve: Serve, plugins: dict[str, str]) -> None:
    served = await serve(YAML, plugins)
    async with calling(served.ws("/a")) as caller:
        await caller.hears()
        assert await posts(served, ENDED) == 204
        await caller.says("hi")
        assert (await caller.hears()).text == "I am sorry, can you say that again?"


async def test_the_key_is_masked_in_the_log(serve: Serve, plugins: dict[str, str]) -> None:
    stream = io.StringIO()
    configure("info", "text", stream)
    await serve(YAML, plugins)
    logging.getLogger("ears").warning("the key is %s", KEY)
    assert "the key is ***" in stream.getvalue()
