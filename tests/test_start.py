"""What a start imports, and in which order things become true: said by the real command in a process of its own."""

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rejoinder.testing.telephone import calling

YAML = """\
server: {host: 127.0.0.1, port: 0, drain: 0s}
agents:
  dummy: {system: dummy}
routes:
  /llm-websocket: dummy
"""

#: None of it is needed to serve a route with the dummy.
NOT_AT_START = {
    "anthropic", "httpx", "httpx2", "hypothesis", "jinja2", "jsonschema", "openai", "prometheus_client", "pydantic",
    "pytest", "rapidfuzz", "re2", "rejoinder.testing", "rejoinder_echo", "rejoinder_llm", "rejoinder_rules", "rich",
}  # fmt: skip

#: Nor of that to show the help.
NOT_FOR_HELP = NOT_AT_START | {
    "aiohttp", "rejoinder.config", "rejoinder.host", "rejoinder.registry", "rejoinder.server", "rejoinder_dummy", "uvloop",
    "yaml",
}  # fmt: skip

#: Runs the command as the script `rejoinder` does, and lists what is imported whenever a line comes in.
CHILD = """\
import sys, threading

def tell():
    for _ in sys.stdin:
        sys.stdout.write("imported: " + " ".join(list(sys.modules)) + "\\n")
        sys.stdout.flush()

threading.Thread(target=tell, daemon=True).start()
from rejoinder.cli import main
sys.exit(main(sys.argv[1:]))
"""


@asynccontextmanager
async def _serving(file: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    command = [sys.executable, "-c", CHILD, "serve", str(file), "--port", "0"]
    pipe = subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=file.parent)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def _line(child: asyncio.subprocess.Process, pattern: str) -> re.Match[str]:
    """The next line of the child that holds `pattern`."""
    assert child.stdout is not None
    async with asyncio.timeout(20):
        while line := (await child.stdout.readline()).decode():
            if found := re.search(pattern, line):
                return found
    raise AssertionError(f"the server ended before it said {pattern!r}: {(await child.communicate())[1].decode()}")


async def _imported(child: asyncio.subprocess.Process) -> set[str]:
    assert child.stdin is not None
    child.stdin.write(b"tell\n")
    return set((await _line(child, "imported: (.*)"))[1].split())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rejoinder.yaml"
    path.write_text(YAML)
    return path


async def test_an_open_port_with_the_dummy_route_needs_no_heavy_library_and_no_other_plugin(file: Path) -> None:
    async with _serving(file) as child:
        port = (await _line(child, r"ready on 127\.0\.0\.1:(\d+)"))[1]
        at_start = await _imported(child)
        assert at_start & NOT_AT_START == set()
        assert {"rejoinder.server", "rejoinder_dummy", "aiohttp"} <= at_start

        async with calling(f"ws://127.0.0.1:{port}/llm-websocket") as caller:
            assert (await caller.hears()).text == "How may I help you?"
            await caller.says("hello")
            assert (await caller.hears()).text == "I am sorry, can you say that again?"
        assert await _imported(child) & NOT_AT_START == set()

        child.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await child.wait() == 0


async def test_the_urls_are_told_before_it_is_ready(file: Path) -> None:
    async with _serving(file) as child:
        tried = await _line(child, r"ws://127\.0\.0\.1:(\d+)/llm-websocket")
        await _line(child, r"wss://YOUR-HOST/llm-websocket")
        assert (await _line(child, r"ready on 127\.0\.0\.1:(\d+)"))[1] == tried[1]


@pytest.fixture
def wrong_file(file: Path) -> Path:
    file.write_text(YAML.replace("system: dummy", "system: dumy"))
    return file


async def test_a_wrong_file_ends_the_start_before_any_route_is_told(wrong_file: Path) -> None:
    async with _serving(wrong_file) as child:
        async with asyncio.timeout(20):
            said, complained = await child.communicate()
        assert child.returncode == 1
        assert said == b""
        assert b"did you mean 'dummy'?" in complained


def test_showing_the_help_imports_no_server_no_yaml_and_no_plugin() -> None:
    program = "import sys; from rejoinder.cli import parser; parser().format_help(); print(' '.join(list(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)
    assert set(told.stdout.split()) & NOT_FOR_HELP == set()
