"""Each of the ways in which hand-written servers are known to fail a caller has a test: here by the number that begins its
docstring, elsewhere by the marker `failure`. One that is expected to fail does not count."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from failures import FAILURES

TESTS = Path(__file__).parents[1]

Test = ast.FunctionDef | ast.AsyncFunctionDef


def written_in(path: Path) -> Iterator[Test]:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, Test) and node.name.startswith("test_"):
            yield node


def is_expected_to_fail(test: Test) -> bool:
    return any(ast.unparse(decorator).startswith("pytest.mark.xfail") for decorator in test.decorator_list)


def numbers_in_docstring(test: Test) -> list[int]:
    return [int(number) for number in re.findall(r"\bB(\d+):", ast.get_docstring(test) or "")]


def numbers_of_markers(test: Test) -> list[int]:
    calls = [decorator for decorator in test.decorator_list if isinstance(decorator, ast.Call)]
    failures = [call for call in calls if ast.unparse(call.func) == "pytest.mark.failure"]
    return [int(ast.literal_eval(argument)) for call in failures for argument in call.args]


def shown() -> dict[int, list[str]]:
    """The tests that hold, by the number of the failure."""
    found: dict[int, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for test in written_in(path):
            if is_expected_to_fail(test):
                continue
            numbers = numbers_of_markers(test)
            if path.parent == Path(__file__).parent:
                numbers += numbers_in_docstring(test)
            for number in numbers:
                found.setdefault(number, []).append(f"{path.relative_to(TESTS).as_posix()}::{test.name}")
    return found


FOUND = shown()


@pytest.mark.parametrize("number", FAILURES)
def test_each_failure_is_shown_not_to_happen(number: int) -> None:
    assert FOUND.get(number), f"no test shows that this does not happen: {FAILURES[number]}"


def test_no_test_is_named_after_a_failure_that_is_not_in_the_table() -> None:
    assert FOUND.keys() <= FAILURES.keys()


@pytest.mark.parametrize(
    "path", sorted(set(Path(__file__).parent.glob("test_*.py")) - {Path(__file__)}), ids=lambda path: path.name
)
def test_each_test_of_this_folder_begins_with_its_number(path: Path) -> None:
    for test in written_in(path):
        assert re.match(r"B\d+: ", ast.get_docstring(test) or ""), test.name
