"""Marks within a line that are not for the voice: emphasis, code, links, cells of tables, pictures.

Each function reads one mark of `text` at `at` and gives the place behind it, or `HOLD` if what follows the end of `text` would
decide. What is decided must not depend on where a chunk ends. Marks follow CommonMark 0.31 and GitHub's tables and
strikethrough, but leave alone what a caller is more likely to need as it stands: `2*3`, `*67`, `snake_case`.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from rejoinder.reading import BREAKS, HOLD, Reading, is_blank, is_word
from rejoinder.speech import is_unspaced

#: The longest text of a link, in characters: so much is held back until it is known whether a bracket opens one.
LINK_TEXT = 60

# Unicode's Emoji property with dingbats and other signs that nobody speaks; without digits in circles, sharps and flats.
_PICTURES = (
    "\u231a\u231b\u2328\u23cf\u23e9-\u23f3\u23f8-\u23fa\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u266c\u2670-\u2775\u2794-\u27bf"
    "\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d\U0001f000-\U0001f0ff\U0001f10d-\U0001faff"
)
# Text by themselves, pictures with a variation selector behind them.
_PICTURES_IF_SELECTED = "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u24c2\u3297\u3299"
_SELECTOR, _KEYCAP, _JOINER = "\ufe0f", "\u20e3", "\u200d"
_UNHEARD = f"\ufe0e{_SELECTOR}{_KEYCAP}\U000e0020-\U000e007f"
_MARKS = rf"*_~`\[\]|\\#{BREAKS}{_JOINER}{_PICTURES}{_PICTURES_IF_SELECTED}{_UNHEARD}"

#: Finds the next character that may be a mark, and in the row of a table.
MARKS = re.compile(f"[{_MARKS}]")
ROW_MARKS = re.compile(rf"[ \t{_MARKS}]")

_PICTURE = re.compile(f"[{_PICTURES}{_SELECTOR}{_JOINER}]")
_RUN = {mark: re.compile(f"{re.escape(mark)}{{1,16}}") for mark in "*_~`#"}  # a longer one is read in pieces
_BLANKS = re.compile(r"[ \t]{1,16}")
_BRACKETED = re.compile(rf"\[[^\[\]\\{BREAKS}]{{0,{LINK_TEXT}}}")
# A bracket that never closes must not swallow the rest of a reply, in scripts without spaces neither.
_TARGET = re.compile(r"[^()\s\u3000-\u303f\uff00-\uff65]+")
_TITLE = re.compile(rf"[^)\"'{BREAKS}]+")
_LONGEST_NAME = 32
_ADDRESS = re.compile(rf"[\w.+-]{{1,{_LONGEST_NAME}}}")
_ESCAPABLE = "*_~`[]()#|>!.+-$"
_OPENS = "([{\"'“‘«„*~¡¿—–>"
_QUOTES = "\"'“”‘’«»"
_NO_START = ".,;:!?)]}%…#"


def _run(text: str, at: int) -> int:
    found = _RUN[text[at]].match(text, at)
    return found.end() if found else at


def _pieces(run: str) -> set[str]:
    """`***` is both of `*` and `**`."""
    mark = run[0]
    return {mark, mark * 2} if len(run) > 2 else {run}


def literal(reading: Reading, text: str, at: int) -> int:
    """No mark at all."""
    reading.say(text[at])
    return at + 1


def stars(reading: Reading, text: str, at: int) -> int:
    """`*emphasis*`, `**strong**`."""
    end = _run(text, at)
    if reading.ends(text, end):
        return HOLD
    run, before, after = text[at:end], reading.prior(text, at), text[end : end + 1]
    pieces = _pieces(run)
    closes = bool(pieces & reading.emphasis) and not is_blank(before)
    if reading.code or (_is_reckoning(before, after) if len(run) == 1 else _is_power(before, after, closes=closes)):
        reading.say(run)
    elif closes:
        reading.emphasis -= pieces
    elif len(run) > 1 or _opens(before, after):
        if not is_blank(after):
            reading.emphasis |= pieces
        elif is_blank(before):
            reading.loose = True
    else:
        reading.say(run)
    return end


def _is_reckoning(before: str, after: str) -> bool:
    """Whether one star belongs to figures or stands for itself: `2*3`, `*67`, a keycap, "*"."""
    if before.isdigit() or after.isdigit():
        return not is_word(before) or is_word(after)
    return after in (_SELECTOR, _KEYCAP) or (before != "" and before in _QUOTES and after != "" and after in _QUOTES)


def _is_power(before: str, after: str, *, closes: bool) -> bool:
    """Whether two stars or more raise to a power: `2**3`, `x**2`."""
    return after.isdigit() and (before.isdigit() or (not closes and before.isalpha() and not is_unspaced(before)))


def _opens(before: str, after: str) -> bool:
    if is_blank(after) or after in _NO_START:
        return False
    return not is_word(before) or is_unspaced(before) or is_unspaced(after)


def underscores(reading: Reading, text: str, at: int) -> int:
    """`_emphasis_`, `__strong__`; never within a word."""
    end = _run(text, at)
    if reading.ends(text, end):
        return HOLD
    run, before, after = text[at:end], reading.prior(text, at), text[end : end + 1]
    pieces = _pieces(run)
    if reading.code or (is_word(before) and is_word(after)):
        reading.say(run)
    elif pieces & reading.emphasis and not is_blank(before) and not is_word(after) and after != "@":
        reading.emphasis -= pieces
    elif not is_blank(after) and (is_blank(before) or before in _OPENS or _PICTURE.match(before)):
        address = _ADDRESS.match(text, end)
        if address and reading.ends(text, address.end()) and address.end() - end < _LONGEST_NAME:
            return HOLD
        if address and text[address.end() : address.end() + 1] == "@":
            reading.say(run)
        else:
            reading.emphasis |= pieces
    else:
        reading.say(run)
    return end


def tildes(reading: Reading, text: str, at: int) -> int:
    """`~~struck out~~`; one alone means "about"."""
    end = _run(text, at)
    if reading.ends(text, end):
        return HOLD
    if reading.code or end == at + 1:
        reading.say(text[at:end])
    return end


def ticks(reading: Reading, text: str, at: int) -> int:
    """Code; within a word a single tick is somebody's apostrophe."""
    end = _run(text, at)
    if reading.ends(text, end):
        return HOLD
    count, before, after = end - at, reading.prior(text, at), text[end : end + 1]
    if reading.code:
        reading.code = 0 if reading.code == count else reading.code
    elif count == 1 and is_word(before) and is_word(after) and not is_unspaced(before) and not is_unspaced(after):
        reading.say("`")
    elif not is_blank(after):
        reading.code = count
    return end


