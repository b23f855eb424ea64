"""Rejoinder's own wheel, built from a copy: nothing is left in the checkout, and nothing left lying there gets in."""

import shutil
import sys
from pathlib import Path

import pytest

from wheels import run

ROOT = Path(__file__).parents[2]

#: Everything that the build reads.
SOURCES = ("pyproject.toml", "README.md", "LICENSE", ".gitignore", "host", "plugins")


@pytest.fixture(scope="session")
def checkout() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def own_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("checkout")
    rubbish = shutil.ignore_patterns("__pycache__", ".*_cache", ".hypothesis")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=rubbish)
        else:
            shutil.copy(source, copy / name)
    built = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", built], copy)
    (wheel,) = built.glob("*.whl")
    return wheel
