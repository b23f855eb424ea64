"""The wire: one HTTP session for each agent, one request for each reply.

Why of our own: measured against the packages for it, a quarter to a sixth of the CPU per chunk, and an abort that the
server sees at once, because the response is closed by `asked` whatever ends the reply.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence

import aiohttp
import msgspec

from rejoinder_llm import failure
from rejoinder_llm.body import Body, Chunk, Tokens, TooLong
from rejoinder_llm.failure import AskFailed, Complaints
from rejoinder_llm.history import Message
from rejoinder_llm.options import LLMOptions

logger = logging.getLogger("rejoinder.plugin.llm")
encode = msgspec.json.Encoder().encode

#: Callers pause longer than the usual 15 s between turns; common front servers keep a connection 75 s.
KEEPALIVE = 75.0
#: Seconds between two knocks on the server's door, over all calls of an agent.
KNOCK_PAUSE = 2.0
#: Seconds for what may follow the last word (usage), and the end of the body: a connection is kept only if it was read.
AFTER_FINISH = 1.0
AFTER_DONE = 0.1
#: Bytes of a refusal that are read to understand it.
REFUSAL = 16 * 2**10


class Answer:
    """One answer as it streams in.

    `usage`, `finish_reason`, `asked_for_tool` and `unreadable` are complete once `read` gave nothing.
    """

    def __init__(self, response: aiohttp.ClientResponse, options: LLMOptions) -> None:
        self._response = response
        self._options = options
        self._body = Body()
        self._texts: list[str] = []
        self._ended = False
        self._failed: AskFailed | None = None
        self._deadline: float | None = None
        self._now = asyncio.get_running_loop().time
        self.usage: Tokens | None = None
        self.finish_reason = ""
        self.asked_for_tool = False

    @property
    def unreadable(self) -> str:
        return self._body.unreadable

    async def first(self) -> None:
        """Wait for the first event, of any kind. Comments do not count: some servers send them while a request queues."""
        while self._deadline is None and not self._ended:
            await self._advance()
        self._raise_failure()

    async def read(self) -> list[str]:
        """The next texts, as soon as there are any; [] at the end."""
        while not self._texts and not self._ended:
            await self._advance()
        self._raise_failure()
        texts, self._texts = self._texts, []
        return texts

    def close(self) -> None:
        """Let go of the connection: back to the others if the answer was read to its end, else closed at once."""
        self._response.close()

    async def _advance(self) -> None:
        try:
            async with asyncio.timeout_at(self._deadline):
                received = await self._response.content.readany()
            chunks = self._body.feed(received) if received else self._body.finish()
            for chunk in chunks:
                self._take(chunk)
        except TimeoutError:
            self._end(failure.late(self._options, "idle_timeout"))
        except TooLong:
            self._end(failure.broken_off(self._options, "a line of megabytes"))
        except (aiohttp.ClientError, OSError) as error:
            self._end(failure.broken_off(self._options, type(error).__name__))
        except AskFailed as failed:
            self._ended, self._failed = True, failed
        else:
            self._watch(has_events=bool(chunks), at_end=not received)

    def _watch(self, *, has_events: bool, at_end: bool) -> None:
        if at_end:
            has_begun = has_events or self._deadline is not None
            self._end(failure.broken_off(self._options, "without an end") if has_begun else None)
        elif self._body.done:
            self._deadline = self._now() + AFTER_DONE
        elif has_events:
            self._deadline = self._now() + (AFTER_FINISH if self.finish_reason else self._options.idle_timeout)

    def _end(self, failed: AskFailed | None) -> None:
        """No more will come. That the connection failed counts only if the answer was not complete before."""
        self._ended = True
        if not (self._body.done or self.finish_reason):
            self._failed = failed

    def _raise_failure(self) -> None:
        """Only once the texts that came before it were read."""
        if self._failed is not None and not self._texts:
            raise self._failed

    def _take(self, chunk: Chunk) -> None:
        if chunk.error:
            logger.debug("error in the answer: %r", chunk.error)
            raise failure.reported(self._options, chunk.error)
        if chunk.usage is not None:
            self.usage = chunk.usage
        if not chunk.choices:
            return
        choice = chunk.choices[0]
        self.finish_reason = choice.finish_reason or self.finish_reason
        delta = choice.delta or choice.message
        if delta is None:
            return
        if delta.content:
            self._texts.append(delta.content)
        self.asked_for_tool = self.asked_for_tool or bool(delta.tool_calls)


class Client:
    """Asks one server, for all calls of one agent."""

    def __init__(self, session: aiohttp.ClientSession, options: LLMOptions, complaints: Complaints) -> None:
        self.complaints = complaints
        self._session = session
        self._options = options
        self._url = options.url("chat/completions")
        self._fields = options.request_fields()
        self._knocking: asyncio.Task[None] | None = None
        self._knocked = -KNOCK_PAUSE

    @contextlib.asynccontextmanager
    async def asked(self, messages: Sequence[Message]) -> AsyncIterator[Answer]:
        """The answer to `messages`, from its first event on. Raises AskFailed. Leaving early aborts the request at once."""
        if self._options.lacks_key:
            raise failure.key_missing(self._options)
        answer: Answer | None = None
        try:
            answer = await self._answered(encode({**self._fields, "messages": messages}))
            yield answer
        except (asyncio.CancelledError, GeneratorExit):
            self.warm()  # the aborted request took its connection along
            raise
        finally:
            if answer is not None:
                answer.close()

    def warm(self) -> None:
        """See to it that a connection is open when the next turn needs one.

        By HEAD <base_url>/models: safe by definition (RFC 9110, 9.3.2), no tokens, no body, and whatever the status, TCP and
        TLS are done and the connection waits among the others. A bare connect would need the session's private parts and
        is closed early by servers that wait for a first request. One at a time, seldom, and never an error.
        """
        now = asyncio.get_running_loop().time()
        unwanted = not self._options.keep_warm or self._options.lacks_key or self._session.closed
        if unwanted or self._knocking is not None or now - self._knocked < KNOCK_PAUSE:
            return
        self._knocked = now
        self._knocking = asyncio.create_task(self._knock(), name="llm warm-up")

    async def close(self) -> None:
        self._knocked = float("inf")  # no further warm-up, whoever is still being cleaned up
        if self._knocking is not None:
            self._knocking.cancel()
            await asyncio.wait([self._knocking])

    async def _knock(self) -> None:
        try:
            async with (
                asyncio.timeout(self._options.connect_timeout),
                self._session.head(self._options.url("models"), allow_redirects=False),
            ):
                pass
        except (aiohttp.ClientError, OSError) as error:
            logger.debug("no warm connection to %s: %s", self._options.place, type(error).__name__)
        finally:
            self._knocking = None

    async def _answered(self, body: bytes) -> Answer:
        """One retry, only before the first event: what was paid for and heard is never asked twice."""
        try:
            async with asyncio.timeout(self._options.first_byte_timeout):
                try:
                    return await self._attempt(body)
                except AskFailed as failed:
                    if failed.retry_after is None:
                        raise
                    await asyncio.sleep(failed.retry_after)
                return await self._attempt(body)
        except TimeoutError:
            raise failure.late(self._options, "first_byte_timeout") from None

    async def _attempt(self, body: bytes) -> Answer:
        try:
            response = await self._session.post(self._url, data=body, allow_redirects=False)
        except (aiohttp.ClientError, OSError) as error:
            raise failure.unreachable(self._options, error) from error
        try:
            return await self._begun(response)
        except BaseException:
            response.close()
            raise

    async def _begun(self, response: aiohttp.ClientResponse) -> Answer:
        if response.status != 200:
            raise await self._refusal(response)
        answer = Answer(response, self._options)
        await answer.first()
        return answer

    async def _refusal(self, response: aiohttp.ClientResponse) -> AskFailed:
        body = b""
        with contextlib.suppress(aiohttp.ClientError, OSError):
            while len(body) < REFUSAL and (received := await response.content.readany()):
                body += received
        logger.debug("the server's words: %r", body)
        return failure.refused(self._options, response.status, response.headers, body)


@contextlib.asynccontextmanager
async def open_client(options: LLMOptions) -> AsyncIterator[Client]:
    """A client with its session, which lives as long as the agent. Compression would hold chunks back: none is asked for."""
    headers = {
        "content-type": "application/json",
        "accept": "text/event-stream, application/json",
        "accept-encoding": "identity",
        "user-agent": "rejoinder-llm",
    }
    if options.key:
        headers["authorization"] = f"Bearer {options.key}"
    headers |= {name.lower(): value.reveal().strip() for name, value in options.headers.items()}
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE, ttl_dns_cache=300),
        timeout=aiohttp.ClientTimeout(total=None, connect=options.connect_timeout),
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=2**20,
        headers=headers,
    ) as session:
        client = Client(session, options, Complaints())
        try:
            yield client
        finally:
            await client.close()
