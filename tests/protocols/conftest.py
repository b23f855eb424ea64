"""Frames as the platforms send them, for the tests of the codecs."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st

from rejoinder.protocols.retell import RetellCodec

Make = Callable[..., bytes]


@pytest.fixture
def codec() -> RetellCodec:
    """A codec whose first socket is open."""
    made = RetellCodec()
    made.opened()
    return made


@pytest.fixture
def frame() -> Make:
    """Makes a frame of one kind with the fields given."""

    def make(kind: str, **fields: object) -> bytes:
        return json.dumps({"interaction_type": kind, **fields}).encode()

    return make


def _any_of(words: str) -> st.SearchStrategy[str]:
    return st.sampled_from(words.split())


@pytest.fixture(scope="session")
def any_json() -> st.SearchStrategy[Any]:
    """Any JSON value, with the key names that mean something mixed in."""
    names = _any_of(
        "interaction_type response_id timestamp transcript transcript_with_tool_calls turntaking call role content words digit "
        "messages message model stream stream_options tools function name parameters metadata user_id type id"
    )
    kinds = _any_of("ping_pong update_only response_required reminder_required call_details clear dtmf user agent endCall")
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | kinds
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names | st.text(max_size=4), inner, max_size=6),
        max_leaves=20,
    )
