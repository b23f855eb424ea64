"""What a caller hears on a route that is full: its apology, then what it does on failure. No agent is asked, no call opened."""

import asyncio
import contextlib

from rejoinder.dialogue import EndCall
from rejoinder.events import Finish, TurnRequested
from rejoinder.outbox import Socket
from rejoinder.protocols.chat import ChatCodec
from rejoinder.protocols.retell import RetellCodec
from rejoinder.routes import Route

#: Seconds that a platform has to speak it, and to close.
FAREWELL = 30.0
#: Callers who may be told so at a time; more are refused without a word (503).
MOST_LEAVING = 100


def words(route: Route) -> str:
    """The apology that the file gives, else the host's goodbye: its own apology asks the caller to say it again."""
    lines = route.lines(lambda _: "")
    return lines.apology() if route.agent_config.lines.apology else lines.goodbye()


async def by_socket(socket: Socket, route: Route) -> None:
    """Say it over a socket just opened, and wait until it is closed.

    The platform is not asked to keep the socket alive: there is nobody to answer its pings.
    """
    action = route.config.on_failure or EndCall()
    with contextlib.suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(FAREWELL):
            for frame in RetellCodec().encode(Finish(0, words(route), action, uninterruptible=True)):
                await socket.send(frame)
            await socket.carry(lambda _: None)


async def by_answer(socket: Socket, codec: ChatCodec, body: bytes, route: Route) -> None:
    """Say it as the answer to a request that is known to be legible."""
    with contextlib.suppress(ConnectionError):
        for event in codec.decode(body):
            for frame in codec.encode(Finish(event.turn, words(route))) if isinstance(event, TurnRequested) else ():
                await socket.send(frame)
