"""The callers of soak.py: some talk, some barge in, some vanish, some know no rules. All draw what they do from one seed."""

import asyncio
import contextlib
import json
import os
import random
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp

from halting import FAIL
from rejoinder.testing.telephone import Caller, CannotDial, NotHeard, calling
from rejoinder.testing.wire import SocketWire

#: Seconds after which an answer, a closed socket and the end of a whole call are given up; a half handshake may last ten.
ANSWERED, CLOSED, OVER = 20.0, 25.0, 120.0
WORDS = ("please", "could", "you", "move", "my", "table", "for", "tonight", "because", "the", "train", "is", "late", "again")
SORRY = "I am sorry, could you say that again?"
#: Failures that are kept word by word.
TOLD = 20
LARGE = 20_000_000


@dataclass
class Score:
    """What happened. `failures` by kind, and the first of them in words."""

    happened: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)
    worst_ping: float = 0.0

    def fail(self, kind: str, what: str) -> None:
        self.failures[kind] += 1
        if len(self.told) < TOLD:
            self.told.append(f"{kind}: {what}")


class Person:
    """Somebody at a telephone, good or bad by chance."""

    def __init__(self, caller: Caller, path: str, chance: random.Random, score: Score) -> None:
        self._caller = caller
        self._path = path
        self._chance = chance
        self._score = score

    async def talk(self) -> None:
        await self._says()
        await self._answered()

    async def barge_in(self) -> None:
        """Once or often, before the agent says anything or while it does."""
        for _ in range(self._chance.randint(1, 20)):
            await self._says()
            if self._chance.random() < 0.5:
                async for _ in self._caller.chunks(ANSWERED):
                    break
        await self.talk()

    async def keep_silent(self) -> None:
        await self._caller.is_silent()
        if not (await self._caller.hears(ANSWERED)).text:
            self._score.fail("wrong answers", f"{self._path}: nothing was said into a silence")
        self._score.happened["turns answered"] += 1

    async def ping(self) -> None:
        self._score.worst_ping = max(self._score.worst_ping, await self._caller.ping(ANSWERED))

    async def redial(self) -> None:
        """Lose the socket, perhaps in the middle of an answer."""
        if self._chance.random() < 0.5:
            await self._says()
            await asyncio.sleep(self._chance.random() * 0.1)
        await self._caller.drop()
        await asyncio.sleep(self._chance.random() * 0.5)
        await self._caller.dial()
        self._score.happened["redials"] += 1
        await self.talk()

    async def send_garbage(self) -> None:
        for _ in range(self._chance.randint(1, 30)):
            await self._caller.send(self._garbage())
            self._score.happened["garbage frames"] += 1
        await self.talk()

    async def read_slowly(self) -> None:
        """Take nothing for a while, though much is said."""
        wire = self._caller._wire
        assert isinstance(wire, SocketWire)
        connection = wire._socket._response.connection
        assert connection is not None
        assert connection.transport is not None
        await self._says()
        connection.transport.pause_reading()
        await asyncio.sleep(self._chance.random() * 2)
        connection.transport.resume_reading()
        await self.talk()

    async def repeat(self) -> None:
        """The same frames again, an old one among them."""
        await self._says()
        request = {"interaction_type": "response_required", "response_id": self._caller.now.turn, "transcript": self._told()}
        for number in (request["response_id"], 1, request["response_id"]):
            await self._caller.send({**request, "response_id": number})
        await self._answered()

    async def _says(self) -> None:
        words = self._chance.choices(WORDS, k=self._chance.randint(1, 8))
        if self._path == "/halting" and self._chance.random() < 0.05:
            words.append(FAIL)
        await self._caller.says(" ".join(words))

    async def _answered(self) -> None:
        said = self._caller.transcript[-1].text if self._caller.transcript[-1].role == "user" else None
        heard = await self._caller.hears(ANSWERED)
        self._score.happened["turns answered"] += 1
        wanted = SORRY if said is not None and said.endswith(FAIL) and self._path == "/halting" else f"You said: {said}"
        if said is not None and not heard.text.strip().endswith(wanted):
            self._score.fail("wrong answers", f"{self._path}: {heard.text!r} instead of {wanted!r}")

    def _told(self) -> list[dict[str, str]]:
        return [{"role": said.role, "content": said.text} for said in self._caller.transcript]

    def _garbage(self) -> str | bytes:
        update = json.dumps({"interaction_type": "update_only", "transcript": self._told(), "turntaking": "user_turn"})
        cut = self._chance.randrange(len(update))
        one = self._chance.choice
        garbage: list[str | bytes] = [
            update[:cut],
            update[cut:],
            update.encode()[:cut] + b"\xff" + update.encode()[cut:],
            self._chance.randbytes(self._chance.randint(1, 200)),
            "[" * self._chance.randint(1, 20_000),
            json.dumps({"interaction_type": "update_only", "transcript": one([7, [7], {}, [{"role": []}]])}),
            json.dumps({"interaction_type": "response_required", "response_id": one([None, True, 1e9, 10**30])}),
            json.dumps({"interaction_type": "call_details", "call": {"metadata": [], "retell_llm_dynamic_variables": 7}}),
            json.dumps({"interaction_type": one(WORDS)}),
            "",
        ]
        return one(garbage)


