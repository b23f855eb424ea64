"""What a plugin, its distribution, its package and its class are called, all from one name."""

import builtins
import importlib.util
import keyword
import re
import sys
import unicodedata
from dataclasses import dataclass
from importlib import metadata

import rejoinder

HOST = "rejoinder"
#: What the package that is written imports besides the front door; a class of that name would hide it.
IMPORTED = ("Annotated", "Meta")


class UnusableName(ValueError):
    """A name that no plugin can have; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Naming:
    """One plugin's names. `plugin` is what the YAML says, normalised as PEP 503 has it: lower case, one - between words."""

    plugin: str

    @classmethod
    def of(cls, name: str) -> "Naming":
        """The names that follow from what a person typed, with or without the prefix of the distribution.

        Raises UnusableName if no package can be called so, or if it is taken here.
        """
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
            raise UnusableName(f"expected letters from a to z, digits, and - between them{_near(name)}")
        naming = cls(normalised(name).removeprefix(f"{HOST}-"))
        if fault := naming.fault() or naming.taken():
            raise UnusableName(fault)
        return naming

    @property
    def distribution(self) -> str:
        """As pip knows it. The prefix keeps it clear of everybody's packages, and lets people find it."""
        return f"{HOST}-{self.plugin}"

    @property
    def package(self) -> str:
        return self.distribution.replace("-", "_")

    @property
    def system(self) -> str:
        return "".join(word.capitalize() for word in self.plugin.split("-"))

    def _other(self) -> str:
        return f"choose another, such as 'acme-{self.plugin}'"

    def fault(self) -> str:
        """Why no plugin should have this name anywhere, "" if one may."""
        other = self._other()
        if self.plugin == HOST:
            return "it is the name of the host itself; choose one that says what the plugin does"
        if self.plugin[0].isdigit():
            return f"names in Python do not begin with a digit{_near(self.plugin)}"
        if keyword.iskeyword(self.plugin) or keyword.iskeyword(self.system):
            return f"it is a word of Python itself; {other}"
        if self.plugin.replace("-", "_") in sys.stdlib_module_names:
            return f"it is a module of Python's own library; {other}"
        if self.system in (*rejoinder.__all__, *IMPORTED) or hasattr(builtins, self.system):
            return f"its class {self.system} would hide a name that plugins use; {other}"
        return ""

    def taken(self) -> str:
        """Who has this name here already, "" if nobody has. Imports nothing."""
        from rejoinder.registry import Registry

        other = self._other()
        registry = Registry()
        for plugin in registry.names():
            if normalised(plugin) == self.plugin:
                return f"{registry.origin(plugin)} provides a plugin of this name; {other}"
        try:
            return f"{self.distribution} {metadata.version(self.distribution)} is installed; {other}"
        except metadata.PackageNotFoundError:
            found = importlib.util.find_spec(self.package)
        return f"a package {self.package} is here already ({found.origin}); {other}" if found else ""


def normalised(name: str) -> str:
    """As PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _near(name: str) -> str:
    """A name close to this one that could be used, as the end of a sentence."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    found = re.sub(r"[^a-z0-9]+", "-", plain.lower()).lstrip("-0123456789").rstrip("-").removeprefix(f"{HOST}-")
    return "" if not found or Naming(found).fault() else f"; try '{found}'"
