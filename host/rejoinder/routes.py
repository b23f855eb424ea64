"""From a configuration and the installed plugins to live routes: options checked, agents opened.

A wrong file (shape, names, options, unknown system) is a ConfigError and stops a start or a reload. A plugin that does not
import or open is broken, not wrong: its routes answer all the same, every reply there fails at once and the caller hears the
host's apology, until a later try to open it succeeds.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rejoinder.agents import Agent
from rejoinder.call import CallFacts
from rejoinder.config import AgentConfig, Config, Loaded, ObserverConfig, RouteConfig, convert_options
from rejoinder.contract import ObserverSpec, Options, SystemFactory, SystemSpec
from rejoinder.errors import ConfigError, PluginError, Problem
from rejoinder.lines import HostLines
from rejoinder.registry import DuplicatePlugin, Registry, UnknownPlugin
from rejoinder.watchdog import Watchdog

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Route:
    """A path, the agent it is given to, those that take its place in order, and what the YAML says of them."""

    config: RouteConfig
    agent_config: AgentConfig
    agent: Agent
    substitutes: tuple[tuple[AgentConfig, Agent], ...] = ()

    @property
    def path(self) -> str:
        return self.config.path

    def takes(self, platform: str, *, is_local: bool) -> bool:
        """Whether `platform` may dial here; by default Retell, and from this machine whatever speaks chat completions."""
        if self.config.platforms is not None:
            return platform in self.config.platforms
        return platform == "retell" or (platform == "chat" and is_local)

    def _facts(self, agent: AgentConfig, call_id: str, platform: str) -> CallFacts:
        return CallFacts(call_id, self.path, agent.name, platform, agent.language, agent.timezone, agent.vars)

    def agents(self, call_id: str, platform: str) -> tuple[tuple[CallFacts, Agent], ...]:
        """Who may answer a call, in order, each with what is known of the call when it opens."""
        everyone = ((self.agent_config, self.agent), *self.substitutes)
        return tuple([(self._facts(config, call_id, platform), agent) for config, agent in everyone])

    def lines(self, field_value: Callable[[str], str]) -> HostLines:
        """The host's lines for one call, with the call's fields by `field_value`."""
        agent = self.agent_config
        return HostLines(agent.language, field_value, agent.begin, agent.reminder, agent.lines)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A configuration whose names were looked up and whose options were checked: everything short of opening it."""

    config: Config
    systems: Mapping[str, tuple[SystemSpec[Any], Any]]
    observers: Mapping[str, tuple[ObserverSpec[Any], Any]]
    broken: Mapping[str, PluginError]  # agents whose plugin does not load; they are in `systems` too
    deaf: Mapping[str, PluginError]  # observers whose plugin does not load; they are not in `observers`
    wrong: tuple[str, ...] = ()  # agents with problems; they are not all in `systems`
    origins: Mapping[str, str] = field(default_factory=dict)  # of each agent in `systems`, the distribution of its plugin


@dataclass(frozen=True)
class Routes:
    """The routes of one generation of the file. `broken` says which agents did not open, and why."""

    config: Config = field(default_factory=lambda: Config(Path()))
    routes: Mapping[str, Route] = field(default_factory=dict)
    agents: Mapping[str, Agent] = field(default_factory=dict)
    broken: Mapping[str, PluginError] = field(default_factory=dict)
    generation: int = 0

    @property
    def down(self) -> dict[str, PluginError]:
        """Which agents do not answer now, and why: those that did not open, and those whose system closed by itself since."""
        closed = [name for name, agent in self.agents.items() if not agent.is_open and name not in self.broken]
        return {**self.broken, **{name: PluginError(f"agent {name}: its system closed by itself") for name in closed}}

    @property
    def broken_routes(self) -> list[str]:
        down = self.down
        return [path for path, route in self.routes.items() if route.agent_config.name in down]


def resolve(config: Config, registry: Registry) -> Resolved:
    """Import what `config` names and check all options. Imports plugins: not for the front loop.

    Raises ConfigError with every problem of every agent and observer.
    """
    resolved, problems = examine(config, registry)
    if problems:
        raise ConfigError(problems)
    return resolved


