"""Who is let in, over real sockets: with the right secret, from the right address; nobody else learns that there is a door."""

import logging
from collections.abc import AsyncIterator

import aiohttp
import pytest
from yarl import URL

from rejoinder.knocks import MOST_REFUSED
from rejoinder.observability import configure
from rejoinder.testing.telephone import CannotDial, calling
from served import Serve, Served

OLD, NEW = "old-secret-0123456789", "new-secret-0123456789"
RETELL = "100.20.5.228"
STRANGER = "203.0.113.9"

CLINIC = f"""
server: {{port: 0, trusted_proxies: [127.0.0.0/8]}}
agents: {{a: {{system: dummy}}}}
routes:
  /clinic: {{agent: a, secret: [{NEW}, {OLD}], platforms: [retell, chat]}}
  /listed: {{agent: a, allow: [retell, 192.0.2.0/24]}}
  /open: a
"""


@pytest.fixture
async def served(serve: Serve) -> Served:
    return await serve(CLINIC)


@pytest.fixture
async def outside() -> AsyncIterator[aiohttp.ClientSession]:
    """A stranger's client: its requests come through a proxy."""
    async with aiohttp.ClientSession(headers={"X-Forwarded-For": STRANGER}) as session:
        yield session


async def is_let_in(url: str, client: str) -> bool:
    """Whether a call from `client`, through a proxy, is let in."""
    async with aiohttp.ClientSession(headers={"X-Forwarded-For": client}) as session:
        try:
            async with calling(url, session=session) as caller:
                await caller.hears()
                return True
        except CannotDial as refused:
            return refused.status != 404


# Secrets.


@pytest.mark.parametrize(
    "url",
    [
        f"/clinic/{NEW}/call-1",
        f"/clinic/{OLD}/call-1/",
        f"/clinic/call-1?secret={NEW}",
        f"/clinic?key={NEW}/call-1",
    ],
)
async def test_the_secret_lets_in(served: Served, outside: aiohttp.ClientSession, url: str) -> None:
    async with outside.ws_connect(URL(served.http(url), encoded=True)) as ws:
        assert (await ws.receive_json())["response_type"] == "config"
        assert served.host.calls.live("/clinic", "retell", "call-1") is not None


@pytest.mark.failure(29)
@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("upgrade", [True, False])
async def test_a_wrong_secret_is_answered_like_an_unknown_route(served: Served, local: bool, upgrade: bool) -> None:
    headers = {} if local else {"X-Forwarded-For": STRANGER}
    if upgrade:
        headers |= {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}  # fmt: skip
    answers = []
    async with aiohttp.ClientSession(headers=headers) as session:
        for path in ("/nowhere/x/call-1", "/clinic", "/clinic/call-1", "/clinic/wrong/call-1", f"/clinic/{NEW}x/call-1"):
            async with session.get(served.http(path)) as got:
                told = {name: value for name, value in got.headers.items() if name != "Date"}
                answers.append((got.status, told, await got.text()))
    assert answers == [answers[0]] * 5
    assert answers[0][0] == 404
    assert ("/clinic/***" in answers[0][2]) is local


async def test_pages_show_a_mask_where_the_secret_stands(served: Served) -> None:
    async with aiohttp.ClientSession() as session:
        for path, status in ((f"/clinic/{NEW}", 426), ("/", 200)):
            async with session.get(served.http(path)) as got:
                text = await got.text()
                assert got.status == status
                assert "/clinic/***" in text
                assert NEW not in text


