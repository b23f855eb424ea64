"""Retell's webhooks: the signature over the raw body, and which bodies tell of the same event."""

import importlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rejoinder.protocols.retell_webhook import WINDOW_MS, NotSigned, Told, read_signature, sign, told

BODY = b'{"event":"call_ended"}'
KEY = "test-api-key"
NOW = 1_700_000_000_000
DIGEST = "07024cabe7dd8f6d1c6e4a8324ca92c812e6ad4a7ee506c04f7e462e3321823e"
RIGHT = f"v={NOW},d={DIGEST}"


def refusal(header: str | list[str], *, body: bytes = BODY, now_ms: int = NOW, keys: tuple[str, ...] = (KEY,)) -> str:
    """Why it is refused, "" if it is not."""
    try:
        read_signature([header] if isinstance(header, str) else header, now_ms).check(body, keys)
    except NotSigned as why:
        return why.reason
    return ""


def test_signs_as_the_platform_does() -> None:
    assert sign(BODY, KEY, NOW) == RIGHT


def test_takes_what_the_platform_signed() -> None:
    assert refusal(RIGHT) == ""


@pytest.mark.parametrize("off", [-WINDOW_MS, WINDOW_MS])
def test_exactly_five_minutes_before_and_after_still_pass(off: int) -> None:
    assert refusal(RIGHT, now_ms=NOW + off) == ""
    assert refusal(RIGHT, now_ms=NOW + off + (1 if off > 0 else -1)) == "stale"


@pytest.mark.parametrize(
    ("now_ms", "text"),
    [
        (NOW + 301_000, "the signature is stale by 301 s"),
        (NOW - 400_000, "the signature is 400 s ahead of this machine's clock"),
    ],
)
def test_says_by_how_much_the_clocks_differ(now_ms: int, text: str) -> None:
    with pytest.raises(NotSigned) as why:
        read_signature([RIGHT], now_ms)
    assert str(why.value) == text


@pytest.mark.parametrize(
    "header",
    [
        "",
        DIGEST,
        f"d={DIGEST},v={NOW}",
        f"v={NOW}, d={DIGEST}",
        f" {RIGHT}",
        f"{RIGHT} ",
        f"{RIGHT}\n",
        f"{RIGHT},x=1",
        f"sha256={RIGHT}",
        f"v={NOW},d={DIGEST.upper()}",
        f"v={NOW},d={DIGEST[1:]}",
        f"v={NOW},d={DIGEST}0",
        f"v=-{NOW},d={DIGEST}",
        f"v={NOW}.0,d={DIGEST}",
        f"v=,d={DIGEST}",
        f"v={'9' * 5000},d={DIGEST}",
        f"v={''.join(chr(0x660 + int(digit)) for digit in str(NOW))},d={DIGEST}",
        [RIGHT, RIGHT],
    ],
)
def test_any_other_form_is_refused(header: str | list[str]) -> None:
    assert refusal(header) == "malformed"


def test_a_missing_header_is_told_from_a_wrong_one() -> None:
    assert refusal([]) == "unsigned"


@pytest.mark.parametrize("body", [b'{"event": "call_ended"}', BODY + b" ", BODY + b"1", b"", b"\xff"])
def test_the_body_counts_byte_for_byte(body: bytes) -> None:
    assert refusal(RIGHT, body=body) == "wrong key"


def test_a_digit_that_wanders_from_the_time_to_the_body_makes_it_stale() -> None:
    """The two are signed as one text, so the digest alone would still be right."""
    header = f"v={str(NOW)[1:]},d={DIGEST}"
    assert refusal(header, body=BODY + b"1") == "stale"
    assert refusal(header, body=BODY + b"1", now_ms=int(str(NOW)[1:])) == ""


def test_any_of_several_keys_passes_while_they_are_changed() -> None:
    assert refusal(RIGHT, keys=("new", KEY)) == ""
    assert refusal(RIGHT, keys=(KEY, "new")) == ""
    assert refusal(RIGHT, keys=("new", "newer")) == "wrong key"
    assert refusal(RIGHT, keys=()) == "wrong key"


