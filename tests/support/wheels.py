"""Building and installing as a person does at a command line, without a package index."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

#: No package index, nothing fetched, no word about newer pips.
OFFLINE = ("--no-index", "--no-deps", "--disable-pip-version-check", "--quiet")


def run(command: Sequence[str | Path], folder: Path) -> str:
    """What a command says in `folder`; if it fails, the failure shows everything that it said."""
    done = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout
