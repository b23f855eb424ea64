"""Echo: says back what it heard, if wanted word by word, so that streaming and barge-in can be heard."""

import asyncio
from typing import Annotated

from msgspec import Meta

from rejoinder import Options, Reply, ResponseSystem, SystemSpec, Turn, hookimpl, per_call


class EchoOptions(Options, frozen=True):
    prefix: Annotated[str, Meta(description="Said before what was heard.")] = "You said: "
    begin: Annotated[str, Meta(description='The first words of a call; "" lets the caller speak first.')] = (
        "Say something, and I will say it back."
    )
    nothing_heard: Annotated[str, Meta(description="Said when there are no words to say back.")] = "I did not hear anything."
    reminder: Annotated[str, Meta(description='Said after a silence; "" leaves it to the line in the call\'s language.')] = ""
    by_word: Annotated[bool, Meta(description="Hand over each word on its own, to see a reply stream.")] = False
    pause: Annotated[float, Meta(ge=0, le=10, description="Seconds between two words, with by_word.")] = 0.0


class Echo(ResponseSystem[EchoOptions]):
    async def begin(self, turn: Turn) -> Reply:
        yield await self.call.fill(self.options.begin)

    async def remind(self, turn: Turn) -> Reply:
        if self.options.reminder:
            yield await self.call.fill(self.options.reminder)

    async def respond(self, turn: Turn) -> Reply:
        heard = turn.text.strip()
        if not heard:
            yield await self.call.fill(self.options.nothing_heard)
            return
        # Only the prefix is the owner's; what the caller said is never read as a text with fields.
        answer = await self.call.fill(self.options.prefix) + heard
        if not self.options.by_word:
            yield answer
            return
        *words, last = answer.split(" ")
        for word in words:
            yield f"{word} "
            await asyncio.sleep(self.options.pause)
        yield last


@hookimpl
def rejoinder_response_system() -> SystemSpec[EchoOptions]:
    return per_call(Echo, EchoOptions)
