"""`server:` of the main file."""

import ipaddress
import re
from urllib.parse import urlsplit

from rejoinder.config.access import read_proxies
from rejoinder.config.keys import SERVER
from rejoinder.config.shape import ServerConfig
from rejoinder.config.value import Value

LATER = frozenset({"admin_token", "drain", "workers"})
_SCHEMES = ("https", "wss", "http", "ws")
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._\-]*[A-Za-z0-9])?\Z")


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
        trusted_proxies=read_proxies(value),
    )


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
