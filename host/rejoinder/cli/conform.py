"""Ask of a response system what authors of plugins get wrong, by real calls on the host's own machinery.

NAME is an installed one, or one given by --plugin. Nothing is served and no platform is needed; most systems are through in a
second. A system that asks a server elsewhere needs its options, and takes real time.

Exit code 0: no check failed, 1: one did, or the system cannot be loaded with these options, 2: the command line is wrong."""

import argparse
import contextlib
import difflib
import faulthandler
import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rejoinder.cli.files import add_plugins
from rejoinder.cli.words import complain, count, say, say_json

if TYPE_CHECKING:
    from rejoinder.conformance.check import Verdict
    from rejoinder.conformance.suite import Suite

HELP = "ask of a response system what authors of plugins get wrong"

_USAGE = 2
#: Seconds without a word from this thread, after which the process is ended from outside Python and tells where each thread is
#: then: what holds the interpreter lock for ever (a pattern that runs wild, code in C) stops everything else. Imports may take
#: long.
STUCK = 20.0
STUCK_IN_AN_IMPORT = 60.0


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="a response system, as YAML names it, or a .py file with its hook"
    )
    parser.add_argument("--options", type=Path, metavar="FILE", help="a YAML file with its options, ${NAME} allowed")
    parser.add_argument(
        "-o",
        action="append",
        default=[],
        type=_option,
        metavar="KEY=VALUE",
        help="one option, its value as in YAML (may be repeated; wins over the file)",
    )
    parser.add_argument(
        "--says", action="append", default=[], metavar="TEXT", help="what a caller says (may be repeated), so that tools run"
    )
    parser.add_argument("--only", action="append", default=[], metavar="CHECK", help="play this check (may be repeated)")
    parser.add_argument("--real-time", action="store_true", help="take the time that calls take")
    parser.add_argument("--list", action="store_true", help="list the checks and what they ask, and play none")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    add_plugins(parser)


def _option(text: str) -> tuple[str, Any]:
    import yaml

    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE, such as begin=Hello or max_tokens=100")
    try:
        return key, yaml.safe_load(value) if value else ""
    except yaml.YAMLError:
        raise argparse.ArgumentTypeError(f"the value of {key} is not YAML; put it in quotes within quotes: '\"...\"'") from None


def run(given: argparse.Namespace) -> int:
    if fault := _fault(given):
        complain(f"rejoinder: {fault}")
        return _USAGE
    if given.list:
        return _tell_checks(as_json=given.json)
    from rejoinder.errors import ConfigError, RejoinderError
    from rejoinder.observability import configure

    configure("warning")
    try:
        return _play(given, _suite(given))
    except ConfigError as error:
        complain(str(error))
    except (RejoinderError, TypeError) as error:
        complain(f"rejoinder: {error}")
    finally:
        logging.disable(logging.NOTSET)
    return 1


def _fault(given: argparse.Namespace) -> str:
    """What is wrong with the command line, "" if nothing is."""
    from rejoinder.conformance.catalogue import CHECKS

    if given.name is None and not given.list:
        return "which system? name one that 'rejoinder plugins' lists, or give it by --plugin NAME=FILE"
    names = [one.name for one in CHECKS]
    for name in given.only:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            return f"there is no check {name}: {f'did you mean {near[0]}?' if near else 'see rejoinder conform --list'}"
    return ""


def _suite(given: argparse.Namespace) -> "Suite":
    from rejoinder.cli.option_file import read_options
    from rejoinder.conformance.suite import Suite
    from rejoinder.conformance.trial import SAYS

    options = {**(read_options(given.options) if given.options else {}), **dict(given.o)}
    system = dict(given.plugin).get(given.name, given.name)
    tick = partial(_give_up_after, STUCK)
    return Suite(system, {"options": options}, says=given.says or SAYS, is_virtual=not given.real_time, tick=tick)


def _tell_checks(*, as_json: bool) -> int:
    from rejoinder.conformance.catalogue import CHECKS

    if as_json:
        say_json([{"name": one.name, "asks": one.asks, "why": one.why, "remedy": one.remedy} for one in CHECKS])
        return 0
    width = max(len(one.name) for one in CHECKS)
    for one in CHECKS:
        say(f"{one.name:<{width}}  {one.asks}")
    return 0


def _play(given: argparse.Namespace, suite: "Suite") -> int:
    begun, verdicts, out = time.monotonic(), [], sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # plugins print too
        for verdict in _bounded(_verdicts(suite, given.only)):
            verdicts.append(verdict)
            if not given.json:
                out.write(_told(verdict))
                out.flush()
    failed, skipped = (sum(one.outcome == outcome for one in verdicts) for outcome in ("failed", "skipped"))
    if given.json:
        say_json(_in_json(given.name, suite, verdicts))
    else:
        passed = count(len(verdicts) - failed - skipped, "check")
        how = f"in {time.monotonic() - begun:.1f} s{'' if suite.is_virtual else ', in real time'}"
        say(f"{given.name}: {passed} passed, {failed} failed, {skipped} skipped {how}")
    if suite.left_behind:
        out.flush()
        os._exit(1)  # what is left behind would hold up the end
    return 1 if failed else 0


def _verdicts(suite: "Suite", only: Sequence[str]) -> "Iterator[Verdict]":
    suite.load()  # an import that takes long is told in the log
    logging.disable(logging.CRITICAL)  # what a system does wrong is told once, by the check that looked for it
    yield from suite.verdicts(only)


def _bounded(verdicts: "Iterator[Verdict]") -> "Iterator[Verdict]":
    """The same; the whole process is ended if it is stuck."""
    try:
        _give_up_after(STUCK_IN_AN_IMPORT)
        for verdict in verdicts:
            yield verdict
            _give_up_after(STUCK_IN_AN_IMPORT)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _give_up_after(seconds: float) -> None:
    """If nobody says otherwise before."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__ or sys.stderr)


def _told(verdict: "Verdict") -> str:
    outcome = verdict.outcome.upper() if verdict.outcome == "failed" else verdict.outcome
    return f"{outcome:<7}  {verdict.seconds:5.2f} s  " + str(verdict).replace("\n", f"\n{'':<18}") + "\n"


def _in_json(name: str, suite: "Suite", verdicts: "list[Verdict]") -> dict[str, Any]:
    return {
        "system": name,
        "ok": all(one.outcome != "failed" for one in verdicts),
        "real_time": not suite.is_virtual,
        "checks": [
            {
                "name": one.check.name,
                "outcome": one.outcome,
                "seconds": round(one.seconds, 3),
                "seen": one.seen,
                "asks": one.check.asks,
                "why": one.check.why,
                "remedy": one.check.remedy,
            }
            for one in verdicts
        ],
    }
