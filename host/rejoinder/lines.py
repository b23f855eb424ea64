"""What the host itself has to say in a call: the YAML's begin message and reminders, and its own lines for when all else fails.

Built-in lines exist in the languages of `BUILT_IN`. A caller never hears an English line in another language's call: for any
other language the host's own lines are empty, and `check` says so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from rejoinder.caller_farewells import is_farewell
from rejoinder.templates import Template


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """The host's own lines in one language.

    hello: first words for a system whose begin message failed; nudge: a reminder for a system that has none; apology: for a
    turn that nobody answered; goodbye: for a hang-up that nothing was said before; filler: company for a caller who waits;
    regret: the apology of a host that then hangs up or transfers, which must not ask anything; transfer: instead of a transfer
    that cannot be.
    """

    hello: str
    nudge: str
    apology: str
    goodbye: str
    filler: tuple[str, ...] = ()
    regret: str = ""
    transfer: str = ""


BUILT_IN: Mapping[str, BuiltIn] = MappingProxyType(
    {
        "de": BuiltIn(
            "Guten Tag, was kann ich für Sie tun?",
            "Sind Sie noch da?",
            "Es tut mir leid, können Sie das bitte noch einmal sagen?",
            "Auf Wiederhören.",
            ("Einen Moment bitte.", "Ich sehe kurz nach."),
            "Es tut mir leid.",
            "Es tut mir leid, ich kann Sie in diesem Gespräch nicht verbinden.",
        ),
        "en": BuiltIn(
            "Hello, how can I help you?",
            "Are you still there?",
            "I am sorry, could you say that again?",
            "Goodbye.",
            ("One moment, please.", "Let me see."),
            "I am sorry.",
            "I am sorry, I cannot put you through on this call.",
        ),
        "es": BuiltIn(
            "Hola, ¿en qué puedo ayudarle?",
            "¿Sigue ahí?",
            "Lo siento, ¿puede repetirlo?",
            "Hasta luego.",
            ("Un momento, por favor.", "Déjeme ver."),
            "Lo siento.",
            "Lo siento, en esta llamada no puedo pasarle con nadie.",
        ),
        "fr": BuiltIn(
            "Bonjour, comment puis-je vous aider ?",
            "Êtes-vous toujours là ?",
            "Je suis désolé, pouvez-vous répéter ?",
            "Au revoir.",
            ("Un instant, s'il vous plaît.", "Je regarde."),
            "Je suis désolé.",
            "Je suis désolé, je ne peux pas transférer cet appel.",
        ),
        "it": BuiltIn(
            "Buongiorno, come posso aiutarla?",
            "È ancora in linea?",
            "Mi dispiace, può ripetere?",
            "Arrivederci.",
            ("Un momento, per favore.", "Vediamo."),
            "Mi dispiace.",
            "Mi dispiace, non posso trasferire questa chiamata.",
        ),
        "nl": BuiltIn(
            "Hallo, waarmee kan ik u helpen?",
            "Bent u er nog?",
            "Het spijt me, kunt u dat herhalen?",
            "Tot ziens.",
            ("Een ogenblik alstublieft.", "Even kijken."),
            "Het spijt me.",
            "Het spijt me, ik kan u in dit gesprek niet doorverbinden.",
        ),
        "pt": BuiltIn(
            "Olá, como posso ajudar?",
            "Ainda está aí?",
            "Desculpe, pode repetir?",
            "Até logo.",
            ("Um momento, por favor.", "Deixe-me ver."),
            "Desculpe.",
            "Desculpe, não posso transferir esta chamada.",
        ),
    }
)

SILENT = BuiltIn("", "", "", "")
#: What was said in a call as long as the host has said nothing: each empty set takes 200 bytes.
NONE: frozenset[str] = frozenset()


def built_in(language: str) -> BuiltIn:
    """The host's own lines for a BCP 47 tag, by its primary subtag; empty lines where there are none."""
    return BUILT_IN.get(language.partition("-")[0].lower(), SILENT)


@dataclass(frozen=True, slots=True)
class OwnLines:
    """`lines:` of the YAML; an empty one leaves the built-in. Of several texts the next is said each time."""

    filler: tuple[Template, ...] = ()
    apology: tuple[Template, ...] = ()
    goodbye: tuple[Template, ...] = ()
    transfer: tuple[Template, ...] = ()
    farewells: tuple[str, ...] | None = None  # what callers say, None = the built-in


class HostLines:
    """The host's lines in one call, and what of them was said. `field` gives the value of a `{{ field }}` in them."""

    __slots__ = ("_begin", "_built_in", "_field", "_language", "_own", "_reminders", "_times", "said")

    def __init__(
        self,
        language: str,
        field: Callable[[str], str],
        begin: Template | None = None,
        reminders: Sequence[Template] = (),
        own: OwnLines = OwnLines(),
    ) -> None:
        self._built_in = built_in(language)
        self._language = language
        self._field = field
        self._begin = begin
        self._reminders = reminders
        self._own = own
        self._times: dict[str, int] = {}
        #: Lines that no response system chose, as said so far: to be marked in transcripts.
        self.said: frozenset[str] = NONE

    @property
    def begin_waits(self) -> bool:
        """Whether the begin message uses what only the platform can tell."""
        return self._begin is not None and self._begin.needs_details

    def begin(self) -> str | None:
        """The YAML's begin message; "" = the caller speaks first, None = the response system's own."""
        return self._begin.render(self._field) if self._begin is not None else None

    def reminder(self) -> str | None:
        """The YAML's next reminder, one after the other; None = the response system's own."""
        return self._next("reminder", self._reminders, "") if self._reminders else None

    def nudge(self) -> str:
        """A reminder for a system that has none."""
        return self._saying(self._built_in.nudge)

    def hello(self) -> str:
        """First words for a system whose begin message failed or is late."""
        return self._saying(self._built_in.hello)

    def filler(self) -> str:
        """Company for a caller who waits; never the same twice running where there are several."""
        built_in = self._built_in.filler
        return self._next(
            "filler", self._own.filler, built_in[self._times.get("filler", 0) % len(built_in)] if built_in else ""
        )

    def apology(self, *, is_last: bool = False) -> str:
        """For a turn that nobody answered; `is_last` if the agent has no further turn."""
        built_in = self._built_in.regret if is_last else self._built_in.apology
        return self._next("apology", self._own.apology, built_in)

    def goodbye(self) -> str:
        """For a hang-up that nothing was said before."""
        return self._next("goodbye", self._own.goodbye, self._built_in.goodbye)

    def is_farewell(self, text: str) -> bool:
        """Whether a caller who says this takes leave and says nothing else."""
        return is_farewell(text, self._language, self._own.farewells)

    def transfer(self) -> str:
        """Instead of a transfer that cannot be. Not marked as the host's: the agent is to know what became of its action."""
        return self._pick("transfer", self._own.transfer, self._built_in.transfer)

    def _next(self, kind: str, own: Sequence[Template], built_in: str) -> str:
        return self._saying(self._pick(kind, own, built_in))

    def _pick(self, kind: str, own: Sequence[Template], built_in: str) -> str:
        times = self._times.get(kind, 0)
        line = own[times % len(own)].render(self._field) if own else built_in
        if not line.strip() and kind != "filler":  # none of these may be silence; a caller can do without company
            line = built_in
        self._times[kind] = times + 1
        return line

    def _saying(self, line: str) -> str:
        if stripped := line.strip():
            self.said |= {stripped}
        return line
