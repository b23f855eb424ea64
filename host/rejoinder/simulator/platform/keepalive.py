"""Whether the server still answers: a ping every two seconds, and five seconds of patience ("Set up your server")."""

import asyncio
from collections import deque
from collections.abc import Callable

from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.platform.recorder import Timer


class Keepalive:
    """Of one connection at a time. Pings from when the server asked for it, and calls `lost` once no pong came for too long;
    `took` is given how long each pong took."""

    def __init__(
        self, profile: Profile, *, ping: Callable[[], None], lost: Callable[[], None], took: Callable[[float], None]
    ) -> None:
        self._profile = profile
        self._took = took
        self._pinged: deque[float] = deque()  # pongs are counted, not told apart: a server may put its own time into them
        self._ping = ping
        self._next = Timer(self._beat)
        self._patience = Timer(lost)

    def start(self) -> None:
        if not self._next.is_set:
            self._next.set(self._profile.ping_every)
            self._patience.set(self._profile.keepalive_lost)

    def heard(self) -> None:
        """A pong came."""
        if self._pinged:
            self._took(asyncio.get_running_loop().time() - self._pinged.popleft())
        if self._patience.is_set:
            self._patience.set(self._profile.keepalive_lost)

    def stop(self) -> None:
        self._next.stop()
        self._patience.stop()
        self._pinged.clear()

    def _beat(self) -> None:
        self._next.set(self._profile.ping_every)
        self._pinged.append(asyncio.get_running_loop().time())
        self._ping()
