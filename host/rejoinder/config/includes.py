"""`include:`: other files with agents and routes, by patterns relative to the main file."""

from pathlib import Path

from rejoinder.config.unit import Unit
from rejoinder.config.value import Value

MOST_FILES = 1000


def included(main: Unit) -> list[Unit]:
    """The included files in the order of patterns and names. One level deep: they include nothing themselves."""
    patterns = Value(main, main.root).child("include") if main.root else None
    items = patterns.items("file patterns") if patterns else None
    units: dict[str, Unit] = {}
    for item in items or ():
        text = None if item.is_placeholder else item.text()
        if text is not None:
            for path in _matches(item, text):
                _add(units, item, path)
    return list(units.values())


def _matches(item: Value, pattern: str) -> list[Path]:
    """The files that the pattern matches, sorted. The folders that it looks into are watched for new ones."""
    folder, rest = item.unit.path.parent, pattern
    if Path(pattern).is_absolute():
        folder, rest = Path(Path(pattern).anchor), str(Path(pattern).relative_to(Path(pattern).anchor))
    try:
        paths = sorted(path for path in folder.glob(rest) if path.is_file() and not path.name.startswith("."))
    except (ValueError, OSError, NotImplementedError, IndexError):
        paths = []
    item.unit.sources.files.update({_base(folder / rest), *(path.parent for path in paths)})
    if not paths:
        item.wrong(f"no file matches {pattern}", "patterns are relative to this file; leave out what is not there yet")
    if len(paths) > MOST_FILES:
        item.wrong(f"{pattern} matches more than {MOST_FILES} files", "write a narrower pattern")
        return []
    return paths


def _base(pattern: Path) -> Path:
    """The folder above the first wildcard."""
    parts = pattern.parts
    first = next((at for at, part in enumerate(parts) if set(part) & set("*?[")), len(parts) - 1)
    return Path(*parts[: max(first, 0)])


def _add(units: dict[str, Unit], item: Value, path: Path) -> None:
    part = path.stem
    if path == item.unit.path:
        item.wrong(f"the pattern matches {path} itself", "put the included files into a folder of their own")
    elif part in units and units[part].path != path:
        what = f"{path} and {units[part].path} would both be called '{part}'"
        item.wrong(what, "agents are named after their file: rename one of the two")
    elif part not in units:
        units[part] = Unit(path, item.unit.sources, part)
