"""Who is let into a route: whoever knows its secret and comes from where it says, as far as it says either.

A voice platform sends no credentials of its own (docs.retellai.com, "Set up your server", read 2026-11-22), so the secret is a
part of the URL that is pasted into its dashboard. Platforms that call a model's API send it as their key.
"""

import hmac
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from rejoinder.addresses import Address, Network, is_among
from rejoinder.contract import Secret

#: Values of a query that are looked at: each is compared with each secret.
_MOST_VALUES = 30


@dataclass(frozen=True, slots=True)
class Knock:
    """What is known of somebody who dials, before anything is answered.

    `segments` are those of the path, unquoted; `query` is as it came; `key` what an Authorization header bears. `is_local` says
    that it came from this machine without passing a proxy.
    """

    segments: Sequence[str] = ()
    query: str = ""
    key: str = ""
    address: Address | None = None
    is_local: bool = False

    @property
    def offered(self) -> list[str]:
        """Everything beside the path that may be a secret."""
        return [*([self.key] if self.key else []), *_query_values(self.query)]

    def readings(self) -> "Iterator[Reading]":
        """What the path may mean: ROUTE, ROUTE/CALL_ID, ROUTE/SECRET, ROUTE/SECRET/CALL_ID. A call id that is not in the path
        may stand behind the query."""
        whole, glued = list(self.segments), _glued(self.query)
        yield Reading(_path(whole), glued)
        if len(whole) > 1:
            yield Reading(_path(whole[:-1]), glued, whole[-1])  # before the next: a secret must never pass for a call's id
            yield Reading(_path(whole[:-1]), whole[-1])
        if len(whole) > 2:
            yield Reading(_path(whole[:-2]), whole[-1], whole[-2])


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a path; `secret` None: it holds none."""

    route: str
    call_id: str
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """`secrets`: one of them must be known, none are needed if there are none. `allow`: where callers may come from, None is
    anywhere. A door with neither is open to whoever reaches it."""

    secrets: tuple[Secret, ...] = ()
    allow: tuple[Network, ...] | None = None

    @property
    def is_closed(self) -> bool:
        """Whether anything is asked of who dials."""
        return bool(self.secrets) or self.allow is not None

    def unlocked(self, path: str) -> str:
        """The path of a route as it is dialled, its newest secret in it."""
        return f"{path}/{self.secrets[0].reveal()}" if self.secrets else path

    def masked(self, path: str) -> str:
        """The same to be shown."""
        return f"{path}/***" if self.secrets else path

    def admits(self, knock: Knock) -> bool:
        """Whether it may come from there. This machine is let in, to try a route by hand; not so through a proxy on it."""
        return self.allow is None or knock.is_local or is_among(knock.address, self.allow)

    def opens(self, knock: Knock, reading: Reading) -> bool:
        """Whether a secret is known that opens it. One in the path must be right, whatever else is offered."""
        if reading.secret is not None:
            return bool(self.secrets) and self.knows([reading.secret])
        return not self.secrets or self.knows(knock.offered)

    def knows(self, offered: Iterable[str]) -> bool:
        """Whether one of the offered texts is a secret. All are compared, each in constant time: how long it takes says
        nothing of how near a guess was, or which of two secrets it was near to."""
        secrets = [_bytes(secret.reveal()) for secret in self.secrets]
        return any([hmac.compare_digest(_bytes(one), secret) for one in offered for secret in secrets])  # noqa: C419  no early end


def bearer(authorization: str) -> str:
    """The key in an Authorization header, "" if it bears none (RFC 6750, section 2.1)."""
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _path(segments: Sequence[str]) -> str:
    return "/" + "/".join(segments)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # a URL may hold anything


def _query_values(query: str) -> Iterator[str]:
    """The values of a query, whatever their names; a call id glued behind one is also taken off."""
    for pair in query.split("&", _MOST_VALUES):
        name, equals, value = pair.partition("=")
        text = value if equals else name
        yield from (unquote(one) for one in (text, text.rpartition("/")[0]) if one)


def _glued(query: str) -> str:
    """The call id of a URL with a query: some have seen it added behind the query's last value instead of the path."""
    _, slash, call_id = query.rpartition("/")
    return unquote(call_id) if slash else ""
