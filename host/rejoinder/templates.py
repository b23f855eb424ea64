"""`{{ name }}`: a call's fields in a text.

The only syntax for them, in every text of the YAML: a bare name is one of the call's dynamic variables, `call.*` a field of
the call, `vars.*` a value of the file, `now` the time of day. There is no logic in it on purpose: a line that is spoken to a
caller cannot raise, cannot loop and cannot reach into an object. A field that is missing is empty.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

FIELD = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")

#: How long a text that uses the call's fields waits for the platform to give them, in seconds.
DETAILS_WAIT = 1.0

#: What `call.` offers; a test holds this list against the call handle and the manual.
CALL_FIELDS = frozenset({"id", "route", "agent", "platform", "number", "our_number", "kind", "direction"})


@dataclass(frozen=True, slots=True)
class Template:
    """A text and the names of the fields in it, in order of appearance."""

    text: str
    fields: tuple[str, ...]

    @property
    def needs_details(self) -> bool:
        """Whether a field depends on what the platform says of the call (the others are known when it opens)."""
        return any(
            not name.startswith("vars.") and name not in ("now", "call.id", "call.route", "call.agent", "call.platform")
            for name in self.fields
        )

    def render(self, look_up: Callable[[str], str]) -> str:
        """The text with each field replaced by what `look_up` gives for its name."""
        if not self.fields:
            return self.text
        return FIELD.sub(lambda found: look_up(found[1]), self.text)


def template(text: str) -> Template:
    """Parse `text`; never raises. Whether the fields exist is `check`'s to say (see `rejoinder.config`)."""
    return Template(text, tuple(found[1] for found in FIELD.finditer(text)) if "{{" in text else ())
