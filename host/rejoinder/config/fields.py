"""`{{ name }}` in the texts of the file: references that can only come out empty are found before anybody calls."""

import re
from collections.abc import Collection, Iterator

from rejoinder.config.tree import Scalar, inside
from rejoinder.config.value import Value, nearest
from rejoinder.templates import CALL_FIELDS, FIELD

#: A dynamic variable may be called almost anything; what it may not hold shows that logic was meant.
_NAME = re.compile(r"[^\W\d][\w.\- ]*\Z")
_ROOTS = {"var": "vars", "calls": "call"}
_BRACES = re.compile(r"\{\{|\}\}")

Fault = tuple[str, str]


def check_spoken(value: Value, text: str, known_vars: Collection[str]) -> None:
    """Report what is wrong in a text that is spoken as it stands."""
    for what, remedy in spoken_faults(text, known_vars):
        value.wrong(what, remedy)


def check_options(value: Value, known_vars: Collection[str]) -> None:
    """Report references to `vars.` and `call.` in a system's own options that name nothing.

    Other braces are left alone: what they mean there is the system's to say.
    """
    scalar = value.node
    if isinstance(scalar, Scalar) and isinstance(scalar.value, str):
        for name in FIELD.findall(scalar.text):
            if name.partition(".")[0] in ("vars", "call") and (fault := _reference_fault(name, known_vars)):
                value.wrong(*fault)
    for step in inside(value.node):
        if child := value.child(step):
            check_options(child, known_vars)


def spoken_faults(text: str, known_vars: Collection[str]) -> Iterator[Fault]:
    """What is wrong with the `{{ }}` of a text, each fault once."""
    if "{{" not in text and "}}" not in text:
        return
    for name in dict.fromkeys(FIELD.findall(text)):
        if fault := _name_fault(name, known_vars):
            yield fault
    for brace in dict.fromkeys(_BRACES.findall(FIELD.sub("", text))):
        other = "}}" if brace == "{{" else "{{"
        yield f"{brace} without its {other}", "write {{ name }}"


def _name_fault(name: str, known_vars: Collection[str]) -> Fault | None:
    if not name:
        return "nothing stands between {{ and }}", "name a field: {{ name }}, {{ call.number }}, {{ vars.name }} or {{ now }}"
    if not _NAME.match(name):
        return f"{{{{ {name} }}}} is more than a name", "only a name may stand between {{ and }}: no filters, no logic"
    return _reference_fault(name, known_vars)


def _reference_fault(name: str, known_vars: Collection[str]) -> Fault | None:
    root, dot, rest = name.partition(".")
    if dot and root in _ROOTS:
        return f"there is no {name}", f"did you mean '{_ROOTS[root]}.{rest}'?"
    if dot and root == "vars" and rest not in known_vars:
        return f"there is no {name}", _near(root, rest, known_vars) or "write it under vars:"
    if dot and root == "call" and rest not in CALL_FIELDS:
        return f"there is no {name}", _near(root, rest, CALL_FIELDS)
    return None


def _near(root: str, name: str, known: Collection[str]) -> str:
    return nearest(name, known, root=f"{root}.")
