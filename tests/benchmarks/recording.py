"""What recording costs: CPU of the front per frame, CPU of the thread that writes, and the size of a call.

    python tests/benchmarks/recording.py [--rounds 5] [--json]

A call is played in this process, without a socket, with frames as Retell sends them: the whole conversation each time, with
timings of words. "off" is a route that is not recorded, on a server that could.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rejoinder.calls import Calls
from rejoinder.observers import ObserverDesk
from rejoinder.recording.archive import Archive
from rejoinder.recording.writer import MOST_BYTES, Writer
from rejoinder.testing.exchange import Exchange

WORDS = 14
ROUTES = {"off": "off", "without words": "{}", "with words": "{text: on}"}


@dataclass(frozen=True)
class Cost:
    """Of one call: microseconds of CPU a frame on the front and in the thread, bytes that came and bytes that were written."""

    recorded: str
    utterances: int
    frames: int
    front_us: float
    thread_us: float
    came: int
    written: int


def talk(utterances: int) -> list[tuple[int, bytes]]:
    """The frames of a call, each with the id that it asks an answer for, 0 for none."""
    told: list[tuple[int, bytes]] = []
    said: list[dict[str, Any]] = []
    asked = 0
    for number in range(utterances):
        words = [
            {"word": f"word{at}", "start": round(number + at / 7, 3), "end": round(number + at / 6, 3)} for at in range(WORDS)
        ]
        for spoken in range(2, WORDS, 2):
            growing = {"role": "user", "content": " ".join(f"word{at}" for at in range(spoken)), "words": words[:spoken]}
            told.append((0, json.dumps({"interaction_type": "update_only", "transcript": [*said, growing]}).encode()))
        said.append(
            {"role": "user" if number % 2 else "agent", "content": " ".join(f"word{at}" for at in range(WORDS)), "words": words}
        )
        if number % 2:
            asked += 1
            request = {"interaction_type": "response_required", "response_id": asked, "transcript": said}
            told.append((asked, json.dumps(request).encode()))
    return told


class Timed(Writer):
    """A writer that says what its thread has cost."""

    cost = 0.0

    def _run(self) -> None:
        super()._run()
        self.cost = time.thread_time()


async def play(folder: Path, recorded: str, frames: list[tuple[int, bytes]], utterances: int) -> Cost:
    file = folder / "rejoinder.yaml"
    file.write_text(f"agents: {{a: {{system: echo}}}}\nroutes: {{/a: {{agent: a, record: {ROUTES[recorded]}}}}}\n")
    exchange, archive = Exchange.of_file(file, environ={}), Archive()
    writer = archive._writer = Timed(dict)
    exchange.calls = Calls(ObserverDesk(), None, archive)
    async with exchange:
        archive.start(lambda: exchange.routes.config)
        wire = await exchange.dialler("/a", watched=False, room=2**26)("call-1")
        await wire.send(b'{"interaction_type":"call_details","call":{"call_type":"web_call"}}')
        began = time.thread_time()
        for asked, frame in frames:
            await wire.send(frame)
            while asked:
                answer = json.loads(await wire.receive() or b"{}")
                if answer.get("response_id") == asked and answer["content_complete"]:
                    break
            while writer._put_bytes - writer._taken_bytes > MOST_BYTES // 2:  # noqa: ASYNC110  this is faster than any call
                await asyncio.sleep(0.01)
        front = time.thread_time() - began
        wire.abort()
    await archive.close()
    written = sum(path.stat().st_size for path in (folder / "recordings").glob("*.jsonl"))
    came = sum(len(frame) for _, frame in frames)
    count = len(frames)
    return Cost(recorded, utterances, count, front / count * 1e6, writer.cost / count * 1e6, came, written)


def measure(rounds: int) -> list[Cost]:
    costs: list[Cost] = []
    for utterances in (20, 200):
        frames = talk(utterances)
        for recorded in ROUTES:
            found: list[Cost] = []
            for _ in range(rounds):
                with tempfile.TemporaryDirectory() as folder:
                    found.append(asyncio.run(play(Path(folder), recorded, frames, utterances)))
            front, thread = (statistics.median(getattr(one, name) for one in found) for name in ("front_us", "thread_us"))
            costs.append(Cost(recorded, utterances, len(frames), front, thread, found[0].came, found[0].written))
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    costs = measure(given.rounds)
    if given.json:
        print(json.dumps([asdict(one) for one in costs]))
        return
    print(
        f"{'recorded':<15}{'utterances':>11}{'frames':>8}{'front us':>10}{'thread us':>11}{'came KiB':>10}{'written KiB':>13}"
    )
    for one in costs:
        kib = (one.came >> 10, one.written >> 10)
        print(
            f"{one.recorded:<15}{one.utterances:>11}{one.frames:>8}{one.front_us:>10.1f}{one.thread_us:>11.1f}{kib[0]:>10}{kib[1]:>13}"
        )


if __name__ == "__main__":
    main()
