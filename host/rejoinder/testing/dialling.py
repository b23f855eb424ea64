"""Dialling a route as Retell does: the call's id behind its path, seven seconds' patience, one sentence when it fails."""

import asyncio
import os
import ssl
from urllib.parse import quote, urlsplit

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponseError,
    ClientSession,
    ClientWebSocketResponse,
    InvalidURL,
    TooManyRedirects,
    WSServerHandshakeError,
)
from yarl import URL

from rejoinder.errors import RejoinderError

#: Retell's patience with a handshake, in seconds (docs.retellai.com, "Set up your server", read 2026-11).
HANDSHAKE = 7.0


class CannotDial(RejoinderError):
    """The call was not let in. `status` is the HTTP status of the refusal, None if nobody answered."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        self.status = status
        super().__init__(reason)


class MalformedURL(CannotDial):
    """It is no URL of a route: nobody was asked."""


def call_url(route: str, call_id: str) -> URL:
    """The URL of one call: its id is the last segment of the route's path, before any query; "" adds none.

    Raises MalformedURL for what is no URL.
    """
    try:
        parts = urlsplit(route.strip())
        dialable = parts.scheme in ("ws", "wss", "http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        dialable = False
    if not dialable:
        raise MalformedURL(f"{route!r} is a malformed URL: expected one such as ws://127.0.0.1:8080/llm-websocket")
    path = f"{parts.path.rstrip('/')}/{quote(call_id, safe='')}" if call_id else parts.path
    return URL(parts._replace(path=path).geturl())


async def dial(session: ClientSession, url: URL) -> ClientWebSocketResponse:
    """An open socket. Raises CannotDial."""
    try:
        async with asyncio.timeout(HANDSHAKE):
            return await session.ws_connect(url, max_msg_size=0)
    except WSServerHandshakeError as error:
        raise CannotDial(f"{url.origin()} answered with HTTP {error.status}, not with a call", error.status) from error
    except TimeoutError as error:
        raise CannotDial(f"{url.origin()} did not answer within {HANDSHAKE:g} s") from error
    except InvalidURL as error:
        raise MalformedURL(f"{str(url)!r} is a malformed URL") from error
    except (ClientError, OSError) as error:
        raise CannotDial(f"{url.origin()} cannot be reached: {reason_of(error)}") from error


def reason_of(error: Exception) -> str:
    """Why nobody was reached, in the system's own words; aiohttp's name the host again, how it would have checked a
    certificate, all that came, and the whole URL, in which a route may have its secret."""
    if isinstance(error, TooManyRedirects):
        return "it sends us on and on (redirects)"
    if isinstance(error, ClientResponseError):
        return "what answers there does not speak HTTP"
    cause = error.os_error if isinstance(error, ClientConnectorError) else error
    if isinstance(cause, ssl.SSLError):  # its number is none of the system's
        return f"no TLS that can be trusted ({cause.reason or cause})"
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
        return os.strerror(cause.errno)
    return str(getattr(cause, "strerror", None) or cause)