def bracket(reading: Reading, text: str, at: int) -> int:
    """The beginning of `[text](target)`, or a bracket."""
    found = None if reading.code else _BRACKETED.match(text, at)
    if found is None:
        return literal(reading, text, at)
    end = found.end()
    if reading.ends(text, end):
        return HOLD
    if text[end : end + 1] != "]":
        return literal(reading, text, at)
    if reading.ends(text, end + 1):
        return HOLD
    if text[end + 1 : end + 2] != "(":
        return literal(reading, text, at)
    reading.link = "text"
    return at + 1


def closing_bracket(reading: Reading, text: str, at: int) -> int:
    """The end of a link's text, also of one so long that its beginning was not taken for one."""
    if reading.link != "text":
        if reading.ends(text, at + 1):
            return HOLD
        if reading.code or text[at + 1 : at + 2] != "(":
            return literal(reading, text, at)
    reading.link, reading.depth = "target", 0
    return at + 2


def target(reading: Reading, text: str, at: int) -> int:
    """Where a link leads, and its title: not for the voice. What is not laid out as one is spoken from there on."""
    if found := (_TITLE if reading.link == "title" else _TARGET).match(text, at):
        return found.end()
    character = text[at]
    if reading.link == "title" and character in "\"'":
        reading.link = "target"
    elif character == "(":
        reading.depth += 1
    elif character == ")" and reading.depth and reading.link == "target":
        reading.depth -= 1
    elif character == ")":
        reading.link = ""
    elif blanks := _BLANKS.match(text, at):
        return _behind_target(reading, text, blanks.end(), at)
    else:
        reading.link = ""
        return at
    return at + 1


