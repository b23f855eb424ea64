"""The front door: the names that authors of plugins import, each with its meaning. Removing one breaks their plugins."""

import ast
import inspect
from pathlib import Path

import pytest

import rejoinder

NAMES = [
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
    "ToolOutcomeUnknown",
    "ToolResult",
    "ToolReturned",
    "Transcript",
    "TransferCall",
    "Turn",
    "TurnReport",
    "Usage",
    "Utterance",
    "WebhookReport",
    "hookimpl",
    "observing",
    "per_call",
]


def _explained(name: str) -> str:
    """The docstring of a class or function, or the `#:` lines above an assignment, where `name` is made."""
    folder = Path(inspect.getfile(rejoinder)).parent
    for path in folder.glob("*.py"):
        source = path.read_text("utf-8")
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
                return ast.get_docstring(node) or ""
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                above = source.splitlines()[node.lineno - 2]
                return above.removeprefix("#:") if above.startswith("#:") else ""
    raise AssertionError(f"{name} is made nowhere in {folder}")


def test_the_front_door_offers_exactly_these_names() -> None:
    assert rejoinder.__all__ == sorted(NAMES)
    assert all(hasattr(rejoinder, name) for name in NAMES)


def test_whatever_else_is_in_the_package_is_a_module_or_private() -> None:
    """So that no name is used by accident that nobody promised."""
    public = {name for name, value in vars(rejoinder).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert public == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_says_what_it_means(name: str) -> None:
    assert len(_explained(name).split()) >= 4


@pytest.mark.parametrize("name", [name for name in NAMES if inspect.isclass(getattr(rejoinder, name))])
def test_the_methods_an_author_overrides_or_calls_say_what_they_mean(name: str) -> None:
    methods = [
        method
        for method, value in vars(getattr(rejoinder, name)).items()
        if inspect.isfunction(value) and not method.startswith("_")
    ]
    assert [method for method in methods if not inspect.getdoc(getattr(getattr(rejoinder, name), method))] == []


def test_importing_the_front_door_is_all_that_a_plugin_needs_to_be_written() -> None:
    """The types in the signatures that an author overrides have names there too."""
    overridden = [
        function
        for promised in (rejoinder.ResponseSystem, rejoinder.Observer)
        for name, function in vars(promised).items()
        if inspect.isfunction(function) and not name.startswith("_")
    ]
    used = {str(hint) for function in overridden for hint in inspect.get_annotations(function, eval_str=False).values()}
    used -= {"None", "<class 'str'>"}
    named = {str(getattr(rejoinder, name)) for name in NAMES} | {str(rejoinder.Reply | rejoinder.SyncReply)}
    assert used - named == set()
