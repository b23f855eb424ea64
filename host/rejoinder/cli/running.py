"""A server that runs: where it is, what shows that we may give it orders, and what it answers."""

import argparse
import http.client
import json
import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rejoinder.cli.files import add_file, chosen_file

#: Where the token is looked for that `--token` does not give: an argument can be read by every user of the machine.
TOKEN = "REJOINDER_ADMIN_TOKEN"  # noqa: S105  its name
#: Seconds to wait for the next piece of an answer: a reload may open agents, up to twenty each; a drain speaks up every ten.
PATIENCE = 90.0

_SECURE = {"http": False, "ws": False, "https": True, "wss": True}
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  only compared


class NoAnswer(Exception):
    """The order was not carried out, or nobody knows; the text says why in one sentence."""


def add_address(parser: argparse.ArgumentParser) -> None:
    add_file(parser)
    parser.add_argument("--url", help="the running server (default: http:// and server.host and server.port of FILE)")
    parser.add_argument(
        "--token", help=f"its server.admin_token; from this machine none is needed (default: ${TOKEN}, then what FILE says)"
    )


@dataclass(frozen=True, slots=True)
class Running:
    """A server by its address; `base` stands before the path of every page."""

    host: str
    port: int | None
    secure: bool
    base: str = ""
    token: str = ""

    def order(self, path: str) -> tuple[int, dict[str, Any]]:
        """Give an order: the status and the first JSON object that comes back. Raises NoAnswer."""
        for answer in self.follow(path):
            return answer
        raise NoAnswer(f"{self} answered nothing")

    def follow(self, path: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Give an order: the status and each JSON object that comes back, as it comes. Raises NoAnswer."""
        link = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        connection = link(self.host, self.port, timeout=PATIENCE)
        try:
            connection.request(
                "POST", self.base + path, headers={"Authorization": f"Bearer {self.token}"} if self.token else {}
            )
            answer = connection.getresponse()
            for line in iter(answer.readline, b""):
                yield answer.status, _decoded(line, answer.status, self)
        except TimeoutError:
            raise NoAnswer(f"{self} does not answer") from None
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"{self}: {_reason(error)}") from error
        finally:
            connection.close()

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"{'https' if self.secure else 'http'}://{host}{port}{self.base}"


def running(given: argparse.Namespace, command: str) -> Running | None:
    """The server that is meant; None, with the remedy said, if there is no file to read its address from. Raises NoAnswer for
    what is no address."""
    token = given.token or os.environ.get(TOKEN, "")
    if given.url is not None:  # "" is that of a variable that was not set, and no wish to order another server about
        return _at(given.url, token)
    path = chosen_file(given, command)
    return None if path is None else _of(path, token)


def _at(url: str, token: str) -> Running:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme in _SECURE and parts.hostname and parts.port != 0:
            return Running(parts.hostname, parts.port, _SECURE[parts.scheme], parts.path.rstrip("/"), token)
    except ValueError:
        pass
    raise NoAnswer(f"{url!r} is a malformed URL: expected one such as http://127.0.0.1:8080")


def _of(path: Path, token: str) -> Running:
    """The address in a file, even if there is something else wrong with it: a file is reloaded because it was edited."""
    from rejoinder.config import load

    loaded = load(path, start=True)
    config = loaded.config or loaded.legible
    if config is None:
        problems = "\n".join(str(problem) for problem in loaded.problems)
        raise NoAnswer(f"{problems}\nthe server's address cannot be read from {path}: give it with --url")
    server = config.server
    if not server.port:
        raise NoAnswer(f"{path} leaves the port to the system: give the server's address with --url")
    host = server.host.strip("[]")
    return Running(_ANY.get(host, host), server.port, secure=False, token=token or server.admin_token)


def _decoded(line: bytes, status: int, server: Running) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except ValueError:
        content = None
    if isinstance(content, dict):
        return content
    raise NoAnswer(f"{server} answered with HTTP {status}, which is no server of ours that takes orders")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"no TLS that can be trusted ({error.reason or error})"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    return str(error) or type(error).__name__
