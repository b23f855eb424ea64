"""Whatever stands in a file, load answers with a configuration or with problems."""

import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rejoinder import Options
from rejoinder.config import convert_options, load, show
from rejoinder.config.tree import resolve

TOKENS = st.sampled_from(
    [
        "agents:", "routes:", "vars:", "server:", "include:", "numbers:", "observers:", "defaults:", "ava:", "system: x",
        "options:", "file: .", "file: rejoinder.yaml", "extends: ava", "begin:", "reminder:", "/a: ava", "agent: ava", "<<: *a",
        "&a", "*a", "${X}", "${", "$$", "${file:.}", "{{ vars.a }}", "{{", "}}", "{", "}", "[", "]", ",", ": ", "- ", "? ", "#",
        " #", "|", ">", "'", '"', "\n", "\n  ", "\n    ", "\t", "~", "null", "1", "-1", ".inf", ".nan", "1e999", "0x", "!!int",
        "---", "...", "%", "@", "\x85", "\u2028", "\ufeff", "\ud800", "\x00", "**", "é",
    ]
)  # fmt: skip


def loads(content: bytes, environ: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rejoinder.yaml"
        path.write_bytes(content)
        for start in (False, True):
            loaded = load(path, environ, start=start, secrets=not start)
            assert loaded.problems or loaded.config is not None
            assert "\n" not in "".join(problem.file for problem in loaded.problems)
            show(loaded)
            for agent in loaded.config.agents.values() if loaded.config else ():
                convert_options(Options, agent.options, agent.origin)


@settings(max_examples=400, deadline=None)
@given(st.lists(TOKENS, max_size=30), st.sampled_from(["", " "]), st.text(max_size=4))
@example(["vars:", "\n  ", "é: ", "[", "\ud800"], "", "")
def test_pieces_of_yaml_never_raise(pieces: list[str], between: str, outside: str) -> None:
    loads(between.join(pieces).encode("utf-8", "surrogatepass"), {"X": outside})


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_text_never_raises(text: str) -> None:
    loads(text.encode(), {})


@settings(max_examples=100, deadline=None)
@given(st.binary())
def test_any_bytes_never_raise(content: bytes) -> None:
    loads(content, {})


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
TOP = "server include defaults vars numbers agents observers routes"
INNER = "system options begin reminder extends language timezone agent platforms open retell host port public_url watch file"
KEYS = st.sampled_from(f"{TOP} {INNER}".split())


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(KEYS, st.dictionaries(KEYS | st.text(max_size=3), st.dictionaries(KEYS, PLAIN, max_size=4), max_size=3)))
def test_any_shape_never_raises(shape: dict[str, object]) -> None:
    loads(yaml.safe_dump(shape).encode(), {})


@given(st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_plain_value_is_read_as_it_was_written(value: object) -> None:
    assert resolve({None: "null", True: "true", False: "false"}.get(value) or repr(value)) == value  # type: ignore[call-overload]


@pytest.mark.parametrize("text", ["9" * 400, "0x", "0o8", "1_000", "12:30", "yes", "2026-11-22", ".", "-", "+", "1e", "..inf"])
def test_what_only_looks_like_a_number_is_text(text: str) -> None:
    assert resolve(text) == text
