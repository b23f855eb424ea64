"""`${NAME}`, `${NAME:-default}`, `${file:/path}` and `$$` in a value."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rejoinder.config.sources import Sources, Unreadable

#: What stands for a variable that nobody has set when `secrets=False` takes missing ones as given.
PLACEHOLDER = "placeholder"
_FORM = re.compile(r"\$\$|\$\{([^{}]*)(\}?)")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?\Z", re.DOTALL)
_FORMS = "write ${NAME}, ${NAME:-default} or ${file:/path}, and $$ for a single $"


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
        name = _NAME.match(inside)
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
