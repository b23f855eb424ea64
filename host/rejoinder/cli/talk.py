"""A conversation by lines of text: what the agent says goes out as it comes, what is read is said."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TextIO, TypeVar

from rejoinder.testing.telephone import Caller, Heard, NotHeard

ResultT = TypeVar("ResultT")

PROMPT = "you> "
QUIT = "/quit"
NORMAL_CLOSURE = 1000

#: Seconds to wait for the next piece of an answer: longer than a platform's caller would, because here one debugs.
ANSWER = 60.0

#: What a terminal would obey instead of showing it.
_CONTROL = {code: None for code in (*range(32), 127, *range(128, 160)) if chr(code) not in "\n\t"}


class Lines:
    """The lines of a stream, each read when it is asked for and in a thread of its own: reading would hold the loop, and a
    thread of a pool would hold the end of the process until one more line came."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = _of_its_own(stream)
        self._loop = asyncio.get_running_loop()
        self._asked = threading.Semaphore(0)
        self._answers: asyncio.Queue[str | None] = asyncio.Queue(1)
        threading.Thread(target=self._read, name="lines", daemon=True).start()

    def _read(self) -> None:
        line = "\n"
        while line:
            self._asked.acquire()
            try:
                line = self._stream.readline()
            except (OSError, ValueError):  # the terminal is gone, or what came is no text
                line = ""
            try:
                self._loop.call_soon_threadsafe(self._answers.put_nowait, line.rstrip("\r\n") if line else None)
            except RuntimeError:  # the loop is closed: nobody listens any more
                return

    async def next(self) -> str | None:
        """The next line, None at the end."""
        self._asked.release()
        return await self._answers.get()


def _of_its_own(stream: TextIO) -> TextIO:
    """The same lines by another reader: a thread that waits in the process's own would be met when the process ends, and
    Python gives up on that with a fatal error."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):  # no file of the system
        return stream
    return open(number, encoding=stream.encoding, errors="replace", closefd=False)


@contextlib.asynccontextmanager
async def _meanwhile(work: Coroutine[Any, Any, ResultT], name: str) -> "AsyncIterator[asyncio.Task[ResultT]]":
    """Do something beside; it is over, and nobody is surprised by how it ended, when the block is left."""
    task = asyncio.create_task(work, name=name)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Talk:
    """One conversation between a call and two streams of text."""

    def __init__(self, caller: Caller, source: TextIO, sink: TextIO) -> None:
        self._caller = caller
        self._sink = sink
        self._lines = Lines(source)
        self._line: asyncio.Task[str | None] | None = None
        self._is_terminal = source.isatty()

    async def run(self) -> int:
        """Talk until one of the two hangs up; the exit code."""
        try:
            async with _meanwhile(self._caller.keep_alive(), "keepalive"):
                await self._take_turns()
        except EOFError:
            self._write("\n" if self._is_terminal else "")
        except NotHeard as error:
            return self._over(error)
        finally:
            if self._line is not None:
                self._line.cancel()
        return 0

    async def _take_turns(self) -> None:
        while True:
            heard = await self._listen()
            if heard is not None and (heard.end_call or heard.transfer_to):
                return
            line = await self._next_line()
            if line == QUIT:
                return
            if line is not None:
                await (self._caller.says(line) if line.strip() else self._caller.is_silent())

    def _over(self, error: NotHeard) -> int:
        code = self._caller.close_code
        if code == NORMAL_CLOSURE:
            self._write("[the agent's side has hung up]\n")
            return 0
        self._write(f"[{error}]\n")
        return 1

    async def _listen(self) -> Heard | None:
        """Write what the agent says, to its end or until a line is typed."""
        async with _meanwhile(self._speak(), "speech") as speech:
            if self._is_terminal:
                await asyncio.wait({speech, self._reading()}, return_when=asyncio.FIRST_COMPLETED)
                if not speech.done():
                    return None
            return await speech

    async def _speak(self) -> Heard:
        wrote = False
        async for chunk in self._caller.chunks(ANSWER):
            self._write(chunk)
            wrote = True
        heard = self._caller.now
        self._write("\n" if wrote else "")
        if heard.digits:
            self._write(f"[the agent presses {heard.digits}]\n")
        if heard.transfer_to:
            self._write(f"[the agent transfers the call to {heard.transfer_to}]\n")
        if heard.end_call:
            self._write("[the agent hangs up]\n")
        return heard

    def _reading(self) -> "asyncio.Task[str | None]":
        if self._line is None:
            self._line = asyncio.create_task(self._lines.next(), name="line")
        return self._line

    async def _next_line(self) -> str | None:
        """The next line; None if the agent speaks first, out of turn. Raises EOFError at the end of the lines."""
        line = self._reading()
        if self._is_terminal and not line.done():
            self._write(PROMPT)
        async with _meanwhile(self._caller.beyond(self._caller.now), "out of turn") as change:
            await asyncio.wait({line, change}, return_when=asyncio.FIRST_COMPLETED)
            if not line.done():
                self._write("\n" if self._is_terminal else "")
                await change
                return None
        self._line = None
        if (text := line.result()) is None:
            raise EOFError
        return text

    def _write(self, text: str) -> None:
        self._sink.write(text.translate(_CONTROL))
        self._sink.flush()
