"""Who dials, which route and call they mean, and whether they are let in: asked of each request before anything is answered."""

import logging
import time
from dataclasses import dataclass
from urllib.parse import unquote

from aiohttp import hdrs, web

from rejoinder import pages
from rejoinder.addresses import PRESETS, address_of, client_address, is_among, party
from rejoinder.calls import Calls
from rejoinder.doors import Door, Knock, Reading, bearer
from rejoinder.knocks import WINDOW, Knocks
from rejoinder.reload import Reloader
from rejoinder.routes import Route

log = logging.getLogger(__name__)

#: A request that came through a proxy or a tunnel bears one of these, whatever address it comes from.
FORWARDED = (hdrs.X_FORWARDED_FOR, hdrs.FORWARDED, "X-Real-IP")

NO_ROUTE = "there is no such route"
TOO_MANY = "Too many handshakes that were refused. Try again in a minute.\n"


@dataclass(frozen=True, slots=True)
class Entry:
    """What was let in: a call on a route. `route` is None for a redial whose route a reload has taken away or closed to it."""

    path: str
    call_id: str
    route: Route | None
    is_redial: bool


class Reception:
    """`reloader` keeps the routes in force, `calls` the live calls with the doors that they came in by."""

    def __init__(self, reloader: Reloader, calls: Calls) -> None:
        self._reloader = reloader
        self._calls = calls
        self._clock = time.monotonic
        self._knocks = Knocks(self._clock, log.warning)
        self._full: dict[str, float] = {}
        self._waived: set[str] = set()

    def knock(self, request: web.Request) -> Knock:
        """Who dials, and what they bring with them."""
        forwarded = request.headers.getall(hdrs.X_FORWARDED_FOR, [])
        return Knock(
            segments=[unquote(part) for part in request.rel_url.raw_path.rstrip("/").split("/")[1:]],
            query=request.rel_url.raw_query_string,
            key=bearer(request.headers.get(hdrs.AUTHORIZATION, "")),
            address=client_address(request.remote or "", forwarded, self._reloader.routes.config.server.trusted_proxies),
            is_local=is_local(request),
        )

    def enter(self, knock: Knock, platform: str) -> Entry | None:
        """The route and call that are meant, if they are there and the door opens.

        A redial is let in by the door through which its call came in, whatever a reload has made of that since.
        """
        for reading in knock.readings():
            door = self._calls.door(reading.route, platform, reading.call_id)
            route = self._reloader.routes.routes.get(reading.route)
            if route is not None and not self._opens(route.config.door, knock, reading):
                route = None
            if route is not None or (door is not None and self._opens(door, knock, reading)):
                return Entry(reading.route, reading.call_id, route, is_redial=door is not None)
        return None

    def _opens(self, door: Door, knock: Knock, reading: Reading) -> bool:
        if not (door.admits(knock) and door.opens(knock, reading)):
            return False
        if door.allow is not None and knock.is_local and reading.route not in self._waived:
            self._waived.add(reading.route)
            log.info("let in from this machine, which 'allow' is not asked about: a call on %s", reading.route)
        return True

    def refuse(self, request: web.Request, knock: Knock) -> web.Response:
        """The answer to who is not let in: the same whether there is no such route or its door stays shut."""
        why = self._why(knock)
        if why == NO_ROUTE and knock.is_local:  # a browser that asks for its icon
            return pages.not_found(self._reloader.routes, tell=True)
        if self._knocks.refused(party(knock.address), why, counts=not (knock.is_local or self._is_expected(knock))):
            return web.Response(status=429, text=TOO_MANY, headers={hdrs.RETRY_AFTER: f"{WINDOW:g}"})
        return pages.not_found(self._reloader.routes, tell=knock.is_local)

    def full(self, path: str, most: int) -> None:
        """Nobody has time for a new call, because its route has as many as it may: told once a minute."""
        now = self._clock()
        if now - self._full.get(path, -WINDOW) >= WINDOW:
            self._full[path] = now
            log.warning("%s is full: it has as many calls as 'limits' lets it have (%d)", path, most)

    def _is_expected(self, knock: Knock) -> bool:
        """Whether it comes from where callers come from. Retell dials for all its customers from one address, and anybody can
        be one: their wrong guesses are not the others' fault."""
        if any(is_among(knock.address, preset) for preset in PRESETS.values()):
            return True
        doors = [route.config.door for route in self._reloader.routes.routes.values()]
        return any(is_among(knock.address, door.allow or ()) for door in doors)

    def _why(self, knock: Knock) -> str:
        """For the log. It names routes of ours, and nothing that was sent: it may be a secret with a slip in it."""
        for reading in knock.readings():
            if route := self._reloader.routes.routes.get(reading.route):
                door = route.config.door
                return f"{route.path} {'was not given its secret' if door.admits(knock) else 'does not allow that address'}"
        return NO_ROUTE


def is_local(request: web.Request) -> bool:
    """Whether a request comes from this machine, and not through a proxy or tunnel on it."""
    if any(name in request.headers for name in FORWARDED):
        return False
    address = address_of(request.remote or "")
    return address is not None and address.is_loopback
