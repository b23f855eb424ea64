"""One file of YAML while it is read: where problems are collected."""

from dataclasses import dataclass, field
from pathlib import Path

from rejoinder.config.sources import Sources
from rejoinder.config.tree import Mark, Node, Origin, problem_at
from rejoinder.errors import Problem


@dataclass(slots=True, eq=False)
class Unit:
    """The main file (`part` "") or an included one, with the problems that are its own fault.

    `path` is both what is opened and what is shown: the main file as the user typed it, the others relative to its folder.
    """

    path: Path
    sources: Sources
    part: str = ""
    problems: list[Problem] = field(default_factory=list)
    _told: set[tuple[str, int, int, str]] = field(default_factory=set)
    root: Origin | None = None

    def problem(self, mark: Mark, where: str, what: str, remedy: str = "") -> None:
        self.add(problem_at(mark, where, what, remedy))

    def add(self, problem: Problem) -> None:
        """Keep a problem, once: what several agents inherit is wrong in one place."""
        same = (problem.file, problem.line, problem.column, problem.what)
        if same not in self._told:
            self._told.add(same)
            self.problems.append(problem)

    def full(self, name: str) -> str:
        """The name that other files use for one of this file."""
        return f"{self.part}/{name}" if self.part else name

    def folder_of(self, node: Node) -> Path:
        """What file names written in the node are relative to."""
        return Path(node.mark.file).parent
