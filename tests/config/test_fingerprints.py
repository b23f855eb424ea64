"""An agent whose system, options and files did not change is carried over a reload: its fingerprint says so."""

from collections.abc import Callable
from typing import Any

import pytest

from rejoinder.config import AgentConfig

FILE = """
agents:
  ava:
    system: llm
    begin: Hello
    options: {model: "${MODEL}", prompt: {file: prompt.md}, key: "${file:key}"}
  desk: {system: rules, options: {file: desk.yaml}}
"""

Agents = dict[str, AgentConfig]


@pytest.fixture
def read(folder: Any) -> Callable[..., Agents]:
    folder.write({"prompt.md": "You are Ava.", "key": "k", "desk.yaml": "a: 1\n"})

    def read_again(text: str = FILE, model: str = "m", **files: str) -> Agents:
        folder.write({name.replace("_", "."): content for name, content in files.items()})
        return dict(folder.config(text, {"MODEL": model}).agents)

    return read_again


def test_nothing_changed(read: Callable[..., Agents]) -> None:
    assert read() == read()
    assert read()["ava"].fingerprint == read()["ava"].fingerprint


def test_remarks_and_order_of_agents_change_nothing(read: Callable[..., Agents]) -> None:
    assert read() == read("# a remark\n" + FILE.replace("model", "  model"))


@pytest.mark.parametrize("change", [{"model": "other"}, {"prompt_md": "You are Bo."}, {"key": "k2"}])
def test_what_the_system_sees_changes_the_fingerprint(read: Callable[..., Agents], change: dict[str, str]) -> None:
    before, after = read(), read(**change)
    assert before["ava"].fingerprint != after["ava"].fingerprint
    assert before["desk"].fingerprint == after["desk"].fingerprint


def test_an_options_file_changes_the_fingerprint(read: Callable[..., Agents]) -> None:
    assert read()["desk"].fingerprint != read(desk_yaml="a: 2\n")["desk"].fingerprint


def test_another_system_changes_the_fingerprint(read: Callable[..., Agents]) -> None:
    assert read()["desk"].fingerprint != read(FILE.replace("rules", "other"))["desk"].fingerprint


def test_a_host_line_changes_the_agent_but_not_what_is_opened(read: Callable[..., Agents]) -> None:
    before, after = read()["ava"], read(FILE.replace("Hello", "Good day"))["ava"]
    assert before != after
    assert before.fingerprint == after.fingerprint


def test_neither_fingerprint_nor_repr_shows_an_option(read: Callable[..., Agents]) -> None:
    agent = read(model="very-secret")["ava"]
    assert "very-secret" not in repr(agent)
    assert "very-secret" not in agent.fingerprint
