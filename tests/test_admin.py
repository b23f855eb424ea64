"""Orders to a running server over HTTP: who may give them, and what comes back."""

import asyncio

import aiohttp
import pytest

from rejoinder.testing.telephone import calling
from served import Serve, Served

YAML = """
server: {port: 0SERVER}
agents: {a: {system: dummy}}
routes: {/a: a}
"""
OPEN = YAML.replace("SERVER", "")
GUARDED = YAML.replace("SERVER", ", admin_token: s3cret-of-sixteen-or-more")
FROM_ELSEWHERE = {"X-Forwarded-For": "203.0.113.7"}


async def order(served: Served, what: str, **headers: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.post(served.http(f"/admin/{what}"), headers=headers) as got:
        return got.status, await got.text()


async def test_from_this_machine_no_token_is_needed(serve: Serve) -> None:
    served = await serve(GUARDED)
    status, text = await order(served, "reload")
    assert (status, text) == (200, '{"ok":true,"generation":2,"routes":1,"broken":[]}\n')


@pytest.mark.parametrize("what", ["reload", "drain"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "s3cret-of-sixteen-or-more"}, 401),
        ({"Authorization": "Basic s3cret-of-sixteen-or-more"}, 401),
        ({"Authorization": "Bearer s3cret-of-sixteen-or-mor"}, 401),
        ({"Authorization": "Bearer t\u00f6p"}, 401),
    ],
)
async def test_from_elsewhere_a_wrong_token_moves_nothing(
    serve: Serve, what: str, headers: dict[str, str], status: int
) -> None:
    served = await serve(GUARDED)
    assert (await order(served, what, **FROM_ELSEWHERE, **headers))[0] == status
    assert served.host.routes.generation == 1
    assert not served.host.drain.is_on


async def test_from_elsewhere_the_token_opens(serve: Serve) -> None:
    served = await serve(GUARDED)
    right = {**FROM_ELSEWHERE, "Authorization": "Bearer s3cret-of-sixteen-or-more"}
    assert (await order(served, "reload", **right))[0] == 200
    assert (await order(served, "drain", **right))[0] == 200


async def test_without_a_token_in_the_file_nobody_elsewhere_gives_orders(serve: Serve) -> None:
    served = await serve(OPEN)
    for shown in ("", "Bearer ", "Bearer x"):
        status, text = await order(served, "drain", **FROM_ELSEWHERE, Authorization=shown)
        assert status == 403
        assert "server.admin_token is not set" in text
    assert not served.host.drain.is_on


@pytest.mark.parametrize("lure", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Host": "[::"}])
async def test_a_web_page_that_is_open_on_this_machine_gives_no_orders(serve: Serve, lure: dict[str, str]) -> None:
    served = await serve(OPEN)
    assert (await order(served, "drain", **lure))[0] in (400, 403)
    assert not served.host.drain.is_on


async def test_a_wrong_file_is_refused_with_its_problems(serve: Serve) -> None:
    served = await serve(OPEN)
    served.write(OPEN.replace("system: dummy", "system: dumy"))
    status, text = await order(served, "reload")
    assert status == 422
    assert "did you mean 'dummy'?" in text
    assert served.host.routes.generation == 1


async def test_a_reload_goes_on_when_who_ordered_it_has_gone(serve: Serve) -> None:
    served = await serve(OPEN)
    async with asyncio.timeout(10), aiohttp.ClientSession() as session:
        async with served.host.reloader._one_at_a_time:  # so that it cannot be over before its orderer has gone
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(b"POST /admin/reload HTTP/1.1\r\nHost: localhost\r\n\r\n")
            while not (found := [task for task in asyncio.all_tasks() if task.get_name() == "reload by order"]):
                async with session.get(served.http("/healthz")):
                    pass
            writer.transport.abort()
            async with session.get(served.http("/healthz")):
                pass
        assert await found[0] is True
    assert served.host.routes.generation == 2


async def test_orders_are_given_by_post_alone(serve: Serve) -> None:
    served = await serve(OPEN)
    async with aiohttp.ClientSession() as session:
        for what in ("reload", "drain"):
            async with session.get(served.http(f"/admin/{what}")) as got:
                assert got.status == 404
    assert not served.host.drain.is_on


async def test_who_orders_a_drain_may_look_on_to_its_end(serve: Serve) -> None:
    served = await serve(OPEN)
    async with aiohttp.ClientSession() as session, calling(served.ws("/a")) as caller:
        await caller.hears()
        async with session.post(served.http("/admin/drain")) as got:
            assert got.content_type == "application/x-ndjson"
            first = await got.content.readline()
            assert b'"calls":1,"waiting":0,"refused":0' in first
            async with session.post(served.http("/admin/drain?wait=no")) as again:
                assert (again.status, (await again.json())["dropped"]) == (202, None)
            served.host.drain.force()
            assert b'"dropped":1' in (await got.content.read()).splitlines()[-1]
