"""What the distribution holds: one list of packages, said in three places, and the wheel that is built from it."""

import configparser
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest


@pytest.fixture(scope="module")
def project(checkout: Path) -> dict[str, Any]:
    return tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def plugins(checkout: Path) -> set[str]:
    """The packages under `plugins/`."""
    return {path.parent.name for path in (checkout / "plugins").glob("*/__init__.py")}


@pytest.fixture(scope="module")
def members(own_wheel: Path) -> set[str]:
    """The names in the wheel."""
    return set(ZipFile(own_wheel).namelist())


def test_every_plugins_folder_is_in_the_wheel_and_has_its_entry_point(project: dict[str, Any], plugins: set[str]) -> None:
    listed = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(listed) == sorted(["host/rejoinder", *(f"plugins/{name}" for name in plugins)])
    assert project["project"]["entry-points"]["rejoinder"] == {name.removeprefix("rejoinder_"): name for name in plugins}


def test_there_is_nothing_loose_in_the_source_roots(checkout: Path, plugins: set[str]) -> None:
    """A loose file there would be importable in an editable install and missing in the wheel."""
    found = {path.name for root in ("host", "plugins") for path in (checkout / root).iterdir()}
    assert {name for name in found if not name.startswith((".", "__pycache__"))} == plugins | {"rejoinder"}


def test_the_wheel_puts_nothing_but_rejoinders_packages_into_site_packages(members: set[str], plugins: set[str]) -> None:
    top = {name.partition("/")[0] for name in members}
    assert {name for name in top if not name.endswith(".dist-info")} == plugins | {"rejoinder"}
    assert all(name.startswith("rejoinder") for name in top)


def test_every_package_says_that_it_is_typed(members: set[str], plugins: set[str]) -> None:
    assert {f"{package}/py.typed" for package in (*plugins, "rejoinder")} <= members


def test_the_wheel_holds_every_source_and_every_file_beside_it(checkout: Path, members: set[str]) -> None:
    """Templates and other data of a package are files of the package."""
    sources = {
        path.relative_to(checkout / root).as_posix()
        for root in ("host", "plugins")
        for path in (checkout / root).rglob("*")
        if path.is_file()
        and not any(part == "__pycache__" or part.startswith(".") for part in path.parts[len(checkout.parts) :])
    }
    assert {name for name in members if ".dist-info/" not in name} == sources


def test_what_init_writes_is_in_the_wheel(members: set[str]) -> None:
    starter = {f"rejoinder/cli/starter/{file.name}" for file in (files("rejoinder.cli") / "starter").iterdir()}
    assert len(starter) == 3
    assert starter <= members


def test_the_wheel_offers_the_command_and_the_plugins(own_wheel: Path, project: dict[str, Any]) -> None:
    with ZipFile(own_wheel) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt")]
        points = configparser.ConfigParser()
        points.read_string(wheel.read(name).decode())
    assert dict(points["console_scripts"]) == {"rejoinder": "rejoinder.cli:main"}
    assert dict(points["rejoinder"]) == project["project"]["entry-points"]["rejoinder"]


def test_the_licence_goes_along(members: set[str]) -> None:
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in members)
