"""Dialling a route as Retell does: the call's id behind its path, seven seconds' patience, one sentence when it fails."""

import asyncio
import os
import ssl
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
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
    """The call was not let in. `status` is the HTTP status of the refusal, None if nobody answered; `remedy` what may be done
    about it, "" if nobody knows."""

    def __init__(self, reason: str, status: int | None = None, remedy: str = "") -> None:
        self.status = status
        self.remedy = remedy
        super().__init__(reason)

    @property
    def advice(self) -> str:
        """What happened, and what may be done about it."""
        return f"{self} ({self.remedy})" if self.remedy else str(self)


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
    """An open socket of `url` itself: one may be led elsewhere (RFC 6455, section 4.1), and a platform need not follow. Raises
    CannotDial."""
    try:
        async with asyncio.timeout(HANDSHAKE):
            socket = await session.ws_connect(url, max_msg_size=0)
    except WSServerHandshakeError as error:
        if error.history:
            raise _led_elsewhere(url, error.history) from error
        told = f"{url.origin()} answered with HTTP {error.status}, not with a call"
        raise CannotDial(told, error.status, _remedy(error.status)) from error
    except TimeoutError as error:
        raise CannotDial(f"{url.origin()} did not answer within {HANDSHAKE:g} s", remedy=_IS_IT_RUNNING) from error
    except InvalidURL as error:
        raise MalformedURL(f"{str(url)!r} is a malformed URL") from error
    except (ClientError, OSError) as error:
        remedy = _IS_IT_TLS if isinstance(_cause(error), ssl.SSLError) else _IS_IT_RUNNING
        raise CannotDial(f"{url.origin()} cannot be reached: {reason_of(error)}", remedy=remedy) from error
    if history := socket._response.history:  # noqa: SLF001  no other way to know, nor to forbid it
        socket._response.close()  # noqa: SLF001
        raise _led_elsewhere(url, history)
    return socket


def _led_elsewhere(url: URL, history: Sequence[ClientResponse]) -> CannotDial:
    """Without the whole address: a route may have its secret in it."""
    answer = history[-1]
    final = answer.url.join(URL(answer.headers.get("Location", "")))
    where = "another path of its own" if final.origin() == url.origin() else f"{final.origin()}"
    told = f"{url.origin()} sends us on to {where} (HTTP {answer.status}), and a platform need not follow"
    return CannotDial(told, answer.status, "name the URL behind the redirect, here and in the platform's dashboard")


_IS_IT_RUNNING = "is the server running? 'rejoinder serve' prints the URLs of its routes"
_IS_IT_TLS = "ws:// is for a server without TLS, and a certificate must be one that is trusted here"


def _remedy(status: int) -> str:
    """What a refusal of Rejoinder's, or of a proxy before it, may mean."""
    if status == HTTPStatus.NOT_FOUND:
        return "the server has no such route; 'rejoinder serve' prints the URLs of those it has, *** for a secret"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return "it takes no new calls now: it is about to stop, or the route has as many as it may"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "it has refused this address too often to answer it now: wait a minute"
    return "something else than Rejoinder, or a proxy that does not let WebSocket through, answers there"


def reason_of(error: Exception) -> str:
    """Why nobody was reached, in the system's own words; aiohttp's name the host again, how it would have checked a
    certificate, all that came, and the whole URL, in which a route may have its secret."""
    if isinstance(error, TooManyRedirects):
        return "it sends us on and on (redirects)"
    if isinstance(error, ClientResponseError):
        return "what answers there does not speak HTTP"
    cause = _cause(error)
    if isinstance(cause, ssl.SSLError):  # its number is none of the system's
        return f"no TLS that can be trusted ({cause.reason or cause})"
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
        return os.strerror(cause.errno)
    return str(getattr(cause, "strerror", None) or cause)


def _cause(error: Exception) -> Exception:
    return error.os_error if isinstance(error, ClientConnectorError) else error
