"""Which calls of this server are recorded, where, and what is kept out of it."""

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rejoinder.call import CallFacts
from rejoinder.config import Config, RecordConfig, RouteConfig
from rejoinder.recording.recorder import Recorder
from rejoinder.recording.redaction import Redaction
from rejoinder.recording.shelf import Open, Shelf
from rejoinder.recording.tape import Head, Tape
from rejoinder.recording.writer import Reel, Writer


class Archive:
    """`everything` is a folder for every call, with its words, whatever the file says; without it calls are recorded where
    their route says so, in the folder that the file names. `opens` opens files, as os.open does."""

    def __init__(self, everything: Path | None = None, opens: Open = os.open) -> None:
        self._everything = everything
        self._opens = opens
        self._config: Callable[[], Config] = lambda: Config(Path())
        self._redaction = Redaction()
        self._shelves: dict[Path, Shelf] = {}
        self._writer = Writer(self._keeps)

    @property
    def dropped(self) -> int:
        """Entries that were not written because the disk was slow or full."""
        return self._writer.dropped

    def start(self, config: Callable[[], Config]) -> None:
        """From here on `config` gives the file in force. What was kept for long enough is deleted, now and every hour."""
        self._config = config
        if self._shelf.folder.is_dir() or any(map(self._wish, config().routes.values())):
            self._writer.start(self._shelf)

    def learn(self, secrets: Iterable[str]) -> None:
        """Never write these."""
        self._redaction.learn(secrets)

    def recorder(self, route: RouteConfig, agents: Sequence[CallFacts]) -> Recorder | None:
        """What records a new call, None if it is not to be recorded. `agents`: what each that may answer it knows of it."""
        wish = self._wish(route)
        if wish is None:
            return None
        shelf, facts = self._shelf, agents[0]
        head = Head(facts.route, facts.agent, facts.platform, facts.id, datetime.now(UTC), wish.keep)
        tape = Tape(head, self._redaction, shelf.mark, with_words=wish.text)
        self._writer.start(shelf)
        return Recorder(Reel(tape, shelf), self._writer, [one.agent for one in agents])

    async def close(self) -> None:
        """Write the last lines."""
        await asyncio.to_thread(self._writer.close)

    def _wish(self, route: RouteConfig) -> RecordConfig | None:
        if self._everything is None:
            return route.record
        return RecordConfig((route.record or RecordConfig()).keep, text=True)

    def _keeps(self) -> Mapping[str, float]:
        routes = self._config().routes
        return {path: wish.keep for path, route in routes.items() if (wish := self._wish(route))}

    @property
    def _shelf(self) -> Shelf:
        folder = self._everything or self._config().recordings
        return self._shelves.setdefault(folder, Shelf(folder, self._opens))
