"""The manual as tests read it: sections, tables and samples of its Markdown files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Every page that a reader is sent to.
PAGES = (
    "README.md",
    "docs/configuration.md",
    "docs/plugins.md",
    "docs/operating.md",
    "docs/platforms.md",
    "docs/recording.md",
    "docs/scenarios.md",
    "docs/simulator.md",
    "docs/testing.md",
)

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Sample:
    """A fenced block; `name` is what its first line calls it (`# shout.py`), else a number with the language's ending."""

    page: str
    language: str
    name: str
    text: str


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def samples(name: str, language: str) -> Iterator[Sample]:
    """The fenced blocks of one language, in order."""
    for number, (written, text) in enumerate(_FENCE.findall(page(name))):
        called = re.match(r"# ([\w./-]+\.\w+)\n", text)
        if written == language:
            yield Sample(name, language, called[1] if called else f"sample-{number}.{language}", text)


def headings(text: str) -> list[tuple[int, str]]:
    """Level and words of each heading; what stands in samples is none."""
    return [(len(marks), words) for marks, words in _HEADING.findall(_FENCE.sub("", text))]


def section(name: str, heading: str) -> str:
    """What stands below a heading, up to the next one that is not deeper."""
    text = _FENCE.sub(lambda fence: fence[0].replace("\n#", "\n"), page(name))  # a remark in a sample is no heading
    found = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert found, f"{name} has no heading {heading!r}"
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def codes(text: str) -> list[str]:
    """What is marked as code in a text, outside of samples."""
    return _CODE.findall(_FENCE.sub("", text))


def rows(text: str) -> list[list[str]]:
    """The cells of every table's rows, without the heads."""
    found: list[list[str]] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            continue
        if set(line) <= set("|-: "):
            found.pop()  # what stood above the rule was the head
        else:
            found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


def named(text: str) -> set[str]:
    """What the first cells of a section's tables name."""
    return {code for row in rows(text) for code in codes(row[0])}


def cell(text: str, name: str, at: int) -> str:
    """A cell in the row of a name."""
    found = [row[at] for row in rows(text) if name in codes(row[0])]
    assert len(found) == 1, f"{name} has {len(found)} rows"
    return found[0]


def anchors(text: str) -> set[str]:
    """The targets of links into a page: its headings in lower case, without marks, with - for spaces."""
    return {re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-") for _, words in headings(text)}