def resolve_what_is_right(config: Config, registry: Registry) -> tuple[Resolved, list[Problem]]:
    """The same for a start: an included file with a wrong agent takes down its own routes only; its problems are given beside.

    Raises ConfigError if it is the main file that is wrong.
    """
    resolved, problems = examine(config, registry)
    if not problems:
        return resolved, []
    parts = {config.agents[name].part for name in resolved.wrong}
    if "" in parts or not parts:
        raise ConfigError(problems)
    return resolve(config.without(parts), registry), problems


def examine(config: Config, registry: Registry) -> tuple[Resolved, list[Problem]]:
    """The same, with the problems beside what is right."""
    problems: list[Problem] = []
    systems: dict[str, tuple[SystemSpec[Any], Any]] = {}
    broken: dict[str, PluginError] = {}
    wrong: list[str] = []
    for name in dict.fromkeys(name for route in config.routes.values() for name in config.succession(route.agent)):
        agent, before = config.agents[name], len(problems)
        try:
            systems[name] = _with_options(registry.system(agent.system), agent, problems)
        except (UnknownPlugin, DuplicatePlugin) as error:
            problems.append(wrong_system(agent, str(error)))
        except PluginError as error:
            broken[name] = error
            systems[name] = (_unopenable(error), None)
        if len(problems) > before:
            wrong.append(name)
    for name, agent in config.agents.items():
        if name not in systems and name not in wrong and (found := _idle_problems(agent, registry)):
            problems += found
            wrong.append(name)
    deaf: dict[str, PluginError] = {}
    observers = _resolve_observers(config, registry, problems, deaf)
    origins = {name: registry.origin(config.agents[name].system) for name in systems}
    return Resolved(config, systems, observers, broken, deaf, tuple(wrong), origins), sorted(problems)


def _idle_problems(agent: AgentConfig, registry: Registry) -> list[Problem]:
    """What is wrong with an agent on no route. It may be there to be extended only: an option may be missing."""
    try:
        spec = registry.system(agent.system)
    except (UnknownPlugin, DuplicatePlugin) as error:
        return [wrong_system(agent, str(error))]
    except PluginError:  # broken, not wrong, and there is no route for it to take down
        return []
    return convert_options(spec.options, agent.options, agent.origin, whole=False)[1]


def every_problem(loaded: Loaded, registry: Registry) -> list[Problem]:
    """All that can be said against a file without opening an agent: what its reading found, what is wrong with systems and
    options, and the plugins that do not load; in the order of the files. Imports plugins: not for the front loop.
    """
    more = _plugin_problems(loaded, registry)
    order = {str(unit.path): place for place, unit in enumerate(loaded.units)}
    return sorted((*loaded.problems, *more), key=lambda problem: (order.get(problem.file, len(order)), problem))


def _plugin_problems(loaded: Loaded, registry: Registry) -> list[Problem]:
    config = loaded.legible
    if config is None:
        return []
    resolved, problems = examine(config, registry)
    problems += [wrong_system(config.agents[name], str(fault)) for name, fault in resolved.broken.items()]
    problems += [wrong_system(config.observers[name], str(fault)) for name, fault in resolved.deaf.items()]
    return problems


def _resolve_observers(
    config: Config, registry: Registry, problems: list[Problem], deaf: dict[str, PluginError]
) -> dict[str, tuple[ObserverSpec[Any], Any]]:
    found: dict[str, tuple[ObserverSpec[Any], Any]] = {}
    for name, observer in config.observers.items():
        try:
            spec = registry.observer(observer.system)
            options, wrong = convert_options(spec.options, observer.options, observer.origin)
            problems.extend(wrong)
            found[name] = (spec, options)
        except (UnknownPlugin, DuplicatePlugin) as error:
            problems.append(wrong_system(observer, str(error)))
        except PluginError as error:
            deaf[name] = error
    return found


def _with_options(spec: SystemSpec[Any], agent: AgentConfig, problems: list[Problem]) -> tuple[SystemSpec[Any], Any]:
    options, wrong = convert_options(spec.options, agent.options, agent.origin)
    problems.extend(wrong)
    problems.extend(_undialled(options, agent))
    return spec, options


def _undialled(options: object, agent: AgentConfig) -> Iterator[Problem]:
    """A problem for each number that the options want dialled and the file does not hold."""
    names = agent.numbers
    for steps, name in options.dials() if isinstance(options, Options) else ():
        if name not in names and name not in names.values() and agent.origin is not None:
            known = f"there are: {', '.join(sorted(names))}" if names else "write it there, in quotes, as +442079460000"
            yield agent.origin.problem(["options", *steps], f"there is no {name!r} under numbers:", known)


