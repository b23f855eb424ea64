"""When a turn is late: the rungs of a route's ladder (see `rejoinder.ladder`), in seconds."""

from msgspec import Struct


class Late(Struct, frozen=True):
    """Seconds since the turn was asked for until each rung is due; `stall` since the last word."""

    filler: float = 2.0
    stall: float = 4.0
    fallback: float = 6.0
    apology: float = 12.0
    longest: float = 60.0
