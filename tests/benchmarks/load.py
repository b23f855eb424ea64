"""The callers of a benchmark, in a process of their own: calls with growing transcripts, and the server's CPU meanwhile.

    python tests/benchmarks/load.py --port 8080 --pid 4711 --path /echo --calls 20 --turns 18 --pace 0
    python tests/benchmarks/load.py --port 8080 --pid 4711 --path /echo --utterances 400 --updates 100

The frames are built and masked before anything is measured and go out over bare sockets, so that callers cost little.
"""

import argparse
import asyncio
import json
import os
import time
from dataclasses import asdict, dataclass
from itertools import count

import uvloop

#: Bytes of a mean frame: a two-way talk is here after about a minute and a half, with word timings.
MEAN_FRAME = 17_000
#: Turns of the call that is scripted; a load of fewer plays the middle, where frames have the mean size.
TURNS = 18
#: Words of a caller's utterance, which is what an echo says back: as many chunks.
USER_WORDS = 9
UPDATES_A_TURN = 8
#: Seconds after which a server that stopped answering ends the benchmark.
PATIENCE = 60.0

TEXT = "please could you move my table for tonight to eight o'clock because the train from Bristol is late again"
WORDS = TEXT.split()

Utterance = dict[str, object]


@dataclass(frozen=True)
class Measured:
    """What a load did and what it cost the server. CPU in seconds, of the whole process, from the kernel."""

    cpu: float
    wall: float
    turns: int
    events: int
    frames_out: int
    mean_frame: float


def cpu_of(pid: int) -> float:
    """CPU seconds that a process has used, user and system, all threads, in nanosecond steps.

    Linux makes the number of the clock from the pid (clock_getcpuclockid(3); MAKE_PROCESS_CPUCLOCK with CPUCLOCK_SCHED).
    """
    return time.clock_gettime((~pid << 3) | 2)


def utterance(role: str, words: int, begun: float) -> Utterance:
    spoken = [WORDS[number % len(WORDS)] for number in range(words)]
    timings = [
        {"word": word, "start": round(begun + at * 0.3337137, 7), "end": round(begun + at * 0.3337137 + 0.2861319, 7)}
        for at, word in enumerate(spoken)
    ]
    return {"role": role, "content": " ".join(spoken), "words": timings}


def update(transcript: list[Utterance]) -> bytes:
    return masked({"interaction_type": "update_only", "transcript": transcript, "turntaking": "user_turn"})


def script() -> list[list[bytes]]:
    """The frames of a call, turn by turn: the caller's words come in one after another, then a response is required."""
    bytes_a_word = len(json.dumps(utterance("agent", 100, 100.0), separators=(",", ":"))) / 100
    words_a_turn = (MEAN_FRAME / bytes_a_word - USER_WORDS) / ((TURNS - 1) / 2)
    agent_words = max(1, round(words_a_turn) - USER_WORDS)
    transcript: list[Utterance] = []
    frames: list[list[bytes]] = []
    for turn in range(1, TURNS + 1):
        begun = turn * 8.2053127
        growing = [utterance("user", words + 2, begun) for words in range(UPDATES_A_TURN)]
        transcript_now = [*transcript, growing[-1]]
        asked = {"interaction_type": "response_required", "response_id": turn, "transcript": transcript_now}
        frames.append([*(update([*transcript, said]) for said in growing), masked(asked)])
        transcript = [*transcript_now, utterance("agent", agent_words, begun + 4)]
    return frames


def masked(message: object) -> bytes:
    """A client's text frame (RFC 6455, section 5.2)."""
    payload = json.dumps(message, separators=(",", ":")).encode()
    mask = os.urandom(4)
    size = len(payload)
    long = mask * (size // 4 + 1)
    body = (int.from_bytes(payload) ^ int.from_bytes(long[:size])).to_bytes(size)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2) if size < 2**16 else b"\xff" + size.to_bytes(8)
    return b"\x81" + length + mask + body


