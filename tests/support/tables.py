"""A restaurant whose bookings take a while: a response system with tools, for calls in which something happens meanwhile."""

import asyncio

from rejoinder import EndCall, Options, Reply, ResponseSystem, Say, SystemSpec, Turn, hookimpl, per_call

#: Seconds that a booking takes, and an order from a kitchen that is slow.
QUICK, SLOW = 2.0, 7.0


class Tables(ResponseSystem[Options]):
    async def respond(self, turn: Turn) -> Reply:
        for late in turn.late_results:
            yield f"By the way, {late.value}. "
        if "book" in turn.text:
            yield "One moment. "
            yield f"Done, {await self.call.run_once('book', {'seats': 2}, self.book)}."
        elif "order" in turn.text:
            # Not a word before it is there, as a model leaves it that calls a tool.
            yield f"Done, {await self.call.run_once('order', {'dish': 'soup'}, self.order)}."
        elif "good night" in turn.text:
            yield Say("Good night.", uninterruptible=True)
            yield EndCall()
        else:
            yield "Very well."

    async def book(self, seats: int) -> str:
        await asyncio.sleep(QUICK)
        return f"a table for {seats} is booked"

    async def order(self, dish: str) -> str:
        await asyncio.sleep(SLOW)
        return f"the {dish} is ordered"


@hookimpl
def rejoinder_response_system() -> SystemSpec[Options]:
    return per_call(Tables, Options)
