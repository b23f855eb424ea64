"""Each signal to stop goes one step further: drain, drop, end."""

import os
import pty
import signal
import sys
from asyncio import create_subprocess_exec, timeout
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from rejoinder.testing.telephone import calling

YAML = "server: {port: 0, watch: false}\nagents: {a: {system: SYSTEM}}\nroutes: {/a: a}\n"

#: A system whose resources take for ever to close.
CLINGING = """
import asyncio
from contextlib import asynccontextmanager
from rejoinder import *

class Clinging(ResponseSystem[Options]):
    async def respond(self, turn):
        yield "Fine."

@asynccontextmanager
async def opened(options):
    try:
        yield Clinging
    finally:
        await asyncio.sleep(1000)

@hookimpl
def rejoinder_response_system():
    return SystemSpec(options=Options, open=opened)
"""


async def until_ready(command: Any) -> str:
    return str((await command.line("Rejoinder is ready on")).split()[4].rstrip(";"))


async def test_the_last_one_ends_a_process_whose_agents_do_not_close(start: Any, folder: Path) -> None:
    (folder / "clinging.py").write_text(CLINGING)
    (folder / "rejoinder.yaml").write_text(YAML.replace("SYSTEM", "clinging"))
    server = await start("serve", "--plugin", "clinging=clinging.py")
    await until_ready(server)
    server.signal(signal.SIGTERM)
    await server.error_line("drained in 0.0 s")
    server.signal(signal.SIGTERM)
    assert (await server.ends()).code == 1


@pytest.mark.parametrize("hangs_up", [True, False])
async def test_ctrl_c_in_a_terminal_waits_for_live_calls_alone(folder: Path, *, hangs_up: bool) -> None:
    (folder / "rejoinder.yaml").write_text(YAML.replace("SYSTEM", "dummy"))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "rejoinder", "serve", "--log-level", "error"]
    process = await create_subprocess_exec(*command, stdin=theirs, stdout=PIPE, cwd=folder)
    assert process.stdout is not None
    try:
        async with timeout(20):
            said = ""
            while "is ready on" not in said:
                said = (await process.stdout.readline()).decode()
            async with calling(f"ws://{said.split()[4].rstrip(';')}/a") as caller:
                await caller.hears()
                if hangs_up:
                    await caller.hang_up()
                process.send_signal(signal.SIGINT)
                if not hangs_up:
                    told = await process.stdout.readline()
                    assert told == b"Waiting for 1 call to end; Ctrl-C again drops it.\n"
                    await caller.ping()
                    process.send_signal(signal.SIGINT)
                    assert await caller.closed() == 1006
                assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
        os.close(ours)
        os.close(theirs)
