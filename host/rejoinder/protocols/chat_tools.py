"""What a chat-completions platform can do, found by the names of the tools that it offers with a request."""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from rejoinder.dialogue import Action, EndCall, PressDigits, TransferCall
from rejoinder.protocols.chat_answer import Function, ToolCall
from rejoinder.protocols.wire import to_json


class _OfferedFunction(Struct):
    name: str | None = None
    parameters: Any = None


class Tool(Struct):
    """A tool as the request offers it."""

    function: _OfferedFunction | None = None

    @property
    def name(self) -> str:
        """The function's name, "" for a tool of another kind."""
        return (self.function.name if self.function is not None else None) or ""

    def call(self, action: Action, identity: str) -> ToolCall:
        """The call of this tool that does `action`."""
        arguments = to_json(_ARGUMENTS[self.name][1](action, self)) or b"{}"
        return ToolCall(0, identity, "function", Function(self.name, arguments.decode()))


def offered(tools: Iterable[Tool]) -> dict[type[Action], Tool]:
    """The tool for each action that `tools` can do; the first if there are several."""
    found: dict[type[Action], Tool] = {}
    for tool in tools:
        if tool.name in _ARGUMENTS:
            found.setdefault(_ARGUMENTS[tool.name][0], tool)
    return found


def _nothing(_: Action, tool: Tool) -> dict[str, str]:
    return {}


def _reason(_: Action, tool: Tool) -> dict[str, str]:
    return {"reason": "The conversation is over."}


def _destination(action: Action, tool: Tool) -> dict[str, str]:
    return {"destination": action.to if isinstance(action, TransferCall) else ""}


def _transfer_number(action: Action, tool: Tool) -> dict[str, str]:
    """The messages stay empty: what the caller is to hear was said before, and nobody chose words for the other side."""
    number = action.to if isinstance(action, TransferCall) else ""
    return {"transfer_number": number, "client_message": "", "agent_message": "", "reason": "The agent transfers the call."}


def _digits(action: Action, tool: Tool) -> dict[str, str]:
    """Vapi's argument is `dtmf`; a tool that describes another one gets that."""
    parameters = tool.function.parameters if tool.function is not None else None
    properties = parameters.get("properties") if isinstance(parameters, dict) else None
    known = [name for name in ("dtmf", "digits", "keys") if isinstance(properties, dict) and name in properties]
    return {known[0] if known else "dtmf": action.digits if isinstance(action, PressDigits) else ""}


#: Vapi's and ElevenLabs' names (docs.vapi.ai default tools; elevenlabs.io system tools; read 2026-11-22).
_ARGUMENTS: dict[str, tuple[type[Action], Callable[[Action, Tool], dict[str, str]]]] = {
    "endCall": (EndCall, _nothing),
    "end_call": (EndCall, _reason),
    "transferCall": (TransferCall, _destination),
    "transfer_to_number": (TransferCall, _transfer_number),
    "dtmf": (PressDigits, _digits),
}
