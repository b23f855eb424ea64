"""A stranger's plugin, from its own folder to a call: type-checked, built, installed beside Rejoinder and served.

Nothing here comes from the checkout: both wheels go into a fresh virtual environment.
"""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import installed
from installed import serving, wheel_of
from rejoinder.testing.telephone import calling
from wheels import run

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "acme-shout"
version = "2.1"
requires-python = ">=3.11"
dependencies = ["rejoinder>=0.1"]

[project.entry-points.rejoinder]
shout = "acme_shout"

[tool.hatch.build.targets.wheel]
packages = ["acme_shout"]
"""

PLUGIN = '''\
"""Shout: says back what it heard, louder."""
from rejoinder import Options, Reply, ResponseSystem, SystemSpec, Turn, hookimpl, per_call

class ShoutOptions(Options, frozen=True):
    prefix: str = "You said: "

class Shout(ResponseSystem[ShoutOptions]):
    async def respond(self, turn: Turn) -> Reply:
        yield self.options.prefix + turn.text.upper()

@hookimpl
def rejoinder_response_system() -> SystemSpec[ShoutOptions]:
    return per_call(Shout, ShoutOptions)
'''

YAML = """\
server: {host: 127.0.0.1, port: 8080, drain: 0s}
agents:
  loud: {system: shout, begin: "Say something.", options: {prefix: "WHAT? "}}
routes:
  /loud: loud
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stranger's folder."""
    folder = tmp_path_factory.mktemp("acme-shout")
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "acme_shout").mkdir()
    (folder / "acme_shout" / "__init__.py").write_text(PLUGIN)
    (folder / "acme_shout" / "py.typed").touch()
    return folder


@pytest.fixture(scope="module")
def environment(project: Path, own_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment that holds both wheels; the folder of its programs."""
    plugin_wheel = wheel_of(project, tmp_path_factory.mktemp("dist"))
    return installed.environment(tmp_path_factory.mktemp("environment"), own_wheel, plugin_wheel)


def test_the_plugin_passes_strict_type_checking_from_outside(project: Path, environment: Path, tmp_path: Path) -> None:
    """What it is held against is what the wheel says of its types."""
    if find_spec("mypy") is None:
        pytest.skip("needs mypy (it is in the extra `test`)")
    mypy: list[str | Path] = [sys.executable, "-m", "mypy", "--python-executable", environment / "python"]
    told = run([*mypy, "--strict", "--config-file=", "--cache-dir", tmp_path, "acme_shout"], project)
    assert told == "Success: no issues found in 1 source file\n"


def test_rejoinder_and_the_plugin_are_the_wheels_and_not_the_checkout(
    environment: Path, checkout: Path, tmp_path: Path
) -> None:
    program = "import json, rejoinder, acme_shout; print(json.dumps([rejoinder.__file__, acme_shout.__file__]))"
    found = json.loads(run([environment / "python", "-c", program], tmp_path))
    assert all(Path(file).is_relative_to(environment.parent) for file in found)
    assert not any(Path(file).is_relative_to(checkout) for file in found)


def test_rejoinder_lists_the_plugin_with_its_distribution_version_and_options(environment: Path, tmp_path: Path) -> None:
    listed = json.loads(run([environment / "rejoinder", "plugins", "--json"], tmp_path))
    (shout,) = [plugin for plugin in listed if plugin["name"] == "shout"]
    assert (shout["distribution"], shout["version"], shout["fault"]) == ("acme-shout", "2.1", "")
    (provided,) = shout["provides"]
    assert provided["kind"] == "response system"
    assert [option["name"] for option in provided["options"]] == ["prefix"]


async def test_the_plugin_named_in_yaml_answers_a_call(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "rejoinder.yaml").write_text(YAML)
    async with (
        serving([environment / "rejoinder", "serve", "--port", "0"], tmp_path) as port,
        calling(f"ws://127.0.0.1:{port}/loud") as caller,
    ):
        assert (await caller.hears()).text == "Say something."
        await caller.says("a table for two, please")
        assert (await caller.hears()).text == "WHAT? A TABLE FOR TWO, PLEASE"
