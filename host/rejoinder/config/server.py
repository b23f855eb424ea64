"""`server:` of the main file."""

import ipaddress
import re
from typing import TypedDict
from urllib.parse import urlsplit

from rejoinder.config.access import read_proxies
from rejoinder.config.durations import read_duration
from rejoinder.config.keys import SERVER
from rejoinder.config.shape import ServerConfig
from rejoinder.config.value import Value

LATER = frozenset({"workers"})
#: Longer ones are a slip: Retell's own longest call is two hours.
LONGEST_DRAIN = 86400.0
SHORTEST_TOKEN = 16
_TOKEN = re.compile(r"[!-~]+\Z")
_MAKE_ONE = "openssl rand -hex 24 makes a good one"
_SCHEMES = ("https", "wss", "http", "ws")
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._\-]*[A-Za-z0-9])?\Z")


class _Stopping(TypedDict):
    drain: float
    admin_token: str
    reuse_port: bool


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on `host`."""
    address = _address(host.strip("[]").partition("%")[0])
    return address.is_loopback if address else host.lower() == "localhost"


def read_server(value: Value | None) -> ServerConfig:
    """The server's settings; what is wrong is reported and left at its default."""
    default = ServerConfig()
    if value is None or not value.table(SERVER, LATER):
        return default
    host, port = value.given("host"), value.given("port")
    url, watch = value.given("public_url"), value.given("watch")
    return ServerConfig(
        (_host(host) if host else None) or default.host,
        default.port if port is None or (number := port.single(SERVER["port"])) is None else int(number),
        (_url(url) if url else None) or default.public_url,
        watch.flag() if watch else None,
        **_stopping(value),
        trusted_proxies=read_proxies(value),
        recordings=_folder(value) or default.recordings,
    )


def _folder(server: Value) -> str | None:
    value = server.given("recordings")
    text = value.text() if value else None
    if value is not None and text is not None and not text.strip():
        value.wrong("no folder is named", "write its path, relative to this file, or leave the key out")
        return None
    return text


def _stopping(value: Value) -> _Stopping:
    """How the server stops and hands over, and who may tell it to."""
    default = ServerConfig()
    drain, token, reuse = value.given("drain"), value.given("admin_token"), value.given("reuse_port")
    limit = read_duration(drain, 0.0, LONGEST_DRAIN) if drain else None
    return {
        "drain": default.drain if limit is None else limit,
        "admin_token": (_token(token) if token else None) or default.admin_token,
        "reuse_port": bool(reuse.flag()) if reuse else default.reuse_port,
    }


def _token(value: Value) -> str | None:
    """A secret that is shown in a header."""
    text = value.text()
    if text and not _TOKEN.match(text):
        value.wrong("a token is shown in a header and cannot hold such characters", f"letters and digits; {_MAKE_ONE}")
    elif text and len(text) < SHORTEST_TOKEN:
        value.wrong("the token is too short to be safe", f"give it {SHORTEST_TOKEN} characters or more; {_MAKE_ONE}")
    else:
        return text
    return None


def is_host(text: str) -> bool:
    """Whether the text has the form of an address or a name that a server can bind to."""
    return _HOST.match(text) is not None or _address(text) is not None


def _host(value: Value) -> str | None:
    text = value.text()
    if text is None or is_host(text):
        return text
    value.wrong("not a host", "write an address or a name to bind to: 127.0.0.1, 0.0.0.0, ::1, localhost")
    return None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _url(value: Value) -> str | None:
    text = value.text()
    if not text:
        return text
    try:
        parts = urlsplit(text)
        right = parts.scheme in _SCHEMES and bool(parts.hostname) and not parts.query and not parts.fragment
        _ = parts.port
    except ValueError:
        right = False
    if right and not re.search(r"\s", text):
        return text.rstrip("/")
    value.wrong("not a URL that platforms can dial", "write it as https://voice.example.com, without ? and #")
    return None
