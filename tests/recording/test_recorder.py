"""What hears of a call on the front, and that it hears of everything."""

import inspect

from rejoinder.effects import Effect
from rejoinder.engine import Conversation
from rejoinder.outbox import Socket
from rejoinder.recording.recorder import _TapedConversation, _TapedSocket


def test_whatever_makes_the_engine_decide_is_heard() -> None:
    """But its end, which is told as the end of the call."""
    deciding = {
        name
        for name, method in vars(Conversation).items()
        if inspect.isfunction(method)
        and not name.startswith("_")
        and inspect.signature(method).return_annotation == list[Effect]
    }
    assert deciding >= {"opened", "receive", "output", "ended", "failed", "timer", "order"}
    assert deciding - {"closed"} == {name for name in vars(_TapedConversation) if not name.startswith("_")}


def test_a_taped_socket_is_a_whole_socket() -> None:
    promised = {name for name in vars(Socket) if not name.startswith("_")}
    assert promised == {name for name in vars(_TapedSocket) if not name.startswith("_")}
