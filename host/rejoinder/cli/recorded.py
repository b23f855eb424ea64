"""Recorded calls among what `rejoinder simulate` is given: held to what was said then, or written as a file of scenarios."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rejoinder.cli.words import complain, count, say

if TYPE_CHECKING:
    from rejoinder.simulator.scenarios.reading import Read
    from rejoinder.simulator.scenarios.scenario import Scenario


def add_recorded(parser: argparse.ArgumentParser) -> None:
    """The flags."""
    parser.add_argument("--strict", action="store_true", help="fail a recorded call in which the agent says or does otherwise")
    parser.add_argument("--save", type=Path, metavar="F", help="write the recorded calls as scenarios to F, and play nothing")


def scenarios_of(read: "Read", *, is_strict: bool) -> "Sequence[Scenario]":
    """What is to be played; tells what is not."""
    for problem in read.skipped:
        say(f"skipped  {problem.file}: {problem.what}")
    if not is_strict:
        return read.scenarios
    return [replace(one, past=replace(one.past, is_binding=True)) if one.past else one for one in read.scenarios]


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def save(path: Path, scenarios: "Sequence[Scenario]") -> int:
    """Write the recorded ones of these as a file that was not there before; the exit code."""
    from rejoinder.simulator.scenarios.scenario_text import text_of

    recorded = [one for one in scenarios if one.past]
    if not recorded:
        complain("rejoinder: --save writes recorded calls, and there is none with words among these")
        return 1
    try:
        with open(path, "x", encoding="utf-8", opener=_for_its_owner) as file:
            file.write(text_of(recorded))
    except FileExistsError:
        complain(f"rejoinder: {path} is there already, and is not touched")
        return 1
    except OSError as error:
        complain(f"rejoinder: {path} cannot be written: {error.strerror}")
        return 1
    say(f"{count(len(recorded), 'scenario')} written to {path}; they hold what was said: keep them as the recordings are kept")
    return 0