def _behind_target(reading: Reading, text: str, end: int, at: int) -> int:
    if reading.ends(text, end):
        return HOLD
    follows = text[end : end + 1]
    reading.link = "title" if follows and follows in "\"'" else ""
    return end + 1 if reading.link or follows == ")" else at


def pipe(reading: Reading, text: str, at: int) -> int:
    """The border of a cell. Cells are spoken with a comma between them, or they would run together."""
    if reading.in_row and not reading.code:
        reading.loose = reading.behind_cell = True
        return at + 1
    if reading.ends(text, at + 1):
        return HOLD
    if is_blank(reading.prior(text, at)) and is_blank(text[at + 1 : at + 2]):
        reading.loose = True
        return at + 1
    return literal(reading, text, at)


def blanks_in_row(reading: Reading, text: str, at: int) -> int:
    """Spaces before the border of a cell belong to the border."""
    found = _BLANKS.match(text, at)
    end = found.end() if found else at + 1
    if reading.ends(text, end):
        return HOLD
    follows = text[end : end + 1]
    if follows and follows not in f"|{BREAKS}":
        reading.say(text[at:end])
    return end


def hashes(reading: Reading, text: str, at: int) -> int:
    """The end of a `## heading ##`, or as they stand: `C#`."""
    end = _run(text, at)
    if not reading.in_heading or not is_blank(reading.prior(text, at)):
        reading.say(text[at:end])
        return end
    blanks = _BLANKS.match(text, end)
    rest = blanks.end() if blanks else end
    if reading.ends(text, rest):
        return HOLD
    if rest < len(text) and text[rest] not in BREAKS:
        reading.say(text[at:end])
        return end
    return rest


def escape(reading: Reading, text: str, at: int) -> int:
    r"""`\*` stands for the star itself."""
    if reading.ends(text, at + 1):
        return HOLD
    escaped = text[at + 1 : at + 2]
    if escaped and escaped in BREAKS:
        return at + 1
    if reading.code or not escaped or escaped not in _ESCAPABLE:
        return literal(reading, text, at)
    reading.say(escaped)
    return at + 2


def line_break(reading: Reading, text: str, at: int) -> int:
    """A space; an empty line ends all emphasis."""
    if reading.at_start:
        reading.emphasis.clear()
    # Behind a row it waits for what follows: a comma if that is another row.
    if not reading.in_row:
        reading.space()
    reading.at_start = reading.loose = True
    reading.in_heading, reading.code = False, 0
    return at + 1


def picture(reading: Reading, text: str, at: int) -> int:
    """An emoji, a flag half or another sign."""
    reading.loose = True
    return at + 1


def selected_picture(reading: Reading, text: str, at: int) -> int:
    """A sign that is a picture only if a variation selector says so."""
    if reading.ends(text, at + 1):
        return HOLD
    return picture(reading, text, at) if text[at + 1 : at + 2] == _SELECTOR else literal(reading, text, at)


def unheard(reading: Reading, text: str, at: int) -> int:
    """What only changes how a character looks. The digit of a keycap stays, and apart from the next one."""
    reading.loose = reading.loose or text[at] == _KEYCAP
    return at + 1


def joiner(reading: Reading, text: str, at: int) -> int:
    """Joins pictures, but also letters of some scripts."""
    before = reading.prior(text, at)
    if before and _PICTURE.match(before):
        return picture(reading, text, at)
    return literal(reading, text, at)


_SELECTED = re.compile(f"[{_PICTURES_IF_SELECTED}]")
_EACH: Mapping[str, Callable[[Reading, str, int], int]] = MappingProxyType(
    {
        "*": stars,
        "_": underscores,
        "~": tildes,
        "`": ticks,
        "[": bracket,
        "]": closing_bracket,
        "|": pipe,
        " ": blanks_in_row,
        "\t": blanks_in_row,
        "#": hashes,
        "\\": escape,
        _JOINER: joiner,
        _SELECTOR: unheard,
        _KEYCAP: unheard,
        "\ufe0e": unheard,
        **dict.fromkeys(BREAKS, line_break),
    }
)


def mark(reading: Reading, text: str, at: int) -> int:
    """Whatever `MARKS` has found at `at`."""
    character = text[at]
    read = _EACH.get(character) or (selected_picture if _SELECTED.match(character) else picture)
    return read(reading, text, at)
