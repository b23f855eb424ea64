"""A desk that books tables in a system which answers only when the caller says "go on"."""

import asyncio

from rejoinder import Call, Options, Reply, ResponseSystem, SystemSpec, Turn, hookimpl, per_call


class Booking(ResponseSystem[Options]):
    def __init__(self, options: Options, call: Call) -> None:
        super().__init__(options, call)
        self.tables = 0
        self.answers = asyncio.Event()

    async def respond(self, turn: Turn) -> Reply:
        for late in turn.late_results:
            yield f"By the way: {late.value} "
        if "go on" in turn.text:
            self.answers.set()
        if "book" in turn.text:
            yield "One moment. "
            yield await self.call.run_once("book_table", {"seats": 2}, self.book)
        else:
            yield "Very well."

    async def book(self, seats: int) -> str:
        await self.answers.wait()
        self.tables += 1
        return f"Table {self.tables} for {seats} is booked."


@hookimpl
def rejoinder_response_system() -> SystemSpec[Options]:
    return per_call(Booking, Options)