class Call:
    """One call over a bare socket: sends ready-made frames, counts what comes, notices the end of a turn."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.frames_in = 0

    @classmethod
    async def dial(cls, port: int, path: str, number: int, *, silent: bool = False) -> "Call":
        """Open a call; unless it is to be `silent`, say what call it is and wait for the first words."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        writer.write(
            f"GET {path}/call-{os.getpid()}-{number} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in answer.partition(b"\r\n")[0]:
            raise ConnectionError(answer.decode())
        call = cls(reader, writer)
        if silent:
            await call.until(b'"config"', b"auto_reconnect")
            return call
        call.send(masked({"interaction_type": "call_details", "call": {"call_type": "web_call", "call_id": str(number)}}))
        await call.until(b'"response_id":0,')
        return call

    def send(self, frame: bytes) -> None:
        self._writer.write(frame)

    async def drained(self) -> None:
        await self._writer.drain()

    async def until(self, mark: bytes, also: bytes = b'"content_complete":true') -> None:
        """Read on until a frame has both marks."""
        while True:
            frame = await self.frame()
            if mark in frame and also in frame:
                return

    async def frame(self) -> bytes:
        head = await self._reader.readexactly(2)
        size = head[1] if head[1] < 126 else int.from_bytes(await self._reader.readexactly(2))
        self.frames_in += 1
        if head[0] != 0x81:
            raise ConnectionError(f"the server ended a call: frame type {head[0]:#x}")
        return await self._reader.readexactly(size)

    async def play(self, frames: list[list[bytes]], first: int, pace: float, delay: float) -> None:
        await asyncio.sleep(delay)
        for turn, events in enumerate(frames, first):
            for event in events:
                self.send(event)
                await self.drained()
                await asyncio.sleep(pace)
            await self.until(b'"response_id":%d,' % turn)

    def hang_up(self) -> None:
        self._writer.transport.abort()

    async def close(self) -> None:
        """Say a tidy goodbye (code 1000), and wait until the server has closed."""
        self._writer.write(b"\x88\x82" + bytes(4) + b"\x03\xe8")
        await self._reader.read()
        self._writer.close()


async def conversations(given: argparse.Namespace) -> Measured:
    """Calls that talk at once: as fast as the server answers, or with `pace` seconds from one event to the next."""
    first = (TURNS - given.turns) // 2
    frames = script()[first : first + given.turns]
    calls = [await Call.dial(given.port, given.path, number) for number in range(given.calls)]
    greetings = sum(call.frames_in for call in calls)
    before, begun = cpu_of(given.pid), time.perf_counter()
    delays = [given.pace * number / given.calls for number in range(given.calls)]
    await asyncio.gather(*(call.play(frames, first + 1, given.pace, delay) for call, delay in zip(calls, delays, strict=True)))
    cpu, wall = cpu_of(given.pid) - before, time.perf_counter() - begun
    # As a platform does it: a call that loses its line is waited for, and would end a minute later, in another's measurement.
    await asyncio.gather(*(call.close() for call in calls))
    sizes = [len(event) for events in frames for event in events]
    turns = given.calls * given.turns
    frames_out = sum(call.frames_in for call in calls) - greetings
    return Measured(cpu, wall, turns, given.calls * len(sizes), frames_out, sum(sizes) / len(sizes))


async def updates(given: argparse.Namespace) -> Measured:
    """One call whose transcript is long: nothing but updates, the last utterance growing; a ping tells when all are read."""
    transcript = [utterance("user" if n % 2 else "agent", 13, n * 4.1026563) for n in range(given.utterances - 1)]
    frames = [update([*transcript, utterance("user", words, 4.1026563 * given.utterances)]) for words in range(1, 14)]
    call = await Call.dial(given.port, given.path, given.utterances)
    stamps = count(1)

    async def send(number: int) -> None:
        for at in range(number):
            call.send(frames[at % len(frames)])
            await call.drained()
        stamp = next(stamps)
        call.send(masked({"interaction_type": "ping_pong", "timestamp": stamp}))
        await call.until(b'"ping_pong"', b'"timestamp":%d' % stamp)

    await send(2)
    before, begun = cpu_of(given.pid), time.perf_counter()
    await send(given.updates)
    cpu, wall = cpu_of(given.pid) - before, time.perf_counter() - begun
    call.hang_up()
    return Measured(cpu, wall, 0, given.updates, 1, sum(map(len, frames)) / len(frames))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pid", type=int, required=True, help="the server's process, whose CPU is measured")
    parser.add_argument("--path", required=True)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--turns", type=int, choices=range(1, TURNS + 1), metavar="N", default=TURNS, help="of each call")
    parser.add_argument("--pace", type=float, default=0.0, help="seconds from one event of a call to the next")
    parser.add_argument("--utterances", type=int, default=0, help="measure updates of a transcript of this length instead")
    parser.add_argument("--updates", type=int, default=100)
    return parser.parse_args()


def main() -> None:
    given = arguments()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        load = updates(given) if given.utterances else conversations(given)
        print(json.dumps(asdict(runner.run(asyncio.wait_for(load, PATIENCE)))))


if __name__ == "__main__":
    main()
