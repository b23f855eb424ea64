"""What is wrong where YAML gives up, in the words of somebody who did not write a YAML parser.

PyYAML has two parsers that word their errors differently; both are understood.
"""

import re
from typing import NamedTuple

import yaml
from yaml.reader import ReaderError

_TEMPLATE = re.compile(r"(?:[:\-,\[]\s*|^\s*)(\{\{)")
#: What YAML makes of a text that begins with a field: (what, remedy).
TEMPLATE = ("an unquoted text that begins with {{ is a mapping to YAML", 'quote the whole text: "{{ name }} ..."')
_GLUED = re.compile(r"\s*(?:- )?([\w./-]+):[^\s:/]\S*(?:\s+#.*)?$")


class Explanation(NamedTuple):
    """A place in the file (from 1), the fault and its remedy."""

    line: int
    column: int
    what: str
    remedy: str


def explain(error: yaml.YAMLError, lines: list[str]) -> Explanation:
    """The fault behind an error of the parser, at the place where it was made rather than where it was noticed."""
    if isinstance(error, ReaderError):
        return _unprintable(error, lines)
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return Explanation(0, 0, "this is not YAML", "is it the right file?")
    place = _Place(error, lines)
    return place.trap() or place.scanned() or place.parsed()


def _unprintable(error: ReaderError, lines: list[str]) -> Explanation:
    code = error.character if isinstance(error.character, int) else ord(str(error.character)[:1] or "\0")
    for number, line in enumerate(lines, 1):
        for column, character in enumerate(line, 1):
            if not (character.isprintable() or character in "\t\u00a0\u3000") or ord(character) == 0xFEFF:
                return Explanation(number, column, f"a character that no text has (U+{ord(character):04X})", "remove it")
    return Explanation(0, 0, f"a character that no text has (U+{code:04X})", "remove it")


class _Place:
    """Where the parser gave up, and where it had begun what it could not finish."""

    def __init__(self, error: yaml.MarkedYAMLError, lines: list[str]) -> None:
        mark, begun = error.problem_mark, error.context_mark or error.problem_mark
        if mark is None or begun is None:
            raise AssertionError("only for errors that have a place")
        self.problem = error.problem or ""
        self.context = error.context or ""
        self.lines = lines
        self.line, self.column = mark.line + 1, mark.column + 1
        self.begun = begun.line + 1, begun.column + 1
        self.text = lines[mark.line] if mark.line < len(lines) else ""
        self.before = self.text[: mark.column]
        self.character = self.text[mark.column : mark.column + 1]

    def here(self, what: str, remedy: str) -> Explanation:
        return Explanation(self.line, self.column, what, remedy)

    def there(self, what: str, remedy: str) -> Explanation:
        return Explanation(*self.begun, what, remedy)

    def trap(self) -> Explanation | None:
        """YAML's traps: what looks right and is not."""
        template = _TEMPLATE.search(self.text)
        if "\t" in (self.character, self.text[: len(self.text) - len(self.text.lstrip())][-1:]):
            return self.here("a tab, where YAML takes only spaces", "indent with spaces")
        if self.character == "{" and self.before.endswith("$"):
            remedy = 'quote it: "${NAME}"'
            return Explanation(self.line, self.column - 1, "a ${...} inside { } or [ ] must be quoted", remedy)
        if template:
            return Explanation(self.line, template.start(1) + 1, *TEMPLATE)
        if self.problem.endswith("but got '?'"):
            return self.here("an unquoted text with ? inside [ ]", 'quote each text: ["...?", "..."]')
        return self._glued() if "mapping values" in self.problem or "find expected ':'" in self.problem else None

    def _glued(self) -> Explanation | None:
        """`port:8080`: the line itself, or the one before it, which went on here."""
        for number in (self.begun[0], self.line - 1):
            text = self.lines[number - 1] if 0 < number <= len(self.lines) else ""
            found = _GLUED.match(text)
            if found:
                column = found.end(1) + 1
                return Explanation(number, column, f"no space after the colon of '{found[1]}:'", f"write '{found[1]}: ...'")
        return None

    def scanned(self) -> Explanation | None:
        """What the scanner refuses: characters and quotes."""
        quote = "quote the whole text"
        if "cannot start any token" in self.problem:
            return self.here(f"a text cannot begin with {self.character}", quote)
        if "unexpected end of stream" in self.problem:
            return self.there("this quote is never closed", "close it; inside '...' a ' is written twice")
        if "escape" in self.problem:
            return self.here("an unknown \\ inside double quotes", "write \\\\ for a backslash, or use single quotes")
        if "scanning an alias" in self.context or "scanning an anchor" in self.context:
            return self.there("a text cannot begin with * or &", quote)
        if "scanning a block scalar" in self.context:
            return self.there("a text after > or | begins on the next line", f"begin it there, or {quote}")
        if "find expected ':'" in self.problem:
            return self.there("a line without a key", "write 'key: value'; a text of several lines is quoted")
        return None

    def parsed(self) -> Explanation:
        """What the parser refuses: things in the wrong place."""
        if "mapping values" in self.problem:
            return self._second_colon()
        if "sequence entries" in self.problem:
            return self.here("a list cannot begin on the line of its key", "begin it on the next line; quote it if it is text")
        if "flow sequence" in self.context:
            return self.there("this [ has no ], or a comma is missing after it", "close it; quote texts that hold , : [ or {")
        if "flow mapping" in self.context or "flow node" in self.context:
            return self.there("this bracket is not closed, or something is missing in it", "close it; quote what is text")
        if re.search(r"['\"]\s*\Z", self.before):
            remedy = "quote the whole text; inside '...' a ' is written twice"
            return self.here("the text goes on after its closing quote", remedy)
        if "block" in self.context and not self.before.strip():
            return self.here("the indentation fits nothing above", "indent it as deep as the lines it belongs to")
        if self.character:
            return self.here(f"{self.character} is not expected here", "quote it if it is text")
        return self.here("this is not YAML", f"the parser says: {self.problem}")

    def _second_colon(self) -> Explanation:
        if re.search(r":\s", self.before):
            return self.here("a second ': ' in one line", 'quote the text: "..."')
        return self.here("a key under a line that has a value already", "mend the indentation, or leave one of the two out")
