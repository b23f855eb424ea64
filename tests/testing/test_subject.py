"""What a test is about: a system in any form in which an author has it."""

import sys
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest

from rejoinder import Call, Options, Reply, ResponseSystem, Turn, per_call
from rejoinder.errors import ConfigError, PluginError
from rejoinder.routes import resolve
from rejoinder.testing.subject import Tried, options_type, subject

OptionsT = TypeVar("OptionsT")
OtherT = TypeVar("OtherT")


class Loud(Options, frozen=True):
    mark: str = "!"


class Silent(ResponseSystem[Loud]):
    async def respond(self, turn: Turn) -> Reply:
        yield ""


class Louder(Silent):
    pass


class Half(ResponseSystem[OptionsT], Generic[OtherT, OptionsT]):
    async def respond(self, turn: Turn) -> Reply:
        yield ""


class Whole(Half[int, Loud]):
    pass


class Bare(ResponseSystem):  # type: ignore[type-arg]  # as an author without a type checker writes it
    async def respond(self, turn: Turn) -> Reply:
        yield ""


@pytest.mark.parametrize(("system", "expected"), [(Silent, Loud), (Louder, Loud), (Whole, Loud), (Bare, Options)])
def test_the_options_of_a_class_stand_in_its_brackets(system: Any, expected: type) -> None:
    assert options_type(system) is expected


def test_options_that_are_left_open_are_asked_for() -> None:
    with pytest.raises(TypeError, match=r"give per_call\(Half, ITS_OPTIONS\)"):
        options_type(Half)


HOOK = """
from rejoinder import hookimpl, per_call
from test_subject import Loud, Silent

@hookimpl
def rejoinder_response_system():
    return per_call(Silent, Loud)
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "a_plugin_of_a_test.py"
    file.write_text(HOOK)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "test_subject", sys.modules[__name__])
    return file


def test_a_system_comes_as_class_spec_name_module_or_file(plugin: Path) -> None:
    module = __import__(plugin.stem)
    every: list[Tried] = [Silent, per_call(Silent, Loud), "echo", module, plugin.stem, plugin, str(plugin)]
    found = [subject(system, {}) for system in every]
    assert [len(resolve(one.config(), one.registry).broken) for one in found] == [0] * len(every)
    assert [one.registry.system(one.name).options.__name__ for one in found if one.name != "echo"] == ["Loud"] * 6


@pytest.mark.parametrize("system", [5, int, test_options_that_are_left_open_are_asked_for], ids=["number", "class", "function"])
def test_what_is_no_system_is_told_so(system: Any) -> None:
    with pytest.raises(TypeError, match="is no response system: expected its class, "):
        subject(system, {})


def test_an_unknown_name_is_told_with_what_there_is() -> None:
    one = subject("ehco", {})
    with pytest.raises(PluginError, match="did you mean 'echo'"):
        one.registry.system(one.name)


def test_options_may_be_an_object_of_their_type() -> None:
    one = subject(Silent, {"options": Loud(mark="?")})
    spec, options = resolve(one.config(), one.registry).systems["Silent"]
    assert (spec.options, options) == (Options, Options())
    with pytest.raises(TypeError, match=r"an object of Loud, found .*Other"):
        subject(Silent, {"options": type("Other", (Options,), {}, frozen=True)()})


def test_a_wrong_key_is_told_by_its_path_not_by_a_place_in_a_file_that_nobody_wrote() -> None:
    keys: Any = {"greeting": "Hi", "late": {"filler": "soon"}, "limits": {"calls": 0}}
    with pytest.raises(ConfigError) as caught:
        subject(Silent, keys).config()
    told = str(caught.value)
    assert [line.partition(": ")[0] for line in told.splitlines()] == ["Silent"] * 3
    assert [words in told for words in ("greeting", "Silent: late.filler: ", "Silent: limits.calls: ")] == [True] * 3
    assert [words in told for words in ("rejoinder.yaml", "agents.", "routes.")] == [False] * 3


def test_a_class_that_lacks_respond_is_refused() -> None:
    class Mute(ResponseSystem[Loud]):
        def __init__(self, options: Loud, call: Call) -> None:
            super().__init__(options, call)

    with pytest.raises(TypeError, match="abstract: it lacks respond"):
        subject(Mute, {})


def test_the_folder_in_which_a_test_runs_is_no_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("this is no variable\n")
    (tmp_path / "rejoinder.yaml").write_text("this: is no configuration\n")
    monkeypatch.chdir(tmp_path)
    assert subject("echo", {}).config().routes["/test"].agent == "echo"