@settings(max_examples=30)
@given(body=st.binary(), key=st.text(st.characters(codec="utf-8"), min_size=1), at=st.integers(0, 10**15))
def test_takes_whatever_was_signed_and_nothing_else(body: bytes, key: str, at: int) -> None:
    header = sign(body, key, at)
    assert refusal(header, body=body, keys=(key,), now_ms=at) == ""
    assert refusal(header, body=body + b"\0", keys=(key,), now_ms=at) == "wrong key"
    assert refusal(header, body=body, keys=(key + "x",), now_ms=at) == "wrong key"


@pytest.mark.failure(30)
def test_agrees_with_the_platforms_own_package_both_ways() -> None:
    """Its import takes a second and more, hence one test for everything."""
    theirs: Any = importlib.import_module("retell.lib.webhook_auth").symmetric
    digits = str(NOW)

    @settings(max_examples=200, deadline=None)
    @given(
        body=st.text(st.characters(codec="utf-8")),
        key=st.text(st.characters(codec="utf-8"), min_size=1),
        off=st.integers(-WINDOW_MS - 2, WINDOW_MS + 2) | st.sampled_from([-WINDOW_MS, WINDOW_MS]),
    )
    def agree(body: str, key: str, off: int) -> None:
        ours, raw = sign(body.encode(), key, NOW), body.encode()
        assert theirs["sign"](body, key, NOW) == ours
        accepted = theirs["verify"](body, key, ours, {"timestamp": NOW + off})
        assert accepted == (refusal(ours, body=raw, keys=(key,), now_ms=NOW + off) == "")

    agree()
    for header in (
        RIGHT,
        f"v=00{digits},d={DIGEST}",
        f"{RIGHT},",
        f" {RIGHT}",
        f"d={DIGEST},v={NOW}",
        RIGHT.upper(),
        "",
        "v=1",
    ):
        assert theirs["verify"](BODY.decode(), KEY, header, {"timestamp": NOW}) == (refusal(header) == "")


CALL = {"call_id": "call-1", "start_timestamp": 1714608475945, "transcript": "..."}


@pytest.mark.parametrize("event", ["call_started", "call_ended", "call_analyzed", "something_new"])
def test_event_and_call_tell_a_repetition(event: str) -> None:
    assert told({"event": event, "call": CALL}) == Told(event, "call-1", (event, "call-1"))


def test_several_transfers_of_one_call_are_told_apart_by_destination_and_start() -> None:
    first = told({"event": "transfer_started", "call": CALL, "transfer_destination": "+442079460000"})
    again = told({"event": "transfer_started", "call": {**CALL, "more": 1}, "transfer_destination": "+442079460000"})
    other = told({"event": "transfer_started", "call": CALL, "transfer_destination": "+442079460001"})
    later = told({"event": "transfer_started", "call": {**CALL, "start_timestamp": 2}, "transfer_destination": "+442079460000"})
    assert first is not None
    assert first == again
    assert len({one.identity for one in (first, other, later) if one}) == 3


def test_of_updates_of_the_transcript_only_the_newest_counts() -> None:
    found = told({"event": "transcript_updated", "call": CALL})
    assert found is not None
    assert found.supersedes


def test_the_events_of_a_chat_have_its_id() -> None:
    assert told({"event": "chat_ended", "chat": {"chat_id": "chat-1"}}) == Told(
        "chat_ended", "chat-1", ("chat_ended", "chat-1")
    )


@pytest.mark.parametrize("content", [{}, {"event": None}, {"event": 7}, {"event": ""}, {"event": ["call_ended"]}])
def test_a_body_without_an_event_tells_nothing(content: dict[str, object]) -> None:
    assert told(content) is None


@pytest.mark.parametrize("call", [None, [], "call-1", {}, {"call_id": 7}, {"call_id": None}])
def test_an_event_without_a_call_is_told_all_the_same(call: object) -> None:
    found = told({"event": "call_inbound", "call": call})
    assert found is not None
    assert found.call_id == ""
