"""Connections that ask for nothing are closed after a while, and at once when there are too many."""

import logging

import pytest
from aiohttp import ClientConnectionResetError

from rejoinder.arrivals import HANDSHAKE, MOST_WAITING, TELL_EVERY, Arrivals, ServerLog


class Line:
    """A connection."""

    closed = False

    def force_close(self) -> None:
        self.closed = True


class Entrance:
    """Arrivals with a clock of their own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.arrivals = Arrivals(lambda: self.now)

    def look(self, lines: list[Line], after: float = 0.0) -> list[Line]:
        """Let time pass, look, and see who is left."""
        self.now += after
        self.arrivals.look(lines)
        return [line for line in lines if not line.closed]


def test_a_connection_has_ten_seconds_to_ask() -> None:
    entrance, lines = Entrance(), [Line(), Line()]
    entrance.look(lines)
    assert entrance.look(lines, HANDSHAKE - 0.1) == lines
    entrance.arrivals.asked(lines[0])
    assert entrance.look(lines, 0.1) == lines[:1]
    assert entrance.look(lines[:1], 3600) == lines[:1]


def test_the_oldest_make_room_when_there_are_too_many() -> None:
    entrance, old = Entrance(), [Line() for _ in range(10)]
    entrance.look(old)
    lines = old + [Line() for _ in range(MOST_WAITING)]
    assert entrance.look(lines, 1) == lines[10:]


def test_connections_that_are_gone_are_forgotten() -> None:
    entrance, lines = Entrance(), [Line(), Line()]
    entrance.arrivals.asked(lines[0])
    entrance.look(lines)
    entrance.look([])
    assert not entrance.arrivals._asked
    assert not entrance.arrivals._since


def test_many_of_them_are_one_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    entrance = Entrance()
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            lines = [Line() for _ in range(100)]
            entrance.look(lines)
            entrance.look(lines, HANDSHAKE)
        entrance.look([], TELL_EVERY)
    assert [record.getMessage() for record in caplog.records] == [
        "connections that asked for nothing were closed: 100",
        "connections that asked for nothing were closed: 400",
    ]


def test_who_has_gone_is_nobodys_fault_but_a_refused_connection_is_ours(caplog: pytest.LogCaptureFixture) -> None:
    server_log = ServerLog(logging.getLogger("server"), ValueError, Entrance().arrivals.malformed)
    refused = ConnectionRefusedError("we dialled somebody who does not answer")
    ours = ConnectionError("somebody of ours gave up")
    gone = (ConnectionResetError(), BrokenPipeError(), ConnectionAbortedError(), ClientConnectionResetError())
    for fault in (*gone, refused, ours):
        server_log.exception("Error handling request", exc_info=fault)
    told = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert told == [refused, ours]


def test_what_is_no_request_is_counted_and_a_fault_of_ours_is_logged_whole(caplog: pytest.LogCaptureFixture) -> None:
    entrance, ours = Entrance(), KeyError("ours")
    server_log = ServerLog(logging.getLogger("server"), ValueError, entrance.arrivals.malformed)
    for fault in (ValueError("GET /secret"), ConnectionResetError(), ValueError("GET /other"), ours):
        server_log.exception("Error handling request from %s", "192.0.2.1", exc_info=fault)
    for _ in range(2):
        entrance.look([], TELL_EVERY)
    assert [record.getMessage() for record in caplog.records] == [
        "Error handling request from 192.0.2.1",
        "requests that were not HTTP were refused: 2",
    ]
    assert caplog.records[0].exc_info is not None
    assert caplog.records[0].exc_info[1] is ours
