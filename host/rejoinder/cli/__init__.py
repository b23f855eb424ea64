"""The command `rejoinder`: one file for each sub-command, imported when it is used.

Exit codes: 0 all is well, 1 what was asked for is wrong or failed (a broken file, an unreachable server), 2 the command line
itself is wrong.
"""

import argparse
import errno
import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

TEACH = """\
Rejoinder answers voice platforms: it serves agents that a YAML file names, each on a route of its own.

  rejoinder init                  write a commented rejoinder.yaml here
  rejoinder serve                 serve it (or config/rejoinder.yaml) and print the URLs to paste
  rejoinder chat /llm-websocket   talk to an agent in this terminal
  rejoinder check                 report everything that is wrong with the file
  rejoinder simulate calls.yaml   play calls as a platform does, and judge what the agent does
  rejoinder new shout             make the package of a plugin of your own
  rejoinder conform shout         ask of a plugin what authors get wrong

'rejoinder COMMAND --help' tells more of each."""

Command = Callable[[argparse.Namespace], int]
#: What a disk says that takes no more.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
COMMANDS = ("serve", "check", "chat", "reload", "drain", "plugins", "schema", "init", "new", "conform", "simulate", "calls")


def parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The command line with these commands. Each one's module offers HELP, `arguments(parser)` and `run(namespace)`."""
    root = argparse.ArgumentParser(prog="rejoinder", description=TEACH, formatter_class=argparse.RawDescriptionHelpFormatter)
    root.add_argument("--version", action="store_true", help="print the version and leave")
    commands = root.add_subparsers(title="commands", metavar="COMMAND")
    for name in names:
        module = import_module(f"rejoinder.cli.{name}")
        sub = commands.add_parser(
            name, help=module.HELP, description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.arguments(sub)
        sub.set_defaults(run=module.run)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    _mend_streams()
    try:
        code = _run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # who read the output has seen enough, as in `rejoinder schema | head`
        _give_up_output()
    except OSError as error:
        if error.filename is not None or error.errno not in _FULL:
            raise
        _give_up_output()
        sys.stderr.write(f"rejoinder: the output cannot be written: {error.strerror}\n")
    else:
        return code
    return 1


def _run(words: Sequence[str]) -> int:
    root = parser(words[:1] if words[:1] and words[0] in COMMANDS else COMMANDS)  # a start imports no other command
    given = _parsed(root, words)
    if given.version:
        from importlib.metadata import version

        sys.stdout.write(f"rejoinder {version('rejoinder')}\n")
        return 0
    run: Command | None = getattr(given, "run", None)
    if run is None:
        root.print_help()
        return 0
    return run(given)


def _parsed(root: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """The command line. argparse takes a last word that may be left out for absent if a flag stands before it, as in
    `calls list --json recordings`: a command that has such a one names it as `last_word`."""
    given, left = root.parse_known_args(words)
    name = getattr(given, "last_word", "")
    if len(left) == 1 and not left[0].startswith("-") and name and getattr(given, name) is None:
        setattr(given, name, Path(left.pop()))
    if left:
        root.error(f"unrecognized arguments: {' '.join(left)}")
    return given


def _give_up_output() -> None:
    """Or the interpreter complains when it flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _mend_streams() -> None:
    """Whatever surrounds us: what is written to a closed stream goes nowhere, and a letter that an encoding lacks is written as
    its code."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115  until the process ends
        elif name == "stdout" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
