"""What a test is about: a response system at hand, and the configuration that puts it on a route."""

import importlib.util
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypedDict, TypeVar, get_args, get_origin

from rejoinder.config import Config, load
from rejoinder.contract import Options, ResponseSystem, SystemSpec, per_call
from rejoinder.errors import ConfigError, Problem
from rejoinder.registry import Registry

#: A response system as a test has it: its class, its spec, the name of an installed one, or a module or `.py` file with the
#: hook, as `--plugin` takes them.
Tried = type[ResponseSystem[Any]] | SystemSpec[Any] | ModuleType | Path | str

ROUTE = "/test"
_FILE = Path("rejoinder.yaml")


class AgentKeys(TypedDict, total=False):
    """What YAML says of an agent and its route, in the same words; `options` may be an object of the options' type too.

    Texts are taken as they are: `${NAME}` stands for nothing here.
    """

    options: Mapping[str, Any] | object
    begin: str
    reminder: str | Sequence[str]
    lines: Mapping[str, str | Sequence[str]]
    language: str
    timezone: str
    clean_speech: bool
    late: Mapping[str, str]
    vars: Mapping[str, Any]
    numbers: Mapping[str, str]
    on_failure: str | Mapping[str, str]
    retell: Mapping[str, Any]
    limits: Mapping[str, Any]


#: Where each of them stands that is not the agent's own.
_OF_THE_FILE = ("vars", "numbers")
_OF_THE_ROUTE = ("on_failure", "retell", "limits")
#: A caller's keys are told of only where a route asks for them, so here they are.
_RETELL = {"transcript_with_tool_calls": True}


@dataclass(frozen=True)
class Subject:
    """A system by the name that it is given in `text`, a configuration with it on ROUTE; `registry` knows it."""

    name: str
    registry: Registry
    text: str

    def config(self) -> Config:
        """Raises ConfigError with every problem of what was given, by the path of its keys."""
        loaded = load(_FILE, {}, text=self.text)
        if loaded.config is None:
            raise self.wrong(loaded.problems)
        return loaded.config

    def wrong(self, problems: Sequence[Problem]) -> ConfigError:
        """The same problems without a place in a file that nobody wrote."""
        prefix = re.compile(rf"(agents\.{re.escape(self.name)}|routes\.{ROUTE})\.?")
        return ConfigError([Problem(self.name, 0, 0, prefix.sub("", one.where), one.what, one.remedy) for one in problems])


def subject(system: Tried, keys: AgentKeys) -> Subject:
    """Raises TypeError for what is no system, and for values that YAML cannot hold."""
    given: dict[str, Any] = dict(keys)
    name, registry = _registered(system, given)
    route = {"agent": name, "retell": {**_RETELL, **given.pop("retell", {})}}
    route.update({key: given.pop(key) for key in _OF_THE_ROUTE if key in given})
    top = {key: given.pop(key) for key in _OF_THE_FILE if key in given}
    document = {"server": {"watch": False}, **top, "agents": {name: {"system": name, **given}}, "routes": {ROUTE: route}}
    return Subject(name, registry, json.dumps(_literal(document), ensure_ascii=False))


def _registered(system: Tried, given: dict[str, Any]) -> tuple[str, Registry]:
    """A name for the system, and a registry that has it; options that are an object already are taken out of `given`."""
    name, registry = _known(system)
    options = given.get("options")
    if options is not None and not isinstance(options, Mapping):
        del given["options"]
        registry.add(name, _opened_with(registry.system(name), options))
    return name, registry


def _known(system: Tried) -> tuple[str, Registry]:
    if isinstance(system, SystemSpec):
        return _added("system", system)
    if isinstance(system, type) and issubclass(system, ResponseSystem):
        return _added(system.__name__, per_call(system, options_type(system)))
    if isinstance(system, ModuleType):
        return system.__name__, Registry({system.__name__: system.__name__})
    if isinstance(system, Path):
        return system.stem, Registry({system.stem: str(system)})
    if not isinstance(system, str):
        raise TypeError(f"{system!r} is no response system: expected its class, its SystemSpec, a name, a module or a .py file")
    registry = Registry()
    if system in registry.names() or not _is_module(system):
        return system, registry  # if there is none of that name, the registry says which there are
    name = Path(system).stem if system.endswith(".py") else system
    return name, Registry({name: system})


def _added(name: str, spec: SystemSpec[Any]) -> tuple[str, Registry]:
    registry = Registry()
    registry.add(name, spec)
    return name, registry


def _is_module(name: str) -> bool:
    if name.endswith(".py"):
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _opened_with(spec: SystemSpec[Any], options: object) -> SystemSpec[Any]:
    if not isinstance(options, spec.options):
        found = f"{type(options).__module__}.{type(options).__qualname__}"
        raise TypeError(f"expected options as a mapping or an object of {spec.options.__qualname__}, found {found}")
    return SystemSpec(Options, lambda _: spec.open(options))


def _literal(value: Any) -> Any:
    """The value with every `$` written as YAML wants it for one that is to stay."""
    match value:
        case str():
            return value.replace("$", "$$")
        case Mapping():
            return {key: _literal(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_literal(inner) for inner in value]
        case _:
            return value


def options_type(system: type[ResponseSystem[Any]]) -> type[Any]:
    """What a class says that its options are: `EchoOptions` of `class Echo(ResponseSystem[EchoOptions])`, `Options` (none) if
    it says nothing. Raises TypeError if that cannot be known."""
    found = _argument(system)
    if found is None or found is Any:
        return Options
    if not isinstance(found, type):
        raise TypeError(
            f"the options of {system.__name__} are {found}, no class: give per_call({system.__name__}, ITS_OPTIONS)"
        )
    return found


def _argument(system: type) -> Any:
    """What stands in the brackets of the ResponseSystem that a class derives from, None if there are none."""
    for written in (*getattr(system, "__orig_bases__", ()), *system.__bases__):
        generic, arguments = get_origin(written), get_args(written)
        if generic is ResponseSystem:
            return arguments[0]
        if isinstance(generic or written, type) and issubclass(generic or written, ResponseSystem):
            found = _argument(generic or written)
            if isinstance(found, TypeVar) and arguments:
                return dict(zip(generic.__parameters__, arguments, strict=True)).get(found, found)
            if found is not None:
                return found
    return None
