"""What a distribution requires of Rejoinder, held against the Rejoinder that runs.

Enough of the version specifiers of PEP 440 for one question, without a dependency: releases are compared number by number.
A requirement that this cannot read (an environment marker, a direct reference, a pre-release) is taken as met: pip read it
when the distribution was installed, and a plugin is not refused on a guess.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)\s*(?:\[[^\]]*\])?\s*\(?(?P<clauses>[^;()]*)\)?\s*(?P<marker>;.*)?$")
_CLAUSE = re.compile(r"(?P<operator>~=|===?|!=|<=|>=|<|>)\s*(?P<release>\d+(?:\.\d+)*)(?P<prefix>\.\*)?$")
_RELEASE = re.compile(r"\d+(?:\.\d+)*")


@dataclass(frozen=True, slots=True)
class Unmet:
    """A requirement that our version does not meet: as it is written, and whether a newer version of ours would meet it."""

    wanted: str
    ours_is_older: bool


def unmet(requirements: Sequence[str], name: str, version: str) -> Unmet | None:
    """What of `requirements` (lines of `Requires-Dist`) `version` of the distribution `name` does not meet."""
    ours = _RELEASE.match(version)
    if ours is None:
        return None
    for line in requirements:
        found = _REQUIREMENT.match(line.strip())
        if found is None or found["marker"] or _canonical(found["name"]) != _canonical(name):
            continue
        for clause in found["clauses"].split(","):
            comparison = _clause(clause.strip(), ours[0])
            if comparison is not None:
                return Unmet(found["clauses"].strip().replace(" ", ""), ours_is_older=comparison < 0)
    return None


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _clause(clause: str, ours: str) -> int | None:
    """None if `ours` meets the clause (or it cannot be read), else how ours compares: below 0 = older than the one named."""
    found = _CLAUSE.match(clause)
    if found is None:
        return None
    named = found["release"].split(".")
    order = _compare(ours.split("."), named)
    same_series = _compare(ours.split(".")[: len(named)], named) == 0
    met = {
        "~=": order >= 0 and _compare(ours.split(".")[: len(named) - 1], named[:-1]) == 0,
        "==": same_series if found["prefix"] else order == 0,
        "===": order == 0,
        "!=": not (same_series if found["prefix"] else order == 0),
        "<=": order <= 0,
        ">=": order >= 0,
        "<": order < 0,
        ">": order > 0,
    }
    return None if met[found["operator"]] else order


def _compare(left: Sequence[str], right: Sequence[str]) -> int:
    pairs = [(int(mine), int(theirs)) for mine, theirs in zip_longest(left, right, fillvalue="0")]
    return next((1 if mine > theirs else -1 for mine, theirs in pairs if mine != theirs), 0)
