"""How connections end: that the server answers pings, closes nothing while the call lives, and would notice a dead line.

Source of the rules: docs.retellai.com, "Set up your server" and "Troubleshooting", read 2026-11. What a scenario does to a
connection is not the server's fault.
"""

from collections.abc import Iterator

from rejoinder.simulator.journal import DEAD, ODD, Entry, Journal
from rejoinder.simulator.judging.findings import FaultName, Finding

#: A connection that ends so many seconds after an odd frame ended by it.
SOON = 2.0
#: Seconds for an answer to a ping ("Set up your server"), and what it is called in either direction.
LATE, PING = 5.0, "ping_pong"
#: Seconds for the first frame of a server: what is lost before could not ask for anything.
FIRST_FRAME = 1.0
#: The close code of a frame that is too big (RFC 6455, section 7.4.1).
TOO_BIG = "1009"
#: Closes of other kinds: a hang-up, and the platform's own answer to bytes ("Troubleshooting").
HUNG_UP, NOT_TEXT = "1000", "1007"


def bad_endings(journal: Journal) -> Iterator[Finding]:
    """What a server does to its connections that no server should."""
    harms = [entry.at for entry in journal.of("fault") if not entry.text.startswith(ODD)]
    for entry in journal.of("lost", "closed", "keepalive_lost"):
        if any(at <= entry.at for at in harms):
            continue
        if entry.what == "keepalive_lost":
            yield _unanswered(journal, entry)
        elif odd := _odd_before(journal, entry):
            yield _found("odd_frame_ends_it", f"the server ends the connection ({entry.text}) for {odd.text}", entry)
        elif entry.what == "lost":
            yield _found("lost_connection", "the server lost the connection without a word (1006)", entry)
        elif entry.text == TOO_BIG:
            yield _found("frame_too_big", "the server takes no frame of that size and closes the socket (1009)", entry)
        elif entry.text == NOT_TEXT:
            yield _found("binary_frame", "the server sends bytes, for which the platform closes the socket (1007)", entry)
        elif entry.text != HUNG_UP:
            yield _found("closed_socket", f"the server closes the socket of a live call with {entry.text}", entry)
    yield from _late_pongs(journal, harms)
    yield from _hung_up(journal)
    yield from _unnoticed(journal)


def _found(fault: FaultName, what: str, entry: Entry) -> Finding:
    return Finding("protocol_clean", what, entry.at, entry.turn, fault=fault)


def _odd_before(journal: Journal, ended: Entry) -> Entry | None:
    odd = [entry for entry in journal.of("fault") if entry.text.startswith(ODD) and 0 <= ended.at - entry.at <= SOON]
    return odd[-1] if odd else None


def _unanswered(journal: Journal, entry: Entry) -> Finding:
    """Why pings were not answered, as far as it shows from outside: what else came meanwhile, and what the server was asked."""
    what = f"the server does not answer pings: {entry.text or 'nothing came'}"
    connected = max((one.at for one in journal.of("dialled", "redialled") if one.at < entry.at), default=0.0)
    came = [one for one in journal.of("received") if connected <= one.at <= entry.at]
    pongs = [one.at for one in came if (one.frame or {}).get("response_type") == PING]
    since = pongs[-1] if pongs else connected
    asked = [turn for turn in journal.turns if turn.asked_at <= entry.at and not _closed_by(turn.completed_at, since)]
    turn = asked[-1] if asked and asked[-1].kind != "begin" else None
    if turn is None or not pongs:
        return _found("pings_unanswered", what, entry)
    if any(one.at > since for one in came):
        return _found(
            "deaf_while_answering", f"{what}, while it answers turn {turn.number}: does its loop wait for that?", entry
        )
    told = f"{what}, and nothing else came since turn {turn.number} was asked for: is its event loop blocked?"
    return _found("stands_still", told, entry)


def _late_pongs(journal: Journal, harms: list[float]) -> Iterator[Finding]:
    """The worst of them, if it is one: a platform may count the seconds from the ping."""
    pings: dict[object, float] = {}
    worst: tuple[float, Entry] | None = None
    for entry in journal.of("sent", "received"):
        frame = entry.frame or {}
        if PING not in (frame.get("interaction_type"), frame.get("response_type")):
            continue
        if entry.what == "sent":
            pings[frame["timestamp"]] = entry.at
        elif (took := entry.at - pings.get(frame.get("timestamp"), entry.at)) > max(LATE, worst[0] if worst else 0.0):
            worst = took, entry
    if worst and not any(at <= worst[1].at for at in harms):
        yield _found("late_pongs", f"a ping was answered after {worst[0]:.1f} s: what stands before it in the loop?", worst[1])


def _closed_by(completed: float | None, at: float) -> bool:
    return completed is not None and completed <= at


def _hung_up(journal: Journal) -> Iterator[Finding]:
    if journal.reason == "agent_hangup" and not journal.of("hang_up", "transfer"):
        what = (
            "the server hung up by closing the socket with 1000, as a handler does that returns; end_call is the way to do it"
        )
        yield Finding("protocol_clean", what, journal.ended_at, fault="hung_up_by_closing")


def _unnoticed(journal: Journal) -> Iterator[Finding]:
    """A line that died, and no keepalive by which anybody could notice."""
    asked_for_it, due = False, 0.0
    for entry in journal.of("dialled", "redialled", "configured", "fault"):
        if "dialled" in entry.what:
            due = entry.at + FIRST_FRAME
        asked_for_it |= entry.what == "configured" and "auto_reconnect" in entry.text
        if entry.text == DEAD and entry.at >= due and not asked_for_it:
            yield _found(
                "no_keepalive", "the line is dead and nobody notices: the server did not ask for auto_reconnect", entry
            )
