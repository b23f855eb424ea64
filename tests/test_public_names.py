"""The front door: the names that authors of plugins import, each with its meaning. Removing one breaks their plugins."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import rejoinder
from rejoinder import testing

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

#: The names of the test kit; `rejoinder.testing.fixtures` has those of its fixtures.
OF_THE_KIT = [
    "Caller",
    "CannotDial",
    "Dialler",
    "Exchange",
    "FakeLLM",
    "Heard",
    "NotHeard",
    "PHONE_CALL",
    "PeerElsewhere",
    "Standstill",
    "Step",
    "Talk",
    "VirtualClockLoop",
    "WEB_CALL",
    "Wire",
    "caller",
    "calling",
    "conformance",
    "served",
    "socket_dialler",
    "talk",
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


def test_the_test_kit_offers_exactly_these_names() -> None:
    assert sorted(testing.__all__) == sorted(OF_THE_KIT)
    assert set(OF_THE_KIT) <= set(dir(testing))
    with pytest.raises(AttributeError, match="no attribute 'tlak'"):
        testing.__getattr__("tlak")


@pytest.mark.parametrize("name", OF_THE_KIT)
def test_every_name_of_the_test_kit_says_what_it_means(name: str) -> None:
    found = getattr(testing, name)
    if inspect.isclass(found) or inspect.isfunction(found):
        assert len((inspect.getdoc(found) or "").split()) >= 4


@pytest.mark.parametrize("name", [name for name in OF_THE_KIT if inspect.isclass(getattr(testing, name))])
def test_the_methods_of_the_test_kit_say_what_they_mean(name: str) -> None:
    kind = getattr(testing, name)
    own = {method: value for method, value in vars(kind).items() if not method.startswith("_")}
    methods = [method for method, value in own.items() if inspect.isfunction(value) or isinstance(value, property)]
    exempt = {"take", "text", "connections", "run_in_executor"}
    assert [method for method in methods if not inspect.getdoc(getattr(kind, method)) and method not in exempt] == []


def test_no_module_beside_the_test_kits_front_door_bears_one_of_its_names() -> None:
    """Once imported, a module is an attribute of its package and would hide what the name promises."""
    modules = {path.stem for path in Path(inspect.getfile(testing)).parent.glob("*.py")}
    assert modules & set(testing.__all__) == set()


def test_the_test_kit_imports_no_more_than_what_is_used() -> None:
    """A fake model needs no host, and a talk no web server of ours."""
    code = "import sys; from rejoinder.testing import {}; print([name for name in {} if name in sys.modules])"
    unneeded = {"FakeLLM": ["rejoinder.session", "rejoinder.routes"], "talk": ["rejoinder.server", "rejoinder.host"]}
    for name, modules in unneeded.items():
        done = subprocess.run([sys.executable, "-c", code.format(name, modules)], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"
