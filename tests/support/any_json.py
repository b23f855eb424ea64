"""Any JSON value, as hypothesis makes them."""

from typing import Any

from hypothesis import strategies as st

#: Key names and values that mean something to one of the codecs.
NAMES = (
    "interaction_type response_id timestamp transcript transcript_with_tool_calls turntaking call role content words digit "
    "messages message model stream stream_options tools function name parameters metadata user_id type id"
)
VALUES = "ping_pong update_only response_required reminder_required call_details clear dtmf user agent endCall"


def json_values() -> st.SearchStrategy[Any]:
    """Any JSON value, with the names that mean something mixed in."""
    names, kinds = (st.sampled_from(words.split()) for words in (NAMES, VALUES))
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | kinds
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names | st.text(max_size=4), inner, max_size=6),
        max_leaves=20,
    )