def wrong_system(entry: AgentConfig | ObserverConfig, what: str) -> Problem:
    """What is wrong with the system that an agent or observer names."""
    if entry.origin is None:
        return Problem("", 0, 0, entry.name, what)
    return entry.origin.problem(["system"], what)


def _unopenable(error: PluginError) -> SystemSpec[Any]:
    """The spec of a system whose plugin does not load: opening it says why."""

    @asynccontextmanager
    async def open_agent(_: Any) -> AsyncIterator[SystemFactory]:
        raise error
        yield  # makes it a generator

    return SystemSpec(dict, open_agent)


async def open_routes(
    resolved: Resolved,
    former: Routes | None = None,
    *,
    loop: asyncio.AbstractEventLoop | None = None,
    watchdog: Watchdog | None = None,
) -> Routes:
    """Open the agents of a resolved configuration; those of `former` that did not change are carried over, warm.

    Never raises because of a plugin. `loop` is given to every agent (tests); by default each makes its own.
    """
    former = former or Routes()
    config = resolved.config
    agents: dict[str, Agent] = {}
    opening: list[str] = []
    for name in resolved.systems:
        if carried := _carried(former, config.agents[name]):
            agents[name] = carried
        else:
            agents[name] = _made(resolved, name, loop, watchdog)
            opening.append(name)
    faults = await asyncio.gather(*(_opened(agents[name]) for name in opening))
    broken = {name: fault for name, fault in zip(opening, faults, strict=True) if fault is not None}
    broken.update(resolved.broken)
    for name, fault in broken.items():
        log.error("agent %s is broken: %s; its routes answer with an apology until it opens", name, fault)
    for name, fault in resolved.deaf.items():
        log.error("observer %s hears nothing: %s", name, fault)
    return Routes(config, _routes(config, agents), agents, broken, former.generation + 1)


def _routes(config: Config, agents: Mapping[str, Agent]) -> dict[str, Route]:
    routes = {}
    for path, route in config.routes.items():
        first, *others = [(config.agents[name], agents[name]) for name in config.succession(route.agent)]
        routes[path] = Route(route, *first, tuple(others))
    return routes


def _carried(former: Routes, agent: AgentConfig) -> Agent | None:
    before = former.config.agents.get(agent.name)
    carried = former.agents.get(agent.name)
    if before is None or carried is None or not carried.is_open:
        return None
    is_same = (before.fingerprint, before.clean_speech) == (agent.fingerprint, agent.clean_speech)
    return carried if is_same else None


def _made(resolved: Resolved, name: str, loop: asyncio.AbstractEventLoop | None, watchdog: Watchdog | None) -> Agent:
    spec, options = resolved.systems[name]
    front, origin = asyncio.get_running_loop(), resolved.origins.get(name, "")
    clean = resolved.config.agents[name].clean_speech
    return Agent(name, spec, options, front=front, loop=loop, origin=origin, watchdog=watchdog, clean_speech=clean)


async def _opened(agent: Agent) -> PluginError | None:
    try:
        await agent.open()
    except PluginError as error:
        return error
    return None


async def mend(
    routes: Routes,
    registry: Registry,
    *,
    loop: asyncio.AbstractEventLoop | None = None,
    watchdog: Watchdog | None = None,
) -> Routes:
    """Open anew what does not answer; `routes` itself if nothing was mended."""
    down = routes.down
    resolved, problems = await asyncio.to_thread(examine, routes.config, registry)
    if problems:
        log.error("a broken agent now loads, but its options are wrong:\n%s", "\n".join(map(str, problems)))
    hopeless = {*resolved.broken, *resolved.wrong}
    tried = {name: _made(resolved, name, loop, watchdog) for name in down if name not in hopeless}
    faults = await asyncio.gather(*(_opened(agent) for agent in tried.values()))
    mended = {name: agent for (name, agent), fault in zip(tried.items(), faults, strict=True) if fault is None}
    if not mended:
        return routes
    log.info("mended: %s", ", ".join(mended))
    agents = {**routes.agents, **mended}
    broken = {name: fault for name, fault in down.items() if name not in mended}
    return replace(routes, agents=agents, routes=_routes(routes.config, agents), broken=broken)
