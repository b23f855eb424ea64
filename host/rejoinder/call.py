"""One call as a response system sees it: what is known when it opens, and a live handle on it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Literal, TypeVar, overload
from zoneinfo import ZoneInfo

from rejoinder.dialogue import Metadata, Say, Tuning
from rejoinder.events import Details
from rejoinder.orders import Interrupt, Order
from rejoinder.templates import CALL_FIELDS, DETAILS_WAIT, Template, template
from rejoinder.tools import TIME_OUT, Ledger, Tools

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is known of a call when it opens."""

    id: str
    route: str
    agent: str
    platform: str
    language: str = "en"
    timezone: str = "UTC"
    vars: Mapping[str, str] = field(default_factory=dict)


def look_up(name: str, facts: CallFacts, details: Details) -> str | None:
    """The value of a field by the name used in `{{ }}` (see `rejoinder.templates`), None if there is none."""
    if name == "now":
        english = facts.language.partition("-")[0].lower() == "en"  # never an English weekday in another language's call
        return datetime.now(ZoneInfo(facts.timezone)).strftime("%A, %d %B %Y, %H:%M" if english else "%Y-%m-%d %H:%M")
    root, dot, rest = name.partition(".")
    if dot and root == "vars":
        return facts.vars.get(rest)
    if dot and root == "call":
        holder = facts if rest in ("id", "route", "agent", "platform") else details
        return str(getattr(holder, rest)) if rest in CALL_FIELDS else None
    return details.variables.get(name)


