"""A tool that has an effect, and a call that runs it."""

import asyncio
from typing import Any

from rejoinder import Call, CallFacts
from rejoinder.orders import Order
from rejoinder.tools import Ledger, Tools

NOON = {"when": "noon"}


class Diary:
    """A place where things are booked; `open` lets the bookings through that wait."""

    def __init__(self) -> None:
        self.booked: list[str] = []
        self.open = asyncio.Event()
        self.begun = asyncio.Event()
        self.done = asyncio.Event()

    async def book(self, when: str) -> str:
        self.begun.set()
        await self.open.wait()
        self.booked.append(when)
        self.done.set()
        return f"booked for {when}"


def desk(ledger: Ledger | None = None) -> tuple[Call, Tools, list[Order]]:
    """A call's handle, what it works with, and what the host is told."""
    orders: list[Order] = []
    tools = Tools(ledger or Ledger("c1"), orders.append, "agent ava, call c1")
    return Call(CallFacts("c1", "/ava", "ava", "test"), orders.append, lambda _: None, tools=lambda: tools), tools, orders


async def cancelled(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
