"""A folder to write configurations into, which is also where commands would be typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from rejoinder.config import Config, Loaded, load


@dataclass(frozen=True)
class Folder:
    path: Path

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")

    def load(self, text: str, environ: Mapping[str, str] | None = None, *, secrets: bool = True, start: bool = False) -> Loaded:
        self.write({"rejoinder.yaml": text})
        return load(Path("rejoinder.yaml"), environ or {}, secrets=secrets, start=start)

    def config(self, text: str, environ: Mapping[str, str] | None = None, *, secrets: bool = True) -> Config:
        """What a file that is right comes to."""
        loaded = self.load(text, environ, secrets=secrets)
        assert [str(problem) for problem in loaded.problems] == []
        assert loaded.config is not None
        return loaded.config

    def problems(self, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
        return [str(problem) for problem in self.load(text, environ).problems]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path)
