"""Where the project's own scenarios are played: every agent on the loop of the play, and a model beside those that ask one."""

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import patch

from model import Model
from rejoinder.simulator.playing.target import Local, Platform, Switchboard
from rejoinder.simulator.scenarios.scenario import Scenario

SUPPORT = Path(__file__).parent
#: Nine of them, with the time of each word, are beyond the frames that hand-written servers let in.
LONG_STORY = " ".join(["and then they went on"] * 120)
PLUGINS = {name: str(SUPPORT / f"{name}.py") for name in ("acting", "erring", "tables")}


class Stage:
    """The routes of one file. Its model runs on the loop of the play: the clock, which is virtual, waits for its answers."""

    def __init__(self, file: Path, platform: Platform = "retell") -> None:
        with served_at("http://127.0.0.1:9/v1"):
            self._local = Local.of_file(file, PLUGINS, platform=platform)

    def routes_of(self, scenario: Scenario) -> list[str]:
        return self._local.routes_of(scenario)

    @contextlib.asynccontextmanager
    async def open(self, route: str | None = None) -> AsyncIterator[Switchboard]:
        async with Model() as model:
            with served_at(model.base_url):
                async with self._local.open(route) as switchboard:
                    yield switchboard


def served_at(url: str) -> contextlib.AbstractContextManager[object]:
    """The file says by which variable it is told where its model is."""
    return patch.dict(os.environ, {"LLM_BASE_URL": url})
