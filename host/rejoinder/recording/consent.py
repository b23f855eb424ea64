"""Whether a call may be written down word by word: what its platform says of it."""

from collections.abc import Mapping

from rejoinder.events import Details

#: Set by who made the call or by the agent's settings in Retell's dashboard (call object of retell-sdk 6.2, read 2026-11-22).
_OPT_OUT = "opt_out_sensitive_data_storage"
_SETTING = "data_storage_setting"
#: The one setting that lets a transcript be kept as it was spoken. We cannot tell names from other words, so that
#: "everything_except_pii" is more than we could promise.
_EVERYTHING = "everything"
_DEEPEST = 4


def opts_out(details: Details) -> bool:
    """Whether the words of this call must not be kept."""
    return _opts_out(details.raw, _DEEPEST)


def may_opt_out(frame: bytes | str) -> bool:
    """Whether a frame of which nothing may be understood speaks of storage."""
    data = frame.encode("utf-8", "replace") if isinstance(frame, str) else frame
    return _OPT_OUT.encode() in data or _SETTING.encode() in data


def _opts_out(given: object, deepest: int) -> bool:
    if not isinstance(given, Mapping) or not deepest:
        return False
    if given.get(_OPT_OUT) not in (None, False, "false", "") or given.get(_SETTING, _EVERYTHING) not in (None, _EVERYTHING):
        return True
    return any(_opts_out(one, deepest - 1) for one in given.values())
