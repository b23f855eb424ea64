"""Rejoinder: the host for voice agents. This is the front door for authors of plugins."""

from rejoinder.call import Call, CallFacts
from rejoinder.contract import (
    CallReport,
    Observer,
    ObserverSpec,
    Options,
    Reply,
    ResponseSystem,
    Secret,
    SyncReply,
    SystemFactory,
    SystemSpec,
    TurnReport,
    observing,
    per_call,
)
from rejoinder.dialogue import (
    EndCall,
    Metadata,
    Output,
    PressDigits,
    Say,
    ToolCalled,
    ToolReturned,
    Transcript,
    TransferCall,
    Turn,
    Usage,
    Utterance,
)
from rejoinder.errors import ReplyFailed
from rejoinder.events import Details
from rejoinder.hookspecs import hookimpl

__all__ = [
    "Call",
    "CallFacts",
    "CallReport",
    "Details",
    "EndCall",
    "Metadata",
    "Observer",
    "ObserverSpec",
    "Options",
    "Output",
    "PressDigits",
    "Reply",
    "ReplyFailed",
    "ResponseSystem",
    "Say",
    "Secret",
    "SyncReply",
    "SystemFactory",
    "SystemSpec",
    "ToolCalled",
    "ToolReturned",
    "Transcript",
    "TransferCall",
    "Turn",
    "TurnReport",
    "Usage",
    "Utterance",
    "hookimpl",
    "observing",
    "per_call",
]
