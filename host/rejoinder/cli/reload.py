"""Let the running server read its file again, and say what came of it.

A file with problems changes nothing: they are printed, and the exit code is 1. The server is the one at the address that FILE
says, or --url. It takes orders from its own machine, and from elsewhere with its server.admin_token."""

import argparse
import json

from rejoinder.cli.running import NoAnswer, add_address, running
from rejoinder.cli.words import complain, count, say

HELP = "let the running server read its file again"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_address(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def run(given: argparse.Namespace) -> int:
    try:
        server = running(given, "reload")
        if server is None:
            return 1
        _, outcome = server.order("/admin/reload")
    except NoAnswer as error:
        outcome = {"ok": False, "error": str(error)}
    if given.json:
        say(json.dumps(outcome, ensure_ascii=False))
    else:
        _tell(outcome)
    return 0 if outcome.get("ok") else 1


def _tell(outcome: dict[str, object]) -> None:
    if outcome.get("ok"):
        say(f"reloaded: generation {outcome['generation']}, {count(int(str(outcome['routes'])), 'route')}")
        for path in _texts(outcome.get("broken")):
            complain(f"broken: {path}, see the server's log")
        return
    problems = _texts(outcome.get("problems"))
    for problem in problems:
        complain(problem)
    if problems:
        complain(f"refused: {count(len(problems), 'problem')}; generation {outcome.get('generation')} stays in force")
    else:
        complain(f"rejoinder: {outcome.get('error', 'not reloaded')}")


def _texts(found: object) -> list[str]:
    return [str(one) for one in found] if isinstance(found, list) else []
