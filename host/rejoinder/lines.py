"""What the host itself has to say in a call: the YAML's begin message and reminders, and its own lines for when all else fails.

Built-in lines exist in the languages of `BUILT_IN`. A caller never hears an English line in another language's call: for any
other language the host's own lines are empty, and `check` says so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from rejoinder.templates import Template


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """The host's own lines in one language.

    hello: first words for a system whose begin message failed; nudge: a reminder for a system that has none; apology: for a
    turn that failed; goodbye: for a hang-up that nothing was said before.
    """

    hello: str
    nudge: str
    apology: str
    goodbye: str


BUILT_IN: Mapping[str, BuiltIn] = MappingProxyType(
    {
        "de": BuiltIn(
            "Guten Tag, was kann ich für Sie tun?",
            "Sind Sie noch da?",
            "Es tut mir leid, können Sie das bitte noch einmal sagen?",
            "Auf Wiederhören.",
        ),
        "en": BuiltIn(
            "Hello, how can I help you?", "Are you still there?", "I am sorry, could you say that again?", "Goodbye."
        ),
        "es": BuiltIn("Hola, ¿en qué puedo ayudarle?", "¿Sigue ahí?", "Lo siento, ¿puede repetirlo?", "Hasta luego."),
        "fr": BuiltIn(
            "Bonjour, comment puis-je vous aider ?",
            "Êtes-vous toujours là ?",
            "Je suis désolé, pouvez-vous répéter ?",
            "Au revoir.",
        ),
        "it": BuiltIn("Buongiorno, come posso aiutarla?", "È ancora in linea?", "Mi dispiace, può ripetere?", "Arrivederci."),
        "nl": BuiltIn("Hallo, waarmee kan ik u helpen?", "Bent u er nog?", "Het spijt me, kunt u dat herhalen?", "Tot ziens."),
        "pt": BuiltIn("Olá, como posso ajudar?", "Ainda está aí?", "Desculpe, pode repetir?", "Até logo."),
    }
)

SILENT = BuiltIn("", "", "", "")


def built_in(language: str) -> BuiltIn:
    """The host's own lines for a BCP 47 tag, by its primary subtag; empty lines where there are none."""
    return BUILT_IN.get(language.partition("-")[0].lower(), SILENT)


class HostLines:
    """The host's lines in one call. `field` gives the value of a `{{ field }}` in them."""

    __slots__ = ("_begin", "_built_in", "_field", "_reminded", "_reminders")

    def __init__(
        self, language: str, field: Callable[[str], str], begin: Template | None = None, reminders: Sequence[Template] = ()
    ) -> None:
        self._built_in = built_in(language)
        self._field = field
        self._begin = begin
        self._reminders = reminders
        self._reminded = 0

    @property
    def begin_waits(self) -> bool:
        """Whether the begin message uses what only the platform can tell."""
        return self._begin is not None and self._begin.needs_details

    def begin(self) -> str | None:
        """The YAML's begin message; "" = the caller speaks first, None = the response system's own."""
        return self._begin.render(self._field) if self._begin is not None else None

    def reminder(self) -> str | None:
        """The YAML's next reminder, one after the other; None = the response system's own."""
        if not self._reminders:
            return None
        line = self._reminders[self._reminded % len(self._reminders)]
        self._reminded += 1
        return line.render(self._field)

    def nudge(self) -> str:
        return self._built_in.nudge

    def hello(self) -> str:
        return self._built_in.hello

    def apology(self) -> str:
        return self._built_in.apology

    def goodbye(self) -> str:
        return self._built_in.goodbye
