"""All that one load reads: files, the environment and the `.env` beside the main file; and what in a value stands for it."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rejoinder.errors import Problem

LARGEST = 4 * 1024 * 1024  # bytes; a prompt or a file of rules is far below
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)\Z")
#: What stands for a variable that nobody has set when `secrets=False` takes missing ones as given.
PLACEHOLDER = "placeholder"
_FORM = re.compile(r"\$\$|\$\{([^{}]*)(\}?)")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?\Z", re.DOTALL)
_FORMS = "write ${NAME}, ${NAME:-default} or ${file:/path}, and $$ for a single $"
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class Unreadable(Exception):
    """A file that cannot be read; the text says why, `remedy` what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(what)


class Sources:
    """Reads files as text and remembers which; knows the variables. The real environment wins over `.env`. `at_hand` are texts
    that stand in for what is in their files."""

    def __init__(self, environ: Mapping[str, str], *, secrets: bool = True, at_hand: Mapping[Path, str] | None = None) -> None:
        self.files: set[Path] = set()
        self.secrets = secrets
        self._at_hand = at_hand or {}
        self._environ = environ
        self._dotenv: dict[str, str] = {}

    def variable(self, name: str) -> str | None:
        value = self._environ.get(name)
        return self._dotenv.get(name) if value is None else value

    def read(self, path: Path) -> str:
        """The file's text. Raises Unreadable."""
        if path in self._at_hand:
            return self._at_hand[path]
        self.files.add(path)
        try:
            return self._read(path).decode("utf-8-sig").replace("\r\n", "\n")
        except FileNotFoundError:
            raise Unreadable(f"the file {path} does not exist", "check the name; it is relative to this file") from None
        except UnicodeDecodeError:
            raise Unreadable(f"the file {path} is not text in UTF-8", "save it as UTF-8") from None
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "its name is not possible"
            raise Unreadable(f"the file {path} cannot be read: {why}", "check name and permissions") from None

    def _read(self, path: Path) -> bytes:
        if path.is_dir():
            raise Unreadable(f"{path} is a folder", "name a file")
        if path.exists() and not path.is_file():
            raise Unreadable(f"{path} is not an ordinary file", "name an ordinary file")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise Unreadable(f"the file {path} is larger than {LARGEST // 1024 // 1024} MiB", "is it the right file?")
        return content

    def learn(self, path: Path) -> list[Problem]:
        """Take the variables of a `.env` file, if it exists and is not a folder; what is wrong in it."""
        self.files.add(path)
        if path.is_dir() or not os.path.lexists(path):
            return []
        try:
            text = self.read(path)
        except Unreadable as error:
            return [Problem(str(path), 0, 0, "", str(error), error.remedy)]
        problems = []
        for number, line in enumerate(text.splitlines(), 1):
            found = _LINE.match(line)
            value = unquoted(found[2].rstrip()) if found else None
            if found and value is not None:
                self._dotenv[found[1]] = value
            elif found:
                what, remedy = "this quote is never closed", 'close it in this line; in "..." \\n stands for a line end'
                problems.append(Problem(str(path), number, found.start(2) + 1, "", what, remedy))
            elif (bare := line.strip()) and not bare.startswith("#"):
                what, remedy = "this is not a variable", "write NAME=value, or # before a remark"
                problems.append(Problem(str(path), number, 1, "", what, remedy))
        return problems


def unquoted(value: str) -> str | None:
    """A value of `.env`: as it stands in '…', with \\n and the like in "…", without a remark otherwise; None if a quote is
    not closed."""
    quoted = re.match(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"", value)
    if quoted is None:
        return None if value[:1] in ("'", '"') else re.split(r"\s#", value, maxsplit=1)[0].strip()
    if quoted[2] is None:
        return quoted[1]
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), quoted[2])


@dataclass(slots=True)
class Substitution:
    """A text on its way: `faults` are (what, remedy), `read` the files that were looked into."""

    sources: Sources
    folder: Path
    substituted: bool = False
    missing: bool = False
    read: list[Path] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)

    def apply(self, text: str) -> str:
        """The text with every form replaced; what cannot be is in `faults`."""
        return "".join(self._pieces(text)) if "$" in text else text

    def _pieces(self, text: str) -> Iterator[str]:
        end = 0
        for found in _FORM.finditer(text):
            yield text[end : found.start()]
            end = found.end()
            yield "$" if found[0] == "$$" else self._value(found[1], closed=bool(found[2]))
        yield text[end:]

    def _value(self, inside: str, *, closed: bool) -> str:
        self.substituted = True
        name = _VARIABLE.match(inside)
        if not closed:
            what = "a ${...} inside another" if inside.endswith("$") else "a ${ without its }"
            return self._fault(what, _FORMS)
        if inside.startswith("file:"):
            return self._file(inside.removeprefix("file:").strip())
        if name is None:
            return self._fault(f"${{{inside}}} is not a substitution", _FORMS)
        value = self.sources.variable(name[1])
        if name[2] is not None:
            return value or name[2]
        if value is None:
            remedy = f"set it, write it into .env beside the main file, or give a default: ${{{name[1]}:-...}}"
            return self._absent(f"the environment variable {name[1]} is not set", remedy)
        return value

    def _file(self, name: str) -> str:
        if not name:
            return self._fault("${file:} names no file", "write ${file:/path}")
        path = self.folder / name
        self.read.append(path)
        try:
            return self.sources.read(path).removesuffix("\n")
        except Unreadable as error:
            return self._absent(str(error), error.remedy)

    def _absent(self, what: str, remedy: str) -> str:
        if self.sources.secrets:
            return self._fault(what, remedy)
        self.missing = True
        return PLACEHOLDER

    def _fault(self, what: str, remedy: str) -> str:
        self.faults.append((what, remedy))
        return ""
