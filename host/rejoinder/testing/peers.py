"""Whether whom a loop has dialled is on that loop too: told from what its selector was given.

Who has dialled the loop is no matter: it plays the other side, and is waited for by nobody.
"""

import os
import selectors
import socket
import stat
from collections.abc import Iterable


class Peers:
    """Told of every file descriptor that is registered; `elsewhere` then says what leads off the loop.

    Names are kept after a connection is gone: a transport that pauses is taken out of the selector and is on the loop all the
    same.
    """

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._doors: set[str] = set()  # the ports and paths on which the loop listens
        self._pipes: dict[int, set[int]] = {}  # by inode, which both ends of a pipe share: the descriptors

    def registered(self, descriptor: int) -> None:
        """This one is on the loop."""
        if (found := _socket(descriptor)) is not None:
            name = _words(found.getsockname())
            self._names.add(name)
            if _listens(found):
                self._doors.add(_door(name))
            found.detach()
        elif pipe := _pipe(descriptor):
            self._pipes.setdefault(pipe, set()).add(descriptor)

    def elsewhere(self, keys: Iterable[selectors.SelectorKey]) -> str:
        """A peer that is not on the loop, in words; "" if all are, as far as can be told."""
        for key in keys:
            if (found := _socket(key.fd)) is not None:
                peer = self._dialled(found)
                found.detach()
                if peer and peer not in self._names:
                    return peer
            elif len(self._pipes.get(_pipe(key.fd), ())) == 1:
                return "another process, over a pipe"
        return ""

    def _dialled(self, found: socket.socket) -> str:
        """Whom the loop has dialled by this socket; "" for one that listens, was dialled, or has no other end with a name."""
        if _listens(found) or _door(_words(found.getsockname())) in self._doors:
            return ""
        try:
            return _words(found.getpeername())
        except OSError:  # whom the loop itself plays answers at once
            return "a peer that has not answered yet" if found.type == socket.SOCK_STREAM else ""


def _socket(descriptor: int) -> socket.socket | None:
    """The socket behind a descriptor, to be detached again; None if it is none."""
    try:
        return socket.socket(fileno=descriptor)
    except OSError:
        return None


def _listens(found: socket.socket) -> bool:
    return bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _words(address: object) -> str:
    """An address as a person writes it; "" for the nameless ends of a socket pair."""
    if isinstance(address, tuple):
        host, port = address[:2]
        return f"{host}:{port}"
    return os.fsdecode(address) if isinstance(address, bytes) else str(address or "")


def _door(name: str) -> str:
    """Where connections come in: those to all addresses have one of their own each, and the port in common."""
    return name.rpartition(":")[2]


def _pipe(descriptor: int) -> int:
    """The inode of a pipe, 0 for what is none."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return 0
    return status.st_ino if stat.S_ISFIFO(status.st_mode) else 0
