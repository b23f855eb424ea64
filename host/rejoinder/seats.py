"""One call's places at the agents of its route: at the first from the beginning, at the others once they are asked."""

import asyncio
from collections.abc import Sequence

from rejoinder.agents import Agent, Seat
from rejoinder.call import CallFacts
from rejoinder.dialogue import Transcript, Turn
from rejoinder.events import Details
from rejoinder.handover import Listener
from rejoinder.tools import Ledger

#: Replies that are remembered: the one that is heard, and those that may still be cleaning up.
REMEMBERED = 8


class Seats:
    """`agents` are what is known of the call for each agent, and the agent, in the order in which they are asked."""

    __slots__ = ("_agents", "_details", "_first", "_ledger", "_listener", "_loop", "_of", "_seats")

    def __init__(self, agents: Sequence[tuple[CallFacts, Agent]], listener: Listener) -> None:
        self._agents = agents
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._details: Details | None = None
        self._of: dict[int, Seat] = {}
        facts, agent = agents[0]
        self._ledger = Ledger(facts.id)
        self._seats: list[Seat | None] = [None] * len(agents)
        self._seats[0] = self._first = agent.join(facts, listener, ledger=self._ledger)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple([facts.agent for facts, _ in self._agents])

    def may_answer(self, position: int) -> bool:
        """Whether the agent there is to be asked now; the last always is: skipping it helps no caller."""
        return position + 1 == len(self._agents) or self._agents[position][1].breaker.allows(self._loop.time())

    def judge(self, position: int, *, good: bool | None) -> None:
        if good is not None or position + 1 < len(self._agents):  # the last is always asked: it was no probe
            self._agents[position][1].breaker.judge(self._loop.time(), good=good)

    def start(self, position: int, reply: int, turn: Turn) -> None:
        seat = self._seats[position]
        if seat is None:
            facts, agent = self._agents[position]
            seat = self._seats[position] = agent.join(facts, self._listener, self._details, self._ledger)
        self._of[reply] = seat
        if len(self._of) > REMEMBERED:
            del self._of[next(iter(self._of))]
        seat.start(reply, turn)

    def cancel(self, reply: int) -> None:
        if seat := self._of.pop(reply, None):
            seat.cancel(reply)

    def confirm(self, reply: int, count: int) -> None:
        """The socket took `count` more outputs of `reply`."""
        if seat := self._of.get(reply):
            seat.confirm(reply, count)

    @property
    def listens(self) -> bool:
        """Whether an update would be told to anybody."""
        return self._first.may_hear("listening")

    def update(self, transcript: Transcript) -> None:
        self._first.update(transcript)

    def digits(self, digits: str) -> None:
        self._first.digits(digits)

    def details(self, details: Details) -> None:
        self._details = details
        for seat in filter(None, self._seats):
            seat.details(details)

    def leave(self) -> None:
        for seat in filter(None, self._seats):
            seat.leave()
