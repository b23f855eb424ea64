"""Observers: told of calls in a thread and loop of their own, where nothing they do can reach a call.

Each observer has a bounded queue and one task that takes from it, so that a slow one loses its own reports and nobody else's.
What it raises, and what takes it too long, is a line in the log under its name.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import Any, NamedTuple

from rejoinder.call import CallFacts
from rejoinder.contract import CallReport, Observer, ObserverSpec, TurnReport, WebhookReport
from rejoinder.handover import Lane, current_call
from rejoinder.observability import install
from rejoinder.threads import LoopThread
from rejoinder.watchdog import Watchdog

#: Seconds that an observer has for one report.
LIMIT = 5.0
#: Seconds that an observer has to open.
OPENING = 20.0
#: Reports that wait for one observer: some minutes of a busy server, about 1 MB.
ROOM = 1000
#: Bytes of webhooks' bodies among them: one of the largest.
MOST_BYTES = 16 << 20

Entry = tuple[ObserverSpec[Any], Any, Hashable]

log = logging.getLogger(__name__)


class Report(NamedTuple):
    """What one observer is to be told, the call it is about if it is one of ours, and how many bytes it came in."""

    tell: Callable[[Observer[Any]], Awaitable[None]]
    call: CallFacts | None
    size: int = 0


class Queue:
    """The reports that wait for one observer. Filled on the front, emptied on the observers' loop."""

    def __init__(self, name: str, room: int) -> None:
        self._name = name
        self._room = room
        self._reports: deque[Report] = deque()
        self._bytes = 0
        self._dropped_in_burst = 0
        self.dropped = 0

    def offer(self, report: Report) -> bool:
        """Whether there was room. A burst of drops ends when the observer has caught up with half of what waits."""
        if len(self._reports) >= self._room or (self._bytes and self._bytes + report.size > MOST_BYTES):
            self._drop()
            return False
        if self._dropped_in_burst and len(self._reports) <= self._room // 2 and self._bytes <= MOST_BYTES // 2:
            log.warning("observer %s keeps up again; %d reports were dropped", self._name, self._dropped_in_burst)
            self._dropped_in_burst = 0
        self._reports.append(report)
        self._bytes += report.size
        return True

    def _drop(self) -> None:
        self.dropped += 1
        self._dropped_in_burst += 1
        if self._dropped_in_burst == 1:
            log.warning(
                "observer %s does not keep up: %d reports wait for it, further ones are dropped", self._name, len(self._reports)
            )

    def take(self) -> Report | None:
        if not self._reports:
            return None
        report = self._reports.popleft()
        self._bytes -= report.size
        return report