class Call:
    """A live handle on one call, for use on the agent's loop. What the platform says of the call comes a moment
    after it opens: until then `details` is empty. `await call.known()` waits for it, a second at most.
    """

    __slots__ = ("_details", "_has_waited", "_is_known", "_make_tools", "_missing", "_news", "_order", "_tools", "facts")

    def __init__(
        self,
        facts: CallFacts,
        order: Callable[[Order], None],
        missing: Callable[[str], None],
        details: Details | None = None,
        tools: Callable[[], Tools] | None = None,
    ) -> None:
        self.facts = facts
        self._order = order
        self._missing = missing
        self._details = details
        self._make_tools = tools
        self._tools: Tools | None = None
        self._is_known = details is not None
        self._has_waited = False
        self._news: asyncio.Event | None = None

    @property
    def id(self) -> str:
        return self.facts.id

    @property
    def route(self) -> str:
        return self.facts.route

    @property
    def agent(self) -> str:
        return self.facts.agent

    @property
    def platform(self) -> str:
        return self.facts.platform

    @property
    def language(self) -> str:
        """BCP 47 tag of the language the agent speaks."""
        return self.facts.language

    @property
    def timezone(self) -> str:
        """IANA name of the zone `now` is given in."""
        return self.facts.timezone

    @property
    def details(self) -> Details:
        if self._details is None:  # made when asked for: most are replaced before, and each takes 300 bytes
            self._details = Details()
        return self._details

    @property
    def number(self) -> str:
        """The other person's telephone number, "" if unknown."""
        return self.details.number

    @property
    def our_number(self) -> str:
        return self.details.our_number

    @property
    def kind(self) -> Literal["phone", "web", ""]:
        return self.details.kind

    @property
    def direction(self) -> Literal["inbound", "outbound", ""]:
        return self.details.direction

    @property
    def variables(self) -> Mapping[str, str]:
        """The call's dynamic variables."""
        return self.details.variables

    async def known(self, within: float = DETAILS_WAIT) -> bool:
        """Wait until the platform has said what call this is, `within` seconds at most and once a call; whether it has."""
        if not (self._is_known or self._has_waited):
            self._news = self._news or asyncio.Event()
            try:
                async with asyncio.timeout(within):
                    await self._news.wait()
            except TimeoutError:
                self._has_waited = True  # no later line of this call waits again
        return self._is_known

    async def fill(self, text: "str | Template") -> str:
        """`text` with its `{{ fields }}` filled in, after waiting for the call's details if it uses them."""
        if isinstance(text, str) and "{{" not in text:
            return text
        parsed = template(text) if isinstance(text, str) else text
        if parsed.needs_details:
            await self.known()
        return parsed.render(self.field)

    def render(self, text: "str | Template") -> str:
        """`text` with its `{{ fields }}` filled in from what is known now. A missing field is empty."""
        return (template(text) if isinstance(text, str) else text).render(self.field)

    def field(self, name: str) -> str:
        """One field of a text by the name used in `{{ }}`: "" and one warning a call if there is none."""
        value = look_up(name, self.facts, self.details)
        if value is None:
            self._missing(name)
            return ""
        return value

    @overload
    async def run_once(
        self,
        name: str,
        arguments: Mapping[str, Any],
        function: Callable[..., Awaitable[ValueT]],
        *,
        timeout: float = TIME_OUT,  # noqa: ASYNC109
    ) -> ValueT: ...

    @overload
    async def run_once(
        self,
        name: str,
        arguments: Mapping[str, Any],
        function: Callable[..., ValueT],
        *,
        timeout: float = TIME_OUT,  # noqa: ASYNC109
    ) -> ValueT: ...

    def run_once(
        self,
        name: str,
        arguments: Mapping[str, Any],
        function: Callable[..., Any],
        *,
        timeout: float = TIME_OUT,  # it bounds the run, which others may wait for, not this wait
    ) -> Coroutine[Any, Any, Any]:
        """Run `function(**arguments)`, which has an effect in the world, once in this call for these arguments; what it gives.

        It runs in a task of its own, or in one of the agent's threads if it is a plain function: a barge-in stops the wait, not
        the run, and what then comes is in the next turn's `late_results`. Who asks for the same name and arguments (as JSON
        tells them apart) while it runs waits for that run, and gets its value or exception. Who asks later gets the same value
        at once, or, if it raised, has it run again.

        A run that takes longer than `timeout` seconds or is cancelled raises ToolOutcomeUnknown, now and whenever it is asked
        for again: it may have had its effect, so it is not repeated. TypeError or ValueError if JSON cannot say the arguments.
        TypeError also where nothing could wait for it, as in a plain generator: nothing would run, and nobody would know.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise TypeError(
                f"run_once({name!r}) must be awaited on the agent's loop: write `respond` as an async generator "
                "(`async def` with a `yield` in it); the function that it runs may be a plain one"
            ) from None
        return self._run_once(name, arguments, function, timeout)

    async def _run_once(self, name: str, arguments: Mapping[str, Any], function: Callable[..., Any], bound: float) -> Any:
        if self._tools is None:
            make = self._make_tools or partial(Tools, Ledger(self.id), self._order, f"call {self.id}")
            self._tools = make()
        return await self._tools.run_once(name, arguments, function, bound)

    def interrupt(self, say: str | Say) -> None:
        """Speak out of turn: cuts off whoever speaks, and the live turn with it."""
        self._order(Interrupt(say if isinstance(say, Say) else Say(say, uninterruptible=True)))

    def tune(
        self,
        *,
        responsiveness: float | None = None,
        interruption_sensitivity: float | None = None,
        reminder_trigger_ms: int | None = None,
        reminder_max_count: int | None = None,
    ) -> None:
        """Turn the platform's knobs for the rest of the call; None leaves one as it is."""
        self._order(Tuning(responsiveness, interruption_sensitivity, reminder_trigger_ms, reminder_max_count))

    def metadata(self, data: Mapping[str, Any]) -> None:
        """Hand `data` to the web page that hosts the call."""
        self._order(Metadata(data))

    def learn(self, details: Details) -> None:
        """For the host: the platform has said what call this is."""
        self._details = details
        self._is_known = True
        if self._news is not None:
            self._news.set()
