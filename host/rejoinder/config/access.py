"""Who may dial a route, from where, how many and for how long: `secret`, `allow` and `limits`, and whom of them we believe."""

import re
from dataclasses import replace

from rejoinder.addresses import PRESETS, Network, networks
from rejoinder.config.durations import read_duration
from rejoinder.config.keys import LIMITS
from rejoinder.config.shape import Limits
from rejoinder.config.tree import Listing
from rejoinder.config.value import Value, nearest
from rejoinder.contract import Secret
from rejoinder.doors import Door

#: A secret stands in a URL that is pasted by hand: what need not be escaped there (RFC 3986, section 2.3).
_SECRET = re.compile(r"[A-Za-z0-9._~\-]+\Z")
#: Shorter ones can be guessed, and shorter than six are not even masked in the log.
SHORTEST_SECRET = 16
#: Retell's own longest call is two hours (`max_call_duration_ms`, read 2026-11); what is beyond a day is a slip.
LONGEST_CALL = 86400.0
#: Of a route whose secret is wrong, or not there to be looked at: the file is not served, and yet no route in it open.
_NOBODY_KNOWS = Secret("a secret that is not there")
_MAKE_ONE = "openssl rand -hex 24 makes a good one"


def read_door(route: Value, outer: Door) -> Door:
    """`secret` and `allow` of a mapping; what it does not say is as in `outer`. What is wrong leaves the door shut."""
    door = outer
    if route.origin.child("secret") is not None:
        secret = route.child("secret")
        door = replace(door, secrets=(_secrets(secret) if secret else ()) or (_NOBODY_KNOWS,))
    if route.origin.child("allow") is not None:
        allow = route.child("allow")
        door = replace(door, allow=_networks(allow, presets=True) if allow else ())
    return door


def read_limits(parent: Value, outer: Limits) -> Limits:
    """`limits` of a mapping; what it does not say is as in `outer`."""
    value = parent.child("limits")
    if value is None or not value.table(LIMITS):
        return outer
    counts = {key: one.single(LIMITS[key]) for key in ("calls", "reminders") if (one := value.given(key))}
    duration = value.given("call_duration")
    longest = read_duration(duration, 1.0, LONGEST_CALL) if duration else None
    given = {key: int(count) for key, count in counts.items() if count is not None}
    return replace(outer, **given, call_duration=outer.call_duration if longest is None else longest)


def read_proxies(server: Value) -> tuple[Network, ...]:
    """`trusted_proxies` of the server."""
    value = server.child("trusted_proxies")
    return _networks(value, presets=False) if value is not None else ()


def _secrets(value: Value) -> tuple[Secret, ...]:
    """One or several. One from outside may be empty, as `${OLD:-}` is when nothing is rotated; not all of them."""
    items = value.items("secrets") or [] if isinstance(value.node, Listing) else [value]
    texts = {item: item.text() for item in items if not item.is_placeholder}
    given = [text for item, text in texts.items() if text and _is_good(item, text)]
    if not any(texts.values()) and len(texts) == len(items) and None not in texts.values():
        value.wrong("no secret is given", f"set it, or leave the key out; {_MAKE_ONE}")
    return tuple(Secret(text) for text in dict.fromkeys(given))


def _is_good(item: Value, text: str) -> bool:
    if not _SECRET.match(text):
        item.wrong(
            "a secret stands in a URL and cannot hold such characters", f"letters, digits, - . _ and ~ only; {_MAKE_ONE}"
        )
    elif len(text) < SHORTEST_SECRET:
        item.wrong("the secret is too short", f"give it {SHORTEST_SECRET} characters or more; {_MAKE_ONE}")
    else:
        return True
    return False


def _networks(value: Value, *, presets: bool) -> tuple[Network, ...]:
    items = value.items("addresses")
    if items == []:
        value.wrong("no address is named", "name one, or leave the key out")
    found: list[Network] = []
    for item in items or ():
        text = None if item.is_placeholder else item.text()
        if text is not None:
            found += _network(item, text.strip(), presets=presets)
    return tuple(dict.fromkeys(found))


def _network(item: Value, text: str, *, presets: bool) -> tuple[Network, ...]:
    if presets or text not in PRESETS:
        try:
            return networks(text)
        except ValueError as error:
            if "host bits" in str(error):
                item.wrong(
                    f"'{text}' is an address and a network at once",
                    "write the network's first address, or leave its length out",
                )
                return ()
    known = PRESETS if presets else ()
    item.wrong(
        f"'{text}' is no address or network", nearest(text, known, "write it as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32")
    )
    return ()
