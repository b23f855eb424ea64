"""What a response system may do to a call: what the platform can do, and only to numbers that the file names."""

from collections.abc import Callable, Mapping

from rejoinder.dialogue import Action, PressDigits, TransferCall

#: The keys of a telephone that platforms press (ITU-T E.161, without the letters A to D).
KEYS = frozenset("0123456789*#")
#: Why a transfer that is allowed is not done on a web call: the caller is told instead.
NO_TELEPHONE = "a web call has no telephone to transfer; the caller was told so"


class Permission:
    """One call's. `actions` gives what the platform can do now, `numbers` the names and numbers that may be dialled."""

    __slots__ = ("_actions", "_numbers", "is_web")

    def __init__(self, actions: Callable[[], frozenset[type[Action]]], numbers: Mapping[str, str]) -> None:
        self._actions = actions
        self._numbers = numbers
        #: Whether the call is known to come from a web page.
        self.is_web = False

    def is_possible(self, action: Action) -> bool:
        """Whether the platform can do it now."""
        return type(action) in self._actions()

    def is_in_vain(self, action: Action) -> bool:
        """Whether it is a transfer that the platform cannot do because this is a web call."""
        return self.is_web and isinstance(action, TransferCall) and not self.is_possible(action)

    def granted(self, action: Action) -> Action | str:
        """The action as the platform is to do it (a transfer to a telephone number), or in words why it is refused."""
        if isinstance(action, TransferCall):
            number = self._number(action.to)
            if number is None:
                return "a transfer to a number that is not under `numbers:` was refused"
            action = TransferCall(number, action.show_caller)
        if self.is_in_vain(action):
            return NO_TELEPHONE
        if not self.is_possible(action):
            return f"this platform cannot do {type(action).__name__}; the action was dropped"
        if isinstance(action, PressDigits) and not KEYS.issuperset(action.digits):
            return "PressDigits with other keys than 0-9, * and # was refused"
        return action

    def _number(self, to: str) -> str | None:
        if to in self._numbers:
            return self._numbers[to]
        return to if to in self._numbers.values() else None
