"""Whether the server still answers: a ping every two seconds, and five seconds of patience ("Set up your server")."""

from collections.abc import Callable

from rejoinder.simulator.profile import Profile
from rejoinder.simulator.recorder import Timer


class Keepalive:
    """Of one connection. Pings from when the server asked for it, and calls `lost` once no pong came for too long."""

    def __init__(self, profile: Profile, *, ping: Callable[[], None], lost: Callable[[], None]) -> None:
        self._profile = profile
        self._ping = ping
        self._next = Timer(self._beat)
        self._patience = Timer(lost)

    def start(self) -> None:
        if not self._next.is_set:
            self._next.set(self._profile.ping_every)
            self._patience.set(self._profile.keepalive_lost)

    def heard(self) -> None:
        """A pong came."""
        if self._patience.is_set:
            self._patience.set(self._profile.keepalive_lost)

    def stop(self) -> None:
        self._next.stop()
        self._patience.stop()

    def _beat(self) -> None:
        self._next.set(self._profile.ping_every)
        self._ping()