ACTS: tuple[tuple[Callable[[Person], Awaitable[None]], int], ...] = (
    (Person.talk, 8),
    (Person.barge_in, 3),
    (Person.keep_silent, 1),
    (Person.ping, 4),
    (Person.redial, 2),
    (Person.send_garbage, 2),
    (Person.read_slowly, 1),
    (Person.repeat, 2),
)


async def telephone(port: int, chance: random.Random, score: Score, until: Callable[[], bool]) -> None:
    """One call after another."""
    acts, weights = zip(*ACTS, strict=True)
    async with aiohttp.ClientSession() as session:
        while not until():
            path = chance.choice(["/echo", "/halting"])
            try:
                async with asyncio.timeout(OVER), calling(f"ws://127.0.0.1:{port}{path}", session=session) as caller:
                    score.happened["calls"] += 1
                    await caller.hears(ANSWERED)
                    person = Person(caller, path, chance, score)
                    for act in chance.choices(acts, weights, k=chance.randint(1, 12)):
                        await act(person)
                        await asyncio.sleep(chance.random() * 0.2)
                    if chance.random() < 0.1:
                        await caller.drop()
            except NotHeard as error:
                score.fail("unanswered turns", f"{path}: {error}")
            except CannotDial as error:
                score.fail("refused calls", f"{path}: {error}")
            except TimeoutError:
                score.fail("hanging calls", f"{path}: not over within {OVER:g} s")


async def completions(port: int, chance: random.Random, score: Score, until: Callable[[], bool]) -> None:
    """Requests for chat completions, one in three of them broken, cut off or wrong."""
    url = f"http://127.0.0.1:{port}/echo/chat/completions"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(ANSWERED)) as session:
        while not until():
            said = " ".join(chance.choices(WORDS, k=3))
            body = json.dumps({"messages": [{"role": "user", "content": said}]})
            is_whole = chance.random() < 0.7
            sent = body if is_whole else chance.choice([body[: chance.randrange(len(body))], body.replace('"user"', "7"), "["])
            try:
                async with session.post(url, data=sent) as got:
                    text = await got.text()
            except (TimeoutError, aiohttp.ClientError) as error:
                score.fail("unanswered turns", f"a completion: {error!r}")
                continue
            score.happened["completions"] += 1
            if got.status != (200 if is_whole else 400) or (is_whole and f"You said: {said}" not in text):
                score.fail("wrong answers", f"a completion: {got.status} {text[:200]} to {sent}")
            await asyncio.sleep(chance.random() * 0.3)


def upgrade(number: int) -> bytes:
    return (
        f"GET /echo/vandal-{os.getpid()}-{number} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()


def vandalism(chance: random.Random) -> bytes:
    """What is never answered with a call that goes on: the server has to close the connection."""
    opened = upgrade(chance.randrange(10**9))
    kinds = [
        b"",
        opened[: chance.randrange(len(opened) - 4)],
        b"GET / HTTP/7.x\r\n\r\n",
        chance.randbytes(100),
        opened + b"\xf1\x82" + bytes(4) + b"{}",
        opened + b"\x80\x82" + bytes(4) + b"{}",
        opened + b"\x81\xff" + LARGE.to_bytes(8) + bytes(4) + b"x",
    ]
    return chance.choice(kinds)


async def vandal(port: int, chance: random.Random, score: Score, until: Callable[[], bool]) -> None:
    """Connections that break the rules: reset by us, or left for the server to close."""
    while not until():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        score.happened["broken connections"] += 1
        sent = vandalism(chance)
        writer.write(sent)
        if chance.random() < 0.7:
            await asyncio.sleep(chance.random() * 0.1)
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            continue
        try:
            async with asyncio.timeout(CLOSED):
                with contextlib.suppress(ConnectionError):
                    while await reader.read(2**16):
                        pass
        except TimeoutError:
            score.fail("hanging sockets", f"not closed within {CLOSED:g} s after {sent!r}")
        writer.close()
