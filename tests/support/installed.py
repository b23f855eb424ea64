"""Wheels in an environment of their own, as a stranger has them, and a server that runs from there.

What Rejoinder depends on is lent to the environment by a path line that names the folders of this one's libraries. Python reads
only plain paths from such a line and obeys no path file in the folders it names, so an editable install of Rejoinder stays out;
and the fresh environment's own packages stand before the lent ones, so that its wheel would win anyway.
"""

import asyncio
import re
import sys
import venv
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pluggy
import uvloop
import yaml

from wheels import OFFLINE, run


def environment(folder: Path, *wheels: Path) -> Path:
    """A fresh virtual environment that holds these wheels; the folder of its programs."""
    venv.create(folder, symlinks=sys.platform != "win32")
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    python = programs / Path(sys.executable).name
    _lend_libraries(python, folder)
    run([sys.executable, "-m", "pip", "--python", python, "install", *OFFLINE, *wheels], folder)
    return programs


def _lend_libraries(python: Path, folder: Path) -> None:
    site_packages = Path(run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder).strip())
    lent = {Path(str(library.__file__)).parents[1] for library in (aiohttp, msgspec, pluggy, uvloop, yaml)}
    (site_packages / "lent.pth").write_text("".join(f"{path}\n" for path in sorted(lent)))


def wheel_of(project: Path, into: Path) -> Path:
    """The wheel that a stranger's folder builds."""
    run([sys.executable, "-m", "pip", "wheel", *OFFLINE, "--no-build-isolation", "--wheel-dir", into, "."], project)
    (wheel,) = into.glob("*.whl")
    return wheel


@asynccontextmanager
async def serving(command: Sequence[str | Path], folder: Path) -> AsyncIterator[int]:
    """The port of a server that says it is ready; it is stopped by its own process, and ends well."""
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, cwd=folder)
    try:
        assert child.stdout is not None
        said = b""
        async with asyncio.timeout(20):
            while not (ready := re.search(rb"ready on 127\.0\.0\.1:(\d+)", said)):
                line = await child.stdout.readline()
                assert line, f"it ended: {said!r} {await child.communicate()}"
                said += line
        yield int(ready[1])
        child.terminate()
        async with asyncio.timeout(10):
            _, complained = await child.communicate()
        assert child.returncode == 0, complained
    finally:
        if child.returncode is None:
            child.kill()
            await child.communicate()
