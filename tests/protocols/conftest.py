"""Frames as the platforms send them, for the tests of the codecs."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st

from any_json import json_values
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


@pytest.fixture(scope="session")
def any_json() -> st.SearchStrategy[Any]:
    return json_values()
