"""Why a server gave no answer, in words for the log: what to set, never a key and never what was said in the call."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from rejoinder_llm.options import LLMOptions

logger = logging.getLogger("rejoinder.plugin.llm")

#: Seconds in which the same complaint is not logged again.
QUIET = 60.0

#: A Retry-After beyond this is longer than a caller waits.
SHORT_WAIT = 2.0

#: Error types, codes and parameters are identifiers; anything else in their place might quote the call.
IDENTIFIER = re.compile(r"[\w.\-\[\]/]{1,64}")


class AskFailed(Exception):
    """The server gave no answer, or not all of it.

    `kind` is what makes two failures the same for the log, `late` whether it was a matter of time, and `retry_after` the
    seconds after which it is worth another try, None if it is not.
    """

    def __init__(self, kind: str, why: str, *, late: bool = False, retry_after: float | None = None) -> None:
        self.kind = kind
        self.late = late
        self.retry_after = retry_after
        super().__init__(why)


class Complaints:
    """What one agent has to say in the log: each kind at once, then at most once a minute with a count."""

    def __init__(self, now: Callable[[], float] | None = None) -> None:
        self._now = now or asyncio.get_running_loop().time
        self._last: dict[str, float] = {}
        self._held: dict[str, int] = {}

    def say(self, kind: str, why: str) -> None:
        now = self._now()
        if now - self._last.get(kind, now - QUIET) < QUIET:
            self._held[kind] = self._held.get(kind, 0) + 1
            return
        self._last[kind] = now
        held = self._held.pop(kind, 0)
        logger.warning("%s%s", why, f" (and {held} times more since this was last said)" if held else "")


def key_missing(options: LLMOptions) -> AskFailed:
    return AskFailed(
        "key missing",
        f"no key for {options.place}: set OPENAI_API_KEY in the environment or .env and options.api_key to "
        '"${OPENAI_API_KEY:-}", or options.base_url to a server that needs none; until then callers hear an apology',
    )


def unreachable(options: LLMOptions, error: Exception) -> AskFailed:
    return AskFailed(
        "unreachable",
        f"no connection to {options.place} ({type(error).__name__}): check options.base_url and that the server runs",
        retry_after=0.0,
    )


def broken_off(options: LLMOptions, why: str) -> AskFailed:
    return AskFailed("broken off", f"{options.place} broke off its answer ({why})", retry_after=0.0)


def late(options: LLMOptions, name: str) -> AskFailed:
    seconds: float = getattr(options, name)
    return AskFailed(
        name, f"{options.place} was silent for {seconds:g} s (options.{name}) with model {options.model}", late=True
    )


def refused(options: LLMOptions, status: int, headers: Mapping[str, str], body: bytes) -> AskFailed:
    """A status that is not 200, with what to do about it."""
    told = identifiers(error_of(body))
    advice = advise(options, status, told)
    why = ", ".join(f"{name} {value}" for name, value in told.items())
    return AskFailed(
        f"status {status}",
        f"{options.place} answered {status}{f' ({why})' if why else ''}: {advice}",
        retry_after=wait(status, headers.get("Retry-After", "")),
    )


def reported(options: LLMOptions, error: object) -> AskFailed:
    """An error that came in the stream, after a good status."""
    why = ", ".join(f"{name} {value}" for name, value in identifiers(error).items())
    return AskFailed("reported", f"{options.place} reported an error in its answer{f' ({why})' if why else ''}")


def error_of(body: bytes) -> object:
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return answer.get("error", answer) if isinstance(answer, dict) else None


def identifiers(error: object) -> dict[str, str]:
    """type, code and param of an error object. Its message is for the debug log only: it may quote the call or a key."""
    if not isinstance(error, dict):
        return {}
    told: dict[str, Any] = {name: error.get(name) for name in ("type", "code", "param")}
    return {name: str(value) for name, value in told.items() if value is not None and IDENTIFIER.fullmatch(str(value))}


def advise(options: LLMOptions, status: int, told: Mapping[str, str]) -> str:
    if status in (401, 403):
        return "set options.api_key (OPENAI_API_KEY in the environment or .env) to a key that this server accepts"
    if status == 404:
        return f"check options.model ({options.model}) and options.base_url, which usually ends in /v1"
    if status == 429:
        return "the account's rate or quota is used up; see the limits and the bill at the server"
    if status >= 500:
        return "the server is in trouble; nothing here can be set to mend it"
    if status < 400:
        return "it wants to be asked elsewhere; set options.base_url to the final address"
    return advise_on_field(told.get("param", ""))


def advise_on_field(param: str) -> str:
    if param in ("max_tokens", "max_completion_tokens"):
        other = "max_completion_tokens" if param == "max_tokens" else "max_tokens"
        return f"set options.max_tokens_field to {other}"
    if param.startswith("stream_options"):
        return "set options.include_usage to false"
    if param.startswith("messages"):
        return "set options.instruction_role to user if the server takes a system message only at the start"
    named = f"options.{param}" if param in LLMOptions.__struct_fields__ else "options.model and the options beside it"
    return f"it does not take this request; check {named} (its own words are in the log at debug)"


def wait(status: int, retry_after: str) -> float | None:
    """Seconds after which another try makes sense; None: it does not. Retry-After: RFC 9110, section 10.2.3."""
    seconds = float(retry_after) if re.fullmatch(r"\d{1,6}(\.\d+)?", retry_after.strip()) else None
    if seconds is not None and seconds > SHORT_WAIT:
        return None
    if status >= 500:
        return seconds or 0.0
    return seconds if status == 429 else None
