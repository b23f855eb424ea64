"""Two processes on one port: the next starts before the old one stops."""

import re
import signal
from pathlib import Path
from typing import Any

import aiohttp

from rejoinder.testing.telephone import calling

YAML = """\
server: {watch: false, reuse_port: true}
agents: {a: {system: echo, begin: BEGIN}}
routes: {/a: a}
"""


async def ready(command: Any) -> int:
    found = re.search(r"ready on 127\.0\.0\.1:(\d+)", await command.line("Rejoinder is ready on"))
    assert found
    return int(found[1])


async def test_the_old_process_keeps_its_calls_and_leaves_every_new_one_to_the_next(start: Any, folder: Path) -> None:
    (folder / "old.yaml").write_text(YAML.replace("BEGIN", "Old."))
    (folder / "new.yaml").write_text(YAML.replace("BEGIN", "New."))
    old = await start("serve", "old.yaml", "--port", "0")
    port = await ready(old)
    url = f"ws://127.0.0.1:{port}/a"
    async with calling(url, call_id="live") as caller:
        assert (await caller.hears()).text == "Old."
        new = await start("serve", "new.yaml", "--port", str(port))
        assert await ready(new) == port
        old.signal(signal.SIGTERM)
        await old.error_line("draining: 1 call")
        for _ in range(20):  # shared by chance, one in a million would be so
            async with calling(url) as another:
                assert (await another.hears()).text == "New."
        await caller.says("still there?")
        assert (await caller.hears()).text == "You said: still there?"
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/readyz") as got:
            assert got.status == 200
        # A lost socket: the old process is out of reach, the next takes the call for a new one and the caller is answered.
        await caller.drop()
        await caller.dial()
        await caller.says("and now?")
        assert (await caller.hears()).text == "You said: and now?"
    old.signal(signal.SIGTERM)
    assert (await old.ends()).code == 0


async def test_without_it_a_second_process_is_told_that_the_port_is_taken(start: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(YAML.replace("BEGIN", "Hello.").replace(", reuse_port: true", ""))
    port = await ready(await start("serve", "--port", "0"))
    outcome = await (await start("serve", "--port", str(port))).ends()
    assert outcome.code == 1
    assert "Address already in use" in outcome.err
