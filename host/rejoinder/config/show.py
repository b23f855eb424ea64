"""The configuration as it takes effect: everything included and inherited, what came from outside masked."""

import re
from typing import Any

import yaml

from rejoinder.config.durations import written
from rejoinder.config.load import Loaded
from rejoinder.config.shape import AgentConfig, Config, Limits, RouteConfig, WebhookConfig
from rejoinder.config.tree import Broken, Listing, Node, Origin, Scalar, Table, inside
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
    server, main = config.server, units[0].root
    written = main.child("server") if main else None
    whole = {
        "server": _over({"host": server.host, "port": server.port, "public_url": server.public_url}, written),
        "vars": _names("vars", units),
        "numbers": _names("numbers", units),
        "agents": {name: _agent(agent) for name, agent in config.agents.items()},
        "observers": {name: _over({"system": one.system}, one.origin) for name, one in config.observers.items()},
        "routes": {path: _route(route) for path, route in config.routes.items()},
        "webhooks": {name: _over(_webhook(one), one.origin) for name, one in config.webhooks.items()},
    }
    return {key: value for key, value in whole.items() if value}


def _over(values: dict[str, Any], written: Origin | None) -> dict[str, Any]:
    """Values as they take effect, masked where they were written as a substitution, and what else is written there."""
    nodes = {str(key): node for key, node in inside(written.node).items()} if written else {}
    shown = values | {key: _shown(node, key) for key, node in nodes.items() if key not in values}
    return {key: MASK if _substituted(nodes.get(key)) else value for key, value in shown.items() if key != "extends"}


def _substituted(node: Node | None) -> bool:
    return isinstance(node, Scalar) and node.substituted


def _names(section: str, units: tuple[Unit, ...]) -> dict[str, Any]:
    """Vars or numbers; those of an included file by the name that it gives its agents."""
    found: dict[str, Any] = {}
    for unit in units:
        table = unit.root.child(section) if unit.root else None
        if table and isinstance(table.node, Table):
            found |= {unit.full(name): _shown(entry.node, name) for name, entry in table.node.entries.items()}
    return found


def _agent(agent: AgentConfig) -> dict[str, Any]:
    return _over({"system": agent.system, "language": agent.language, "timezone": agent.timezone}, agent.origin)


def _route(route: RouteConfig) -> Any:
    own = inside(route.origin.node) if route.origin else {}
    inherited = {key: value for key, value in _access(route).items() if key not in own}
    if route.origin and isinstance(route.origin.node, Scalar):
        agent = MASK if route.origin.node.substituted else route.agent
        return {"agent": agent, **inherited} if inherited else agent
    return _over({"agent": route.agent, **inherited}, route.origin)


def _access(route: RouteConfig) -> dict[str, Any]:
    """What `secret`, `allow`, `limits` and `record` come to, where they say anything."""
    door, limits = route.door, route.limits
    shown: dict[str, Any] = {"secret": MASK} if door.secrets else {}
    if door.allow is not None:
        shown["allow"] = [str(network) for network in door.allow]
    if limits != Limits():
        counts = {"calls": limits.calls, "reminders": limits.reminders}
        given = {key: count for key, count in counts.items() if count is not None}
        shown["limits"] = {**given, "call_duration": written(limits.call_duration)}
    if route.record is not None:
        shown["record"] = {"keep": written(route.record.keep), "text": "on" if route.record.text else "off"}
    return shown


def _webhook(webhook: WebhookConfig) -> dict[str, Any]:
    return {"platform": webhook.platform, "observers": list(webhook.observers)}


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
