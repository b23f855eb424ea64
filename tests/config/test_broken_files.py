"""Each broken file says exactly what is wrong with it, whichever of PyYAML's two parsers is installed."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from rejoinder.config import load, show
from rejoinder.config.keys import SERVER

CASES = yaml.safe_load(Path(__file__).with_name("broken.yaml").read_text("utf-8"))
PARSERS = {"fast": yaml.CSafeLoader, "plain": yaml.SafeLoader}


RUNS = [(case, parser) for case in CASES for parser in PARSERS if case.get("parser", parser) == parser]


@pytest.mark.parametrize(("case", "parser"), RUNS, ids=[f"{case['name']}, {parser} parser" for case, parser in RUNS])
def test_a_broken_file_says_what_is_wrong_where_and_what_to_do(
    folder: Any, monkeypatch: pytest.MonkeyPatch, case: dict[str, Any], parser: str
) -> None:
    monkeypatch.setattr("rejoinder.config.parse.FastLoader", PARSERS[parser])
    folder.write({**({"rejoinder.yaml": case["file"]} if "file" in case else {}), **case.get("others", {})})
    loaded = load(Path("rejoinder.yaml"), case.get("environ", {}))
    assert [str(problem) for problem in loaded.problems] == case["problems"]
    assert loaded.config is None
    assert show(loaded) == ""


def test_the_table_is_worth_its_name() -> None:
    assert len(CASES) >= 60
    assert len({case["name"] for case in CASES}) == len(CASES)


def test_the_plain_parser_knows_the_question_mark_in_brackets(folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rejoinder.config.parse.FastLoader", yaml.SafeLoader)
    assert folder.problems("agents:\n  ava: {system: dummy, reminder: [¿Sigue?, Tómese su tiempo.]}\n") == [
        'rejoinder.yaml:2:41: an unquoted text with ? inside [ ] (quote each text: ["...?", "..."])'
    ]


def test_bytes_that_are_no_text_are_a_problem(folder: Any) -> None:
    (folder.path / "rejoinder.yaml").write_bytes(b"\xff\xfe\x00agents")
    problems = load(Path("rejoinder.yaml"), {}).problems
    assert list(map(str, problems)) == ["rejoinder.yaml: the file rejoinder.yaml is not text in UTF-8 (save it as UTF-8)"]


def test_a_folder_is_no_file(folder: Any) -> None:
    assert list(map(str, load(folder.path, {}).problems)) == [f"{folder.path}: {folder.path} is a folder (name a file)"]


def test_a_file_that_never_ends_is_not_read(folder: Any) -> None:
    (folder.path / "rejoinder.yaml").write_text("# " + "x" * (4 * 1024 * 1024))
    assert list(map(str, load(Path("rejoinder.yaml"), {}).problems)) == [
        "rejoinder.yaml: the file rejoinder.yaml is larger than 4 MiB (is it the right file?)"
    ]
    assert "not an ordinary file" in str(load(Path("/dev/zero"), {}).problems[0])


def test_the_file_is_shown_as_the_user_typed_it(folder: Any) -> None:
    folder.write({"config/rejoinder.yaml": "include: [c/*.yaml]\nvars: [a]\n", "config/c/x.yaml": "vars: [b]\n"})
    assert [problem.file for problem in load(Path("config/rejoinder.yaml"), {}).problems] == [
        "config/rejoinder.yaml",
        "config/c/x.yaml",
    ]
    absolute = folder.path / "config" / "rejoinder.yaml"
    assert load(absolute, {}).problems[0].file == str(absolute)


def test_a_fault_that_is_inherited_is_told_once(folder: Any) -> None:
    text = "agents:\n  ava: {system: dummy, begin: 1}\n  bo: {extends: ava}\n  cy: {extends: bo}\n"
    assert folder.problems(text) == ['rejoinder.yaml:2:31: agents.ava.begin: expected text, got a whole number (quote it: "1")']


def test_values_from_outside_are_not_told(folder: Any) -> None:
    secret = "s3cr3t-value"
    text = "server: {port: $P, host: $P, public_url: $P, watch: $P}\nnumbers: {a: $P}\ndefaults: {timezone: $P}\n"
    problems = folder.problems(text.replace("$P", '"${P}!"'), {"P": secret})
    assert len(problems) == 6
    assert secret not in "\n".join(problems)


def test_a_long_line_of_parents_is_a_problem(folder: Any) -> None:
    lines = [f"  a{n}: {{extends: a{n + 1}}}\n" for n in range(2000)]
    assert folder.problems("agents:\n" + "".join(lines) + "  a2000: {system: x}\n")[0] == (
        "rejoinder.yaml:34:18: agents.a32.extends: more than 32 agents extend one another (let it extend an earlier one)"
    )


def test_a_problem_is_one_line_whatever_a_key_holds(folder: Any) -> None:
    known = ", ".join(sorted(SERVER))
    assert folder.problems('server: {"a\\nb": 1}\n') == [
        f"rejoinder.yaml:1:10: server: unknown key 'a\N{REPLACEMENT CHARACTER}b' (one of: {known})"
    ]


def test_of_many_names_a_few_are_told(folder: Any) -> None:
    agents = "".join(f"  a{number}: {{system: dummy}}\n" for number in range(30))
    (problem,) = folder.problems(f"agents:\n{agents}routes: {{/x: nobody}}\n")
    assert problem.endswith("a24, a25, a26 and 10 more)")