class Post:
    """One opening of an observer, in one task: what is entered by a task wants to be left by it."""

    def __init__(
        self, name: str, fingerprint: Hashable, loop: asyncio.AbstractEventLoop, front: Lane, *, limit: float, room: int
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.is_open = False
        self.queue = Queue(name, room)
        self.lane = Lane(loop, f"to observer {name}")
        self.opened: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        self._loop = loop
        self._front = front
        self._limit = limit
        self._is_closing = False
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self, spec: ObserverSpec[Any], options: Any) -> bool:
        """On the front: enter the observer's context there. Whether it opened; if not, the log says why."""
        self.lane.put(self._begin, spec, options)
        done, _ = await asyncio.wait((self.opened, self.ended), timeout=OPENING, return_when=asyncio.FIRST_COMPLETED)
        if self.opened in done:
            self.is_open = True
            return True
        if self.ended in done:
            fault = self.ended.result()
            log.error("observer %s does not open and hears nothing: %r", self.name, fault, exc_info=fault)
        else:
            log.error("observer %s did not open within %g s and hears nothing", self.name, OPENING)
            self.lane.put(self._abandon)
        return False

    def tell(self, report: Report) -> None:
        """On the front; never waits."""
        if self.is_open and self.queue.offer(report):
            self.lane.put(self._arrived.set)

    async def close(self, within: float) -> None:
        """On the front: let it hear what waits, then leave its context; after `within` seconds it is cancelled."""
        self.is_open = False
        if self.ended.done():  # by itself; that is in the log already
            return
        self.lane.put(self._close)
        done, _ = await asyncio.wait((self.ended,), timeout=within)
        if not done:
            log.warning("observer %s did not close within %g s and is cancelled", self.name, within)
            self.lane.put(self._abandon)
        elif fault := self.ended.result():
            log.error("observer %s did not close cleanly", self.name, exc_info=fault)

    def _begin(self, spec: ObserverSpec[Any], options: Any) -> None:
        self._task = self._loop.create_task(self._live(spec, options), name=f"observer {self.name}")

    def _close(self) -> None:
        self._is_closing = True
        self._arrived.set()

    def _abandon(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _live(self, spec: ObserverSpec[Any], options: Any) -> None:
        fault: BaseException | None = None
        try:
            async with spec.open(options) as observer:
                if not isinstance(observer, Observer):
                    raise TypeError(f"expected its context to yield an Observer, found {type(observer).__name__}")  # noqa: TRY301
                self._front.put(_settle, self.opened, None)
                await self._attend(observer)
        except BaseException as error:  # noqa: BLE001  SystemExit in an observer must not end the loop of all
            fault = error
        self._front.put(self._on_ended, fault)

    def _on_ended(self, fault: BaseException | None) -> None:
        if self.is_open:
            log.error("observer %s ended by itself and hears nothing more", self.name, exc_info=fault)
        self.is_open = False
        _settle(self.ended, fault)

    async def _attend(self, observer: Observer[Any]) -> None:
        while True:
            self._arrived.clear()
            while (report := self.queue.take()) is not None:
                await self._hand_over(observer, report)
            if self._is_closing:
                return
            await self._arrived.wait()

    async def _hand_over(self, observer: Observer[Any], report: Report) -> None:
        token = current_call.set(report.call)
        try:
            async with asyncio.timeout(self._limit) as limit:
                await report.tell(observer)
        except TimeoutError as error:
            if limit.expired():
                log.warning("observer %s took longer than %g s over a report, which is given up", self.name, self._limit)
            else:
                log.error("observer %s failed", self.name, exc_info=error)
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            log.error("observer %s failed", self.name, exc_info=error)
        except (Exception, SystemExit) as error:
            log.error("observer %s failed", self.name, exc_info=error)
        finally:
            current_call.reset(token)


class ObserverDesk:
    """All observers of this server. Used on the front loop; nothing but `replace` and `close` waits.

    There is a thread as long as an observer is open, and none otherwise. Given a `loop` that one is used and never ended: tests
    give it the front's own.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None = None,
        *,
        limit: float = LIMIT,
        room: int = ROOM,
        watchdog: Watchdog | None = None,
    ) -> None:
        self._given_loop = loop
        self._watchdog = watchdog
        self._limit = limit
        self._room = room
        self._thread: LoopThread | None = None
        self._posts: dict[str, Post] = {}

    @property
    def names(self) -> frozenset[str]:
        """The observers that are open."""
        return frozenset(name for name, post in self._posts.items() if post.is_open)

    @property
    def dropped(self) -> dict[str, int]:
        """By observer, how many reports found no room since it was opened."""
        return {name: post.queue.dropped for name, post in self._posts.items()}

    async def replace(self, entries: Mapping[str, Entry]) -> None:
        """Open these observers, each by its spec, options and fingerprint, in place of those that are open.

        One that is open under the same name with an equal fingerprint is carried over; the others hear what waits for them and
        are closed. One that does not open is reported in the log and hears nothing; it is tried again at the next `replace`.
        """
        former = self._posts
        kept = {name: post for name, post in former.items() if name in entries and post.is_open}
        kept = {name: post for name, post in kept.items() if post.fingerprint == entries[name][2]}
        fresh = [name for name in entries if name not in kept]
        opened = await asyncio.gather(*(self._open(name, *entries[name]) for name in fresh))
        self._posts = kept | {post.name: post for post in opened if post is not None}
        left = [post for name, post in former.items() if name not in kept]
        await asyncio.gather(*(post.close(self._limit) for post in left))
        if not self._posts:
            await self._end_thread(self._limit)

    async def _open(self, name: str, spec: ObserverSpec[Any], options: Any, fingerprint: Hashable) -> Post | None:
        front = Lane(asyncio.get_running_loop(), f"from observer {name}")
        post = Post(name, fingerprint, self._loop(), front, limit=self._limit, room=self._room)
        return post if await post.open(spec, options) else None

    def _loop(self) -> asyncio.AbstractEventLoop:
        if self._given_loop is not None:
            return self._given_loop
        if self._thread is None:
            self._thread = LoopThread("observers")
            install(self._thread.loop)
            if self._watchdog is not None:
                self._watchdog.watch(self._thread.loop, self._thread.ident, others="the observers")
        return self._thread.loop

    def call_started(self, names: Iterable[str], call: CallFacts) -> None:
        """Tell the observers of these names; those that are not open hear nothing."""
        self._tell(names, Report(lambda observer: observer.call_started(call), call))

    def turn_ended(self, names: Iterable[str], report: TurnReport) -> None:
        self._tell(names, Report(lambda observer: observer.turn_ended(report), report.call))

    def call_ended(self, names: Iterable[str], report: CallReport) -> None:
        self._tell(names, Report(lambda observer: observer.call_ended(report), report.call))

    def webhook_received(self, names: Iterable[str], report: WebhookReport, size: int = 0) -> None:
        """`size` is the bytes that the report came in: large ones wait in smaller numbers."""
        self._tell(names, Report(lambda observer: observer.webhook_received(report), None, size))

    def _tell(self, names: Iterable[str], report: Report) -> None:
        for name in names:
            if (post := self._posts.get(name)) is not None:
                post.tell(report)

    async def close(self, within: float = LIMIT) -> None:
        """Let all hear what waits for them, for `within` seconds at most, then end them and their thread."""
        posts, self._posts = self._posts, {}
        await asyncio.gather(*(post.close(within) for post in posts.values()))
        await self._end_thread(within)

    async def _end_thread(self, within: float) -> None:
        thread, self._thread = self._thread, None
        if thread is None:
            return
        front = asyncio.get_running_loop()
        stopped: asyncio.Future[BaseException | None] = front.create_future()
        lane = Lane(front, "from the observers' thread")
        thread.stop(lambda: lane.put(_settle, stopped, None))
        done, _ = await asyncio.wait((stopped,), timeout=within)
        if done:
            thread.join()
        else:
            log.warning("an observer holds the observers' thread, which is left behind")


def _settle(future: asyncio.Future[BaseException | None], fault: BaseException | None) -> None:
    if not future.done():
        future.set_result(fault)