async def test_the_log_shows_a_mask_where_the_secret_stands(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    configure("debug")
    served = await serve(CLINIC)
    async with calling(served.ws(f"/clinic/{NEW}"), call_id=f"x{OLD}") as caller:
        await caller.hears()
    logging.getLogger("elsewhere").warning("GET /clinic/%s/call-1", OLD)
    told = capsys.readouterr().err
    assert "call started" in told
    assert "/clinic/***/call-1" in told
    assert OLD not in told
    assert NEW not in told


async def test_a_refusal_tells_the_log_why_and_nothing_of_what_was_sent(
    served: Served, outside: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    async with outside.get(served.http("/clinic/almost-the-secret/call-1")):
        pass
    assert f"a handshake from {STRANGER} was refused: /clinic was not given its secret" in caplog.text
    assert "almost" not in caplog.text


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/clinic/v1/chat/completions", NEW, 200),
        (f"/clinic/{NEW}/chat/completions", "", 200),
        (f"/clinic/chat/completions?secret={OLD}", "", 200),
        ("/clinic/v1/chat/completions", "wrong", 404),
        ("/clinic/v1/chat/completions", "", 404),
    ],
)
async def test_chat_completions_take_the_secret_as_their_key(
    served: Served, outside: aiohttp.ClientSession, path: str, key: str, status: int
) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    asked = {"messages": [{"role": "user", "content": "hi"}]}
    async with outside.post(served.http(path), json=asked, headers=headers) as got:
        assert got.status == status


async def test_a_call_is_dialled_again_with_the_secret_it_began_with(served: Served) -> None:
    async with calling(served.ws(f"/clinic/{OLD}"), call_id="c") as caller:
        await caller.hears()
        for yaml in (CLINIC.replace(f", {OLD}", ""), CLINIC.replace("/clinic:", "/elsewhere:")):
            served.write(yaml)
            assert await served.host.reloader.reload()
            await caller.drop()
            await caller.dial()
            await caller.ping()
            assert len(served.host.calls) == 1
            await let_nobody_in(served, f"/clinic/{OLD}", "another")
            await let_nobody_in(served, "/clinic", "c")


async def let_nobody_in(served: Served, path: str, call_id: str) -> None:
    with pytest.raises(CannotDial) as refused:
        async with calling(served.ws(path), call_id=call_id):
            pass
    assert refused.value.status == 404


# Addresses.


@pytest.mark.failure(29)
@pytest.mark.parametrize(
    ("client", "is_in"),
    [(RETELL, True), ("192.0.2.77", True), (STRANGER, False), ("unknown", False), (f"{RETELL}, {STRANGER}", False)],
)
async def test_a_list_lets_in_those_whom_the_proxy_names(served: Served, client: str, is_in: bool) -> None:
    assert await is_let_in(served.ws("/listed"), client) is is_in
    assert await is_let_in(served.ws("/open"), client)


@pytest.mark.failure(29)
async def test_a_proxy_that_is_not_trusted_is_not_believed(serve: Serve) -> None:
    served = await serve(CLINIC.replace(", trusted_proxies: [127.0.0.0/8]", ""))
    assert not await is_let_in(served.ws("/listed"), RETELL)


async def test_a_list_does_not_keep_out_who_tries_on_this_machine(served: Served) -> None:
    async with calling(served.ws("/listed")) as caller:
        assert (await caller.hears()).text == "How may I help you?"


# Bursts.


async def statuses(session: aiohttp.ClientSession, url: str, number: int) -> list[int]:
    found = []
    for _ in range(number):
        async with session.get(url) as got:
            found.append(got.status)
    return found


async def test_who_guesses_is_soon_answered_cheaply_and_not_logged(
    served: Served, outside: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    found = await statuses(outside, served.http("/clinic/guess/c"), MOST_REFUSED + 50)
    assert found == [404] * MOST_REFUSED + [429] * 50
    assert len([record for record in caplog.records if STRANGER in record.getMessage()]) == 2
    async with outside.ws_connect(
        served.http(f"/clinic/{NEW}/c")
    ) as ws:  # who shares the guesser's address is let in all the same
        assert (await ws.receive_json())["response_type"] == "config"


async def test_retells_address_is_shared_and_never_shut_out(served: Served) -> None:
    async with aiohttp.ClientSession(headers={"X-Forwarded-For": RETELL}) as session:
        found = await statuses(session, served.http("/clinic/guess/c"), MOST_REFUSED + 10)
    assert set(found) == {404}
