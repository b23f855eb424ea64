"""Dummy: says one line to begin and another to everything else. The smallest whole response system."""

from typing import Annotated

from msgspec import Meta

from rejoinder import Options, Reply, ResponseSystem, SystemSpec, Turn, hookimpl, per_call


class DummyOptions(Options, frozen=True):
    begin: Annotated[str, Meta(description='The first words of a call; "" lets the caller speak first.')] = (
        "How may I help you?"
    )
    say: Annotated[str, Meta(description="What it says to every turn and every silence.")] = (
        "I am sorry, can you say that again?"
    )


class Dummy(ResponseSystem[DummyOptions]):
    async def begin(self, turn: Turn) -> Reply:
        yield await self.call.fill(self.options.begin)

    async def respond(self, turn: Turn) -> Reply:
        yield await self.call.fill(self.options.say)

    async def remind(self, turn: Turn) -> Reply:
        yield await self.call.fill(self.options.say)


@hookimpl
def rejoinder_response_system() -> SystemSpec[DummyOptions]:
    return per_call(Dummy, DummyOptions)
