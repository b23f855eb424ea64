"""The response system of soak.py: repeats what it heard word by word, now and then holding its thread, failing when told to."""

import asyncio
import random
import time

from rejoinder import Options, Reply, ReplyFailed, ResponseSystem, SystemSpec, Transcript, Turn, hookimpl, per_call

#: What a caller says who wants no answer.
FAIL = "fail"


class Halting(ResponseSystem[Options]):
    heard = 0

    async def respond(self, turn: Turn) -> Reply:
        if turn.text.endswith(FAIL):
            raise ReplyFailed("as the caller wished")
        for word in f"You said: {turn.text}".split(" "):
            yield f"{word} "
            await asyncio.sleep(random.random() * 0.05)
            if random.random() < 0.01:
                time.sleep(0.1)  # noqa: ASYNC251  the mistake of those who call a synchronous client

    async def listening(self, transcript: Transcript) -> None:
        self.heard += len(transcript)


@hookimpl
def rejoinder_response_system() -> SystemSpec[Options]:
    return per_call(Halting, Options)
