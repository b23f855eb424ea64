"""How long the platform lets nobody speak, and how long a call may last."""

from collections.abc import Callable

from rejoinder.simulator.platform.profile import Profile, Settings
from rejoinder.simulator.platform.recorder import Timer


class Patience:
    """Calls `remind` when the caller should be reminded, and `end` with the platform's word for why a call must end.

    Reminders are counted from the caller's last words; silence from when anybody spoke last, whatever is asked for meanwhile.
    """

    def __init__(self, profile: Profile, settings: Settings, *, remind: Callable[[], None], end: Callable[[str], None]) -> None:
        self._profile = profile
        self._settings = settings
        self._reminded = 0
        self._remind = remind
        self._reminder = Timer(self._remind_caller)
        self._silence = Timer(lambda: end("inactivity"))
        self._longest = Timer(lambda: end("max_duration_reached"))

    def connected(self) -> None:
        self._longest.set(self._profile.max_duration)

    def agent_speaks(self) -> None:
        self._reminder.stop()
        self._silence.stop()

    def caller_speaks(self) -> None:
        self.agent_speaks()
        self._reminded = 0

    def nobody_speaks(self, *, is_answered: bool) -> None:
        """`is_answered`: and it is the caller's turn to speak."""
        if not self._silence.is_set:
            self._silence.set(self._profile.end_after_silence)
        if is_answered and self._reminded < self._settings.reminders:
            self._reminder.set(self._settings.reminder_after)
        else:
            self._reminder.stop()

    def _remind_caller(self) -> None:
        self._reminded += 1
        self._remind()

    def stop(self) -> None:
        for timer in (self._reminder, self._silence, self._longest):
            timer.stop()
