"""A host that listens, as tests of the whole host use it (see the fixture `serve`)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from rejoinder.host import Host

#: The response system with bad manners, as a plugin is named that is not installed.
ACTING_FILE = Path(__file__).with_name("acting.py")


@dataclass
class Served:
    """A host that listens; `file` is what it serves."""

    host: Host
    file: Path
    port: int

    def ws(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.port}{path}"

    def http(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def write(self, yaml: str) -> None:
        self.file.write_text(yaml)


Serve = Callable[..., Awaitable[Served]]
