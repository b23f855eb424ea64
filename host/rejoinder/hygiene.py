"""Speech hygiene: what a model writes, without the marks that a voice would read aloud.

A voice says "asterisk asterisk". Markdown, emoji and line breaks are left out of a reply while it streams; words, digits, names
and punctuation stay as they are.
"""

import re

from msgspec import Struct, field

from rejoinder.dialogue import Action, Output, Say
from rejoinder.marks import MARKS, ROW_MARKS, line_break, mark, target
from rejoinder.reading import BREAKS, HOLD, Reading

_first_mark = MARKS.search
#: The longest rule that is read as one, in characters.
_RULE_LENGTH = 200
_BLANKS = re.compile(rf"[^\S{BREAKS}]+")
# A line of nothing but these is a rule, the border under a table's head, or underlines a heading.
_RULE = re.compile(rf"[-|:=*_ \t]{{1,{_RULE_LENGTH}}}")
_INFO = r"[\w+#.-]{0,20}[ \t]{0,8}"
_OPENING = re.compile(
    "|".join(
        (
            r"(?P<heading>#{1,6})(?=\s)",
            r"(?P<quote>>)(?![\d=])",
            r"(?P<bullet>[-+*•◦▪‣])(?=\s)",
            r"(?P<task>\[[ xX]\])(?=\s)",
            r"(?P<number>\d{1,3})[.)](?=[ \t]{1,8}[^\s\d])",
            rf"(?P<fence>(?:`{{3,16}}|~{{3,16}}){_INFO})(?=[{BREAKS}])",
            r"(?P<image>!)(?=\[)",
            r"(?P<row>\|)",
        )
    )
)
_PART_OF_OPENING = re.compile(
    rf"\#{{1,6}}|>|[+•◦▪‣]|\[(?:[ xX]\]?)?|\d{{1,3}}(?:[.)][ \t]{{0,8}})?|`{{1,2}}|~{{1,2}}|(?:`{{3,16}}|~{{3,16}}){_INFO}|!"
)


class Cleaner(Struct):
    """Cleans one reply as it streams.

    What it gives for the chunks of a text, put together, is the same however the text was cut. It holds back only what may
    still turn out to be a mark: a few characters, and no more than a link's text.
    """

    held: str = ""
    is_plain: bool = False  # within a line, and nothing before decides what comes
    is_first: bool = True
    plain: str = ""  # the last chunk that was let through unread
    reading: Reading | None = None  # None as long as every chunk was

    def clean(self, chunk: str) -> str:
        """What may be spoken now of all that came so far; "" if nothing of `chunk` is for the voice, or not yet."""
        if (self.is_plain or (self.is_first and chunk[:1].isalpha())) and _first_mark(chunk) is None:
            self.is_plain, self.is_first = True, False
            self.plain = chunk or self.plain
            return chunk
        self.is_first = False
        if self.reading is None:
            self.reading = Reading(at_start=not self.is_plain)
        return self._read(self.reading, self.held + chunk)

    def finish(self) -> str:
        """What was held back. The reply is over."""
        if self.reading is None or not self.held:
            return ""
        self.reading.is_over = True
        rest = self._read(self.reading, self.held)
        self.reading.is_over = False  # behind an action that was refused it goes on
        return rest

    def _read(self, reading: Reading, text: str) -> str:
        at = 0
        if self.plain:
            reading.before = reading.said = self.plain
            self.plain = ""
        while at < len(text):
            end = _step(reading, text, at)
            if end == HOLD:
                break
            at = end
        if at:
            reading.before = text[at - 1]
        self.held = text[at:]
        self.is_plain = not (self.held or reading.at_start or reading.loose or reading.in_row or reading.link)
        spoken = "".join(reading.out)
        reading.out.clear()
        return spoken


def cleaned(text: str) -> str:
    """The whole of `text`, clean."""
    cleaner = Cleaner()
    return cleaner.clean(text) + cleaner.finish()


class CleanReply(Struct):
    """The outputs of one reply, what is spoken of them clean."""

    cleaner: Cleaner = field(default_factory=Cleaner)
    uninterruptible: bool = False

    def clean(self, output: Output) -> tuple[Output, ...]:
        """What goes out for `output`: perhaps nothing; before an action, which ends the turn, also what was held back."""
        if isinstance(output, str):
            self.uninterruptible = False
            spoken = self.cleaner.clean(output)
            # "" is the choice of silence, and a reply that only has nothing for the voice did not make it.
            return (spoken,) if spoken or not output else ()
        if isinstance(output, Say) and isinstance(output.text, str):
            self.uninterruptible = output.uninterruptible
            spoken = self.cleaner.clean(output.text)
            return (Say(spoken, output.uninterruptible),) if spoken or not output.text else ()
        return (*self.finish(), output) if isinstance(output, Action) else (output,)

    def finish(self) -> tuple[Output, ...]:
        """What was held back. The reply is over, or does something."""
        if not self.cleaner.held or not (rest := self.cleaner.finish()):
            return ()
        return (Say(rest, uninterruptible=True),) if self.uninterruptible else (rest,)


def _step(reading: Reading, text: str, at: int) -> int:
    if reading.link in ("target", "title"):
        return target(reading, text, at)
    if reading.at_start:
        return _line_start(reading, text, at)
    found = (ROW_MARKS if reading.in_row else MARKS).search(text, at)
    if found is not None and found.start() == at:
        return mark(reading, text, at)
    end = len(text) if found is None else found.start()
    reading.say(text[at:end])
    return end


def _line_start(reading: Reading, text: str, at: int) -> int:
    """Marks that stand only where a line begins: headings, lists, quotes, rules, fences, tables."""
    if blanks := _BLANKS.match(text, at):
        reading.say(blanks.group())
        return blanks.end()
    if text[at] in BREAKS:
        return line_break(reading, text, at)
    if text[at].isalpha():
        return _within(reading, at)
    if rule := _RULE.match(text, at):
        end = rule.end()
        is_long = end - at == _RULE_LENGTH
        if reading.ends(text, end) and not is_long:
            return HOLD
        if is_long or end == len(text) or text[end] in BREAKS:
            return end
    if not reading.is_over and _PART_OF_OPENING.fullmatch(text, at):
        return HOLD
    return _opening(reading, text, at)


def _opening(reading: Reading, text: str, at: int) -> int:
    found = _OPENING.match(text, at)
    kind = found.lastgroup if found else None
    if found is None or (kind == "number" and not _continues(reading, int(found["number"]))):
        return _within(reading, at)
    reading.loose = True
    if kind == "row":
        reading.behind_cell, reading.in_row = reading.in_row, True
    else:
        _end_table(reading)
    reading.in_heading = reading.in_heading or kind == "heading"
    reading.at_start = kind in ("heading", "quote", "bullet", "task", "fence")
    return found.end()


def _within(reading: Reading, at: int) -> int:
    """The line begins with something to say."""
    reading.at_start = False
    _end_table(reading)
    return at


def _end_table(reading: Reading) -> None:
    if reading.in_row:
        reading.in_row = reading.behind_cell = False
        reading.space()


def _continues(reading: Reading, number: int) -> bool:
    """Whether `number` begins or continues a list. Any other is the caller's: an answer, a code, a date."""
    if number > 1 and number not in (reading.number, reading.number + 1):
        return False
    reading.number = number
    return True
