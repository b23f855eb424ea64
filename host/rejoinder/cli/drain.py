"""Let the running server end its calls, then stop: new ones are refused, live ones go on to their end.

Tells how many are left until it is over; Ctrl-C ends only the telling. The exit code is 1 if calls had to be dropped, because
`server.drain` ran out or somebody forced it. The server is the one at the address that FILE says, or --url. It takes orders
from its own machine, and from elsewhere with its server.admin_token."""

import argparse
import json
from typing import Any

from rejoinder.cli.running import NoAnswer, Running, add_address, running
from rejoinder.cli.words import complain, count, say

HELP = "let the running server end its calls, then stop"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_address(parser)
    parser.add_argument("--no-wait", action="store_true", help="leave as soon as the server drains, and do not look on")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end instead of text")


def run(given: argparse.Namespace) -> int:
    try:
        server = running(given, "drain")
        if server is None:
            return 1
        outcome = _order(server) if given.no_wait else _follow(server, tell=not given.json)
    except NoAnswer as error:
        outcome = {"ok": False, "error": str(error)}
        if not given.json:
            complain(f"rejoinder: {error}")
    if given.json:
        say(json.dumps(outcome, ensure_ascii=False))
    elif given.no_wait and outcome["ok"]:
        say(f"draining: {left(outcome)}")
    return 0 if outcome["ok"] else 1


def _order(server: Running) -> dict[str, Any]:
    return {"ok": True, **_began(*server.order("/admin/drain?wait=no"))}


def _follow(server: Running, *, tell: bool) -> dict[str, Any]:
    """Look on to the end. Raises NoAnswer if the server is lost before it has said how it ended."""
    told, now = "", dict[str, Any]()
    for status, content in server.follow("/admin/drain"):
        now = _began(status, content)
        if now["dropped"] is None and tell and (line := f"draining: {left(now)}") != told:
            told = line
            say(told)
    if now.get("dropped") is None:
        raise NoAnswer(f"{server} was lost before it said how the drain ended")
    if tell:
        _tell_the_end(now)
    return {"ok": not now["dropped"], **now}


def _began(status: int, content: dict[str, Any]) -> dict[str, Any]:
    if status >= 300 or "calls" not in content:
        raise NoAnswer(str(content.get("error") or f"the server answered with HTTP {status}"))
    return content


def _tell_the_end(now: dict[str, Any]) -> None:
    if now["dropped"]:
        complain(f"stopped after {now['seconds']:g} s; dropped, so that their platforms dial again: {left(now, 'dropped')}")
    else:
        say(f"drained in {now['seconds']:g} s")


def left(now: dict[str, Any], key: str = "calls") -> str:
    """The calls of a step of the drain, in words."""
    waiting = f", and {now['waiting']} waiting for a redial" if now["waiting"] and key == "calls" else ""
    return f"{count(now[key], 'call')}{waiting}" + (" left" if key == "calls" else "")
