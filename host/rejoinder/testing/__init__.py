"""The test kit for authors of plugins: prove a response system without a phone.

    from rejoinder.testing import talk

    def test_shouts() -> None:
        assert talk(Shout).says("hi") == "HI!"

Each name is imported when it is first used: a test that talks needs no web server, and one with a fake model no host.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rejoinder.conformance.parametrized import conformance
    from rejoinder.testing.clock import PeerElsewhere, Standstill, VirtualClockLoop
    from rejoinder.testing.dialling import CannotDial
    from rejoinder.testing.exchange import Exchange
    from rejoinder.testing.hearing import Heard
    from rejoinder.testing.llm import FakeLLM, Step
    from rejoinder.testing.serving import caller, served
    from rejoinder.testing.talking import Talk, talk
    from rejoinder.testing.telephone import PHONE_CALL, WEB_CALL, Caller, NotHeard, calling
    from rejoinder.testing.wire import Dialler, Wire, socket_dialler

__all__ = [
    "PHONE_CALL",
    "WEB_CALL",
    "Caller",
    "CannotDial",
    "Dialler",
    "Exchange",
    "FakeLLM",
    "Heard",
    "NotHeard",
    "PeerElsewhere",
    "Standstill",
    "Step",
    "Talk",
    "VirtualClockLoop",
    "Wire",
    "caller",
    "calling",
    "conformance",
    "served",
    "socket_dialler",
    "talk",
]

#: The names of each module of `rejoinder`. No module beside this one may bear such a name: once imported it would hide it.
_HOMES = {
    "conformance.parametrized": ("conformance",),
    "testing.clock": ("PeerElsewhere", "Standstill", "VirtualClockLoop"),
    "testing.dialling": ("CannotDial",),
    "testing.exchange": ("Exchange",),
    "testing.hearing": ("Heard",),
    "testing.llm": ("FakeLLM", "Step"),
    "testing.serving": ("caller", "served"),
    "testing.talking": ("Talk", "talk"),
    "testing.telephone": ("PHONE_CALL", "WEB_CALL", "Caller", "NotHeard", "calling"),
    "testing.wire": ("Dialler", "Wire", "socket_dialler"),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            found: object = getattr(importlib.import_module(f"rejoinder.{home}"), name)
            globals()[name] = found
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
