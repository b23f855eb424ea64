"""Webhooks: only what the platform signed, each event once, to those observers that are named."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from rejoinder import Secret, WebhookReport
from rejoinder.config import WebhookConfig
from rejoinder.protocols.retell_webhook import sign
from rejoinder.webhooks import BURST_MS, Memory, Webhooks

NOW = 1_700_000_000_000
KEYS = (Secret("new-key"), Secret("old-key"))
HOOK = WebhookConfig("main", "retell", KEYS, ("crm",))
BOTH = WebhookConfig("main", "retell", KEYS, ("crm", "bill"))
ENDED = {"event": "call_ended", "call": {"call_id": "call-1", "transcript": "Agent: hello"}}

NOT_THE_KEY = "signed with another key: only the API key with the webhook badge signs, and the body must come unchanged"

Log = pytest.LogCaptureFixture


class Platform:
    """Posts to webhooks and keeps what observers would hear."""

    def __init__(self, *, remembered: int = 100) -> None:
        self.now = NOW
        self.told: list[tuple[tuple[str, ...], WebhookReport, int]] = []
        self.webhooks = Webhooks(self._tell, remembered=remembered)

    def _tell(self, names: Iterable[str], report: WebhookReport, size: int) -> None:
        self.told.append((tuple(names), report, size))

    def posts(
        self, content: object, *, key: str = "new-key", hook: WebhookConfig = HOOK, at: int | None = None, raw: bytes = b""
    ) -> bool:
        """Whether what it sends is taken."""
        body = raw or json.dumps(content).encode()
        return self.delivers([sign(body, key, self.now if at is None else at)], body, hook)

    def delivers(self, headers: list[str], body: bytes, hook: WebhookConfig = HOOK) -> bool:
        signature = self.webhooks.signature(hook, headers, self.now)
        return signature is not None and self.webhooks.receive(hook, signature, body, self.now)

    @property
    def events(self) -> list[str]:
        """As one of the observers hears them."""
        return [report.event for names, report, _ in self.told if names == ("crm",)]


@pytest.fixture
def platform() -> Platform:
    return Platform()


def lines(log: Log) -> list[str]:
    return [record.getMessage() for record in log.records]


def test_a_signed_event_is_told_to_the_observers_of_the_webhook(platform: Platform) -> None:
    assert platform.posts(ENDED, hook=BOTH)
    (names, report, size), (others, _, _) = platform.told
    assert (names, others) == (("crm",), ("bill",))
    assert (report.platform, report.event, report.call_id, dict(report.data)) == ("retell", "call_ended", "call-1", ENDED)
    assert report.received_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert size == len(json.dumps(ENDED))


def test_what_one_observer_does_to_an_event_the_next_one_does_not_see(platform: Platform) -> None:
    platform.posts(ENDED, hook=BOTH)
    platform.told[0][1].data["call"].clear()
    assert platform.told[1][1].data == ENDED


def test_what_was_said_is_not_in_the_repr_of_a_report(platform: Platform) -> None:
    platform.posts(ENDED)
    assert "hello" not in repr(platform.told[0][1])


def test_both_keys_pass_while_they_are_changed(platform: Platform) -> None:
    assert platform.posts(ENDED, key="old-key")
    assert platform.posts({**ENDED, "event": "call_analyzed"}, key="new-key")
    assert platform.events == ["call_ended", "call_analyzed"]


def test_what_is_not_the_platforms_is_refused_with_the_reason_in_the_log_and_nothing_of_the_body(
    platform: Platform, caplog: Log
) -> None:
    body = json.dumps(ENDED).encode()
    assert not platform.delivers([], body)
    assert not platform.delivers(["hello"], body)
    assert not platform.posts(ENDED, at=NOW - 301_000)
    assert not platform.posts(ENDED, key="stolen-key")
    assert platform.told == []
    assert lines(caplog) == [
        "webhook main: a request was refused: no X-Retell-Signature",
        "webhook main: a request was refused: X-Retell-Signature does not have the form v=MILLISECONDS,d=HEX",
        "webhook main: a request was refused: the signature is stale by 301 s",
        f"webhook main: a request was refused: {NOT_THE_KEY}",
    ]


def test_a_burst_of_refusals_is_one_line_and_is_counted(platform: Platform, caplog: Log) -> None:
    for _ in range(500):
        platform.now += 100
        platform.delivers([], b"{}")
    platform.delivers(["hello"], b"{}")
    platform.now += BURST_MS
    platform.delivers([], b"{}")
    assert lines(caplog) == [
        "webhook main: a request was refused: no X-Retell-Signature",
        "webhook main: a request was refused: X-Retell-Signature does not have the form v=MILLISECONDS,d=HEX",
        "webhook main: a request was refused: no X-Retell-Signature (500 times since the last such line)",
    ]
    assert platform.webhooks.troubles == {("main", "unsigned"): 501, ("main", "malformed"): 1}


def test_a_refused_event_is_not_taken_for_told(platform: Platform) -> None:
    platform.posts(ENDED, key="stolen-key")
    assert platform.posts(ENDED)
    assert platform.events == ["call_ended"]


def test_a_repetition_is_taken_and_told_to_nobody(platform: Platform) -> None:
    for _ in range(4):
        platform.now += 11_000
        assert platform.posts(ENDED)
    assert platform.posts({**ENDED, "call": {"call_id": "call-1", "more": 1}})
    assert platform.events == ["call_ended"]


def test_another_call_event_or_webhook_is_no_repetition(platform: Platform) -> None:
    platform.posts(ENDED)
    platform.posts({"event": "call_ended", "call": {"call_id": "call-2"}})
    platform.posts({"event": "call_analyzed", "call": {"call_id": "call-1"}})
    platform.posts(ENDED, hook=WebhookConfig("other", "retell", HOOK.keys, HOOK.observers))
    assert platform.events == ["call_ended", "call_ended", "call_analyzed", "call_ended"]


def test_several_transfers_of_one_call_are_told(platform: Platform) -> None:
    for number in ("+442079460000", "+442079460001", "+442079460000"):
        platform.posts({"event": "transfer_started", "call": {"call_id": "call-1"}, "transfer_destination": number})
    assert len(platform.told) == 2


def test_an_older_transcript_is_not_told_after_a_newer_one(platform: Platform) -> None:
    def posts(words: str, at: int) -> None:
        assert platform.posts({"event": "transcript_updated", "call": {"call_id": "call-1", "transcript": words}}, at=at)

    posts("one", NOW)
    posts("one two three", NOW + 2)
    posts("one two", NOW + 1)
    posts("one two three", NOW + 2)
    posts("one", NOW + 3)  # sent again, with a new signature
    posts("one two three four", NOW + 3)
    assert [report.data["call"]["transcript"] for _, report, _ in platform.told] == [
        "one",
        "one two three",
        "one two three four",
    ]


def test_events_without_a_call_are_told_apart_by_their_whole_text(platform: Platform) -> None:
    for number in ("+442079460000", "+442079460001", "+442079460000"):
        assert platform.posts({"event": "call_inbound", "call_inbound": {"from_number": number}})
    assert [report.call_id for _, report, _ in platform.told] == ["", ""]


@pytest.mark.parametrize("body", [b"hello", b"[]", b"{", b'{"call": {}}', b'{"event": 7}', b"\xff", b"[" * 200_000, b" "])
def test_a_signed_body_that_tells_nothing_is_taken_and_logged(platform: Platform, caplog: Log, body: bytes) -> None:
    """To refuse it would bring the same again, three times."""
    assert platform.posts(None, raw=body)
    assert platform.posts(None, raw=body)
    assert platform.told == []
    assert lines(caplog) == ["webhook main: a signed request told no event that can be read, and was passed over"]


def test_half_a_character_at_a_cut_does_not_lose_an_event(platform: Platform) -> None:
    assert platform.posts(None, raw=b'{"event": "call_ended", "call": {"call_id": "call-\\ud83d", "transcript": "\\ud83d"}}')
    assert platform.events == ["call_ended"]


def test_events_that_nobody_hears_are_told_of_in_the_log(platform: Platform, caplog: Log) -> None:
    assert platform.posts(ENDED, hook=WebhookConfig("main", "retell", HOOK.keys, ()))
    assert lines(caplog) == ["webhook main: no observer hears of its events; name some under its observers:"]


def test_what_is_remembered_is_bounded_and_the_oldest_is_forgotten_first() -> None:
    platform = Platform(remembered=10)
    for number in range(11):
        platform.posts({"event": "call_ended", "call": {"call_id": f"call-{number}"}})
    platform.posts({"event": "call_ended", "call": {"call_id": "call-10"}})
    assert len(platform.told) == 11
    platform.posts({"event": "call_ended", "call": {"call_id": "call-0"}})
    assert len(platform.told) == 12


def test_a_memory_keeps_what_is_asked_for_again() -> None:
    memory = Memory(2)
    assert [memory.is_new([what]) for what in "abaca"] == [True, True, False, True, False]
    assert len(memory) == 2


def test_parts_of_what_is_remembered_do_not_run_together() -> None:
    memory = Memory(10)
    assert memory.is_new(["ab", "c"])
    assert memory.is_new(["a", "bc"])
