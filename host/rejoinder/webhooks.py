"""Webhooks: what a platform tells of its calls by HTTP. Verified, told apart from what was told before, and handed on.

Knows no socket and no clock: `now_ms` is Unix time in milliseconds.
"""

import hashlib
import json
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rejoinder.config import WebhookConfig
from rejoinder.contract import WebhookReport
from rejoinder.protocols.retell_webhook import NotSigned, Signature, Told, read_signature, told

log = logging.getLogger(__name__)

#: Events that are remembered, to know a repetition: some 2 MB. Platforms repeat within a minute.
REMEMBERED = 10_000
#: Milliseconds between two lines in the log about the same trouble of one webhook.
BURST_MS = 60_000

#: Tells the observers of these names; the number is the length of the body in bytes.
Tell = Callable[[Iterable[str], WebhookReport, int], None]


class Memory:
    """What was told before, as far as `room` reaches; the oldest is forgotten first."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._times: OrderedDict[bytes, int] = OrderedDict()  # hashes: what a peer writes must not decide how much is kept

    def __len__(self) -> int:
        return len(self._times)

    def is_new(self, what: Iterable[str | bytes]) -> bool:
        """Whether `what` was not told before; from now on it was."""
        key = _hash(what)
        if key in self._times:
            self._times.move_to_end(key)
            return False
        self._keep(key, 0)
        return True

    def is_newest(self, of: Iterable[str | bytes], at_ms: int) -> bool:
        """Whether nothing `of` this was told that is newer than `at_ms`; from now on that is the newest."""
        key = _hash(of)
        if self._times.get(key, at_ms) > at_ms:
            return False
        self._keep(key, at_ms)
        return True

    def _keep(self, key: bytes, at_ms: int) -> None:
        self._times[key] = at_ms
        self._times.move_to_end(key)
        if len(self._times) > self._room:
            self._times.popitem(last=False)


class Webhooks:
    """All webhooks of this server; lives as long as it does, whatever is reloaded."""

    def __init__(self, tell: Tell, *, remembered: int = REMEMBERED) -> None:
        self._tell = tell
        self._before = Memory(remembered)
        self._logged: dict[tuple[str, str], tuple[int, int]] = {}  # when, and how often it had happened by then
        #: How often each trouble came, by webhook and reason.
        self.troubles: Counter[tuple[str, str]] = Counter()

    def signature(self, hook: WebhookConfig, headers: Sequence[str], now_ms: int) -> Signature | None:
        """What a request is signed with, by its headers alone; None if it is to be refused, which is then in the log."""
        try:
            return read_signature(headers, now_ms)
        except NotSigned as why:
            self._refused(hook, why, now_ms)
            return None

    def receive(self, hook: WebhookConfig, signature: Signature, body: bytes, now_ms: int) -> bool:
        """Whether the platform sent this body. If it did, observers hear of it, unless it was told before.

        A signed body that tells nothing is taken too: the platform would send the same again, and it would tell no more.
        """
        try:
            signature.check(body, [key.reveal() for key in hook.keys])
        except NotSigned as why:
            self._refused(hook, why, now_ms)
            return False
        content = _content(body)
        if content is None or (event := told(content)) is None:
            self._trouble(
                hook.name, "unreadable", "a signed request told no event that can be read, and was passed over", now_ms
            )
        elif self._is_new(hook.name, event, signature.at_ms, body):
            self._hand_on(hook, event, content, body, now_ms)
        return True

    def _is_new(self, name: str, event: Told, at_ms: int, body: bytes) -> bool:
        if event.supersedes:
            return self._before.is_new((name, *event.identity, body)) and self._before.is_newest((name, *event.identity), at_ms)
        # What belongs to no call is known by its whole text only.
        return self._before.is_new((name, *event.identity) if event.call_id else (name, *event.identity, body))

    def _hand_on(self, hook: WebhookConfig, event: Told, content: dict[str, Any], body: bytes, now_ms: int) -> None:
        if not hook.observers:
            self._trouble(hook.name, "unheard", "no observer hears of its events; name some under its observers:", now_ms)
            return
        received = datetime.fromtimestamp(now_ms / 1000, UTC)
        for place, name in enumerate(hook.observers):
            own = json.loads(body) if place else content  # what one observer does to it, the next does not see
            self._tell((name,), WebhookReport(hook.platform, event.event, event.call_id, own, received), len(body))

    def _refused(self, hook: WebhookConfig, why: NotSigned, now_ms: int) -> None:
        self._trouble(hook.name, why.reason, f"a request was refused: {why}", now_ms)

    def _trouble(self, name: str, reason: str, text: str, now_ms: int) -> None:
        """Count it, and say so once a burst: who knocks all day must not fill the log."""
        key = (name, reason)
        self.troubles[key] += 1
        at, times = self._logged.get(key, (now_ms - BURST_MS, 0))
        if now_ms - at >= BURST_MS:
            again = self.troubles[key] - times
            self._logged[key] = (now_ms, self.troubles[key])
            log.warning("webhook %s: %s%s", name, text, f" ({again} times since the last such line)" if again > 1 else "")


def _content(body: bytes) -> dict[str, Any] | None:
    """A body's JSON object. Read by `json`, which takes the halves of characters that a cut transcript may end in."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _hash(parts: Iterable[str | bytes]) -> bytes:
    made = hashlib.blake2b(digest_size=16)
    for part in parts:
        raw = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        made.update(b"%d:" % len(raw))
        made.update(raw)
    return made.digest()
