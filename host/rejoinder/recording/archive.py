"""Which calls of this server are recorded, where, and what is kept out of it.

What records is imported with the first call or folder that needs it: most servers record nothing.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rejoinder.call import CallFacts
from rejoinder.config import Config, RecordConfig, RouteConfig

if TYPE_CHECKING:
    from rejoinder.recording.recorder import Recorder
    from rejoinder.recording.redaction import Redaction
    from rejoinder.recording.shelf import Open, Shelf
    from rejoinder.recording.writer import Writer

log = logging.getLogger("rejoinder.recording")


class Archive:
    """`everything` is a folder for every call, with its words, whatever the file says; without it calls are recorded where
    their route says so, in the folder that the file names. `opens` opens files, as os.open does."""

    def __init__(self, everything: Path | None = None, opens: "Open" = os.open) -> None:
        self._everything = everything
        self._opens = opens
        self._config: Callable[[], Config] = lambda: Config(Path())
        self._secrets: set[str] = set()
        self._redaction: Redaction | None = None
        self._shelves: dict[Path, Shelf] = {}
        self._writer: Writer | None = None

    @property
    def dropped(self) -> int:
        """Entries that were not written because the disk was slow or full."""
        return self._writer.dropped if self._writer is not None else 0

    def start(self, config: Callable[[], Config]) -> None:
        """From here on `config` gives the file in force. What was kept for long enough is deleted, now and every hour. A folder
        that cannot be written is told of, and no reason not to serve."""
        self._config = config
        records = any(map(self._wish, config().routes.values()))
        if not records and not self._folder.is_dir():
            return
        _, _, shelf = self._writing()
        if records and (why := shelf.obstacle()):
            where = "server.recordings" if self._everything is None else "--record"
            log.warning("calls cannot be recorded in %s: %s; mend that, or name another folder (%s)", self._folder, why, where)

    def learn(self, secrets: Iterable[str]) -> None:
        """Never write these."""
        self._secrets.update(secrets)
        if self._redaction is not None:
            self._redaction.learn(self._secrets)

    def recorder(self, route: RouteConfig, agents: Sequence[CallFacts]) -> "Recorder | None":
        """What records a new call, None if it is not to be recorded. `agents`: what each that may answer it knows of it."""
        wish = self._wish(route)
        if wish is None:
            return None
        from rejoinder.recording.recorder import Recorder
        from rejoinder.recording.tape import Head, Tape
        from rejoinder.recording.writer import Reel

        writer, redaction, shelf = self._writing()
        facts = agents[0]
        head = Head(facts.route, facts.agent, facts.platform, facts.id, datetime.now(UTC), wish.keep)
        tape = Tape(head, redaction, shelf.mark, with_words=wish.text)
        return Recorder(Reel(tape, shelf), writer, [one.agent for one in agents])

    async def close(self) -> None:
        """Write the last lines."""
        if self._writer is not None:
            await asyncio.to_thread(self._writer.close)

    def _writing(self) -> "tuple[Writer, Redaction, Shelf]":
        """What all recordings share, and the folder of those that begin now."""
        import rejoinder.recording.recorder  # noqa: F401  now, and not while the first caller waits
        from rejoinder.recording.redaction import Redaction
        from rejoinder.recording.shelf import Shelf
        from rejoinder.recording.writer import Writer

        if self._writer is None:
            self._writer = Writer(self._keeps)
        if self._redaction is None:
            self._redaction = Redaction(self._secrets)
        shelf = self._shelves.get(self._folder)
        if shelf is None:
            shelf = self._shelves[self._folder] = Shelf(self._folder, self._opens)
            self._writer.start(shelf)
        return self._writer, self._redaction, shelf

    def _wish(self, route: RouteConfig) -> RecordConfig | None:
        if self._everything is None:
            return route.record
        return RecordConfig((route.record or RecordConfig()).keep, text=True)

    def _keeps(self) -> Mapping[str, float]:
        routes = self._config().routes
        return {path: wish.keep for path, route in routes.items() if (wish := self._wish(route))}

    @property
    def _folder(self) -> Path:
        return self._everything or self._config().recordings
