"""The configuration as it takes effect: everything included and inherited, what came from outside masked."""

import re
from typing import Any

import yaml

from rejoinder.config.load import Loaded
from rejoinder.config.shape import AgentConfig, Config, ObserverConfig, RouteConfig
from rejoinder.config.tree import Broken, Listing, Node, Origin, Scalar, Table
from rejoinder.config.value import Unit

MASK = "***"
_SECRET_NAME = re.compile(r"(?:^|_)(?:key|token|secret|password)\Z", re.IGNORECASE)


def show(loaded: Loaded) -> str:
    """The effective file as YAML, "" if there is none. What a substitution gave, and texts under a key that speaks of a
    secret, are `***`; a text that stands in a file is `{file: path}`."""
    if loaded.config is None:
        return ""
    effective = _effective(loaded.config, loaded.units)
    return yaml.safe_dump(effective, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)


def _effective(config: Config, units: tuple[Unit, ...]) -> dict[str, Any]:
    server = config.server
    main = units[0].root
    written = main.child("server") if main else None
    whole = {
        "server": _over({"host": server.host, "port": server.port, "public_url": server.public_url}, written)
        | ({} if server.watch is None else {"watch": server.watch}),
        "vars": _names("vars", units),
        "numbers": _names("numbers", units),
        "agents": {name: _agent(agent) for name, agent in config.agents.items()},
        "observers": {name: _observer(observer) for name, observer in config.observers.items()},
        "routes": {path: _route(route) for path, route in config.routes.items()},
    }
    return {key: value for key, value in whole.items() if value}


def _over(values: dict[str, Any], written: Origin | None) -> dict[str, Any]:
    """Values as they take effect, masked where they were written as a substitution."""
    shown = dict(values)
    for name in values:
        child = written.child(name) if written else None
        if child and isinstance(child.node, Scalar) and child.node.substituted:
            shown[name] = MASK
    return shown


def _names(section: str, units: tuple[Unit, ...]) -> dict[str, Any]:
    """Vars or numbers; those of an included file by the name that it gives its agents."""
    found: dict[str, Any] = {}
    for unit in units:
        table = unit.root.child(section) if unit.root else None
        if table and isinstance(table.node, Table):
            found |= {unit.full(name): _shown(entry.node, name) for name, entry in table.node.entries.items()}
    return found


def _agent(agent: AgentConfig) -> dict[str, Any]:
    shown: dict[str, Any] = {"system": agent.system}
    if agent.begin is not None:
        shown["begin"] = agent.begin.text
    if agent.reminder:
        shown["reminder"] = [line.text for line in agent.reminder]
    shown |= {"language": agent.language, "timezone": agent.timezone}
    for name in ("begin", "reminder"):
        child = agent.origin.child(name) if agent.origin else None
        if child and name in shown:
            shown[name] = _shown(child.node, name)
    return _over(shown, agent.origin) | _options(agent.origin)


def _observer(observer: ObserverConfig) -> dict[str, Any]:
    return _over({"system": observer.system}, observer.origin) | _options(observer.origin)


def _options(origin: Origin | None) -> dict[str, Any]:
    options = origin.child("options") if origin else None
    return {"options": _shown(options.node, "options")} if options else {}


def _route(route: RouteConfig) -> Any:
    if route.origin and isinstance(route.origin.node, Scalar):
        return MASK if route.origin.node.substituted else route.agent
    shown: dict[str, Any] = {"agent": route.agent}
    if route.origin and isinstance(route.origin.node, Table):
        shown |= {name: _shown(entry.node, name) for name, entry in route.origin.node.entries.items() if name != "agent"}
    return _over(shown, route.origin)


def _shown(node: Node, name: str) -> Any:
    match node:
        case Scalar(file=file) if file:
            return {"file": file}
        case Scalar(substituted=True):
            return MASK
        case Scalar() as scalar:
            secret = isinstance(scalar.value, str) and scalar.text and _SECRET_NAME.search(name)
            return MASK if secret else scalar.value
        case Listing(items=items):
            return [_shown(item, name) for item in items]
        case Table(entries=entries):
            return {key: _shown(entry.node, key) for key, entry in entries.items()}
        case Broken():
            return None
