"""Plugins by the name used in YAML: found by entry points, loaded one by one, and only those that are asked for.

Loading the whole group would import everything that happens to be installed, and one broken neighbour would stop the host.
A plugin that does not load is its own fault alone: whatever it does on the way in, what comes out here is a PluginError.
"""

import difflib
import functools
import importlib
import importlib.util
import inspect
import shlex
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, TypeVar

import pluggy

from rejoinder import hookspecs
from rejoinder.contract import ObserverSpec, SystemSpec
from rejoinder.errors import PluginError
from rejoinder.inventory import Installed, Provided, options_of
from rejoinder.requirements import unmet
from rejoinder.slow_imports import told_if_slow

SpecT = TypeVar("SpecT", SystemSpec[Any], ObserverSpec[Any])
OURS = "rejoinder"


class UnknownPlugin(PluginError):
    """No plugin of that name is installed, or it is of the other kind: the fault is in the file that names it."""


class DuplicatePlugin(PluginError):
    """Two distributions provide a plugin of one name."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A loaded plugin and what it provides.

    `distribution` and `version` as pip knows them; for one given by `--plugin` what was written there, and "".
    """

    name: str
    distribution: str
    version: str
    system: SystemSpec[Any] | None
    observer: ObserverSpec[Any] | None


@dataclass(frozen=True)
class _Source:
    """Where a plugin of this name comes from; `value` is its module (`package.module:object`) or its file."""

    name: str
    value: str
    entry_point: EntryPoint | None = None

    @functools.cached_property
    def installed(self) -> metadata.Distribution | None:
        return self.entry_point.dist if self.entry_point is not None else None

    @functools.cached_property
    def distribution(self) -> str:
        return self.installed.name if self.installed is not None else self.value

    @functools.cached_property
    def version(self) -> str:
        return self.installed.version if self.installed is not None else ""

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip()

    def fault(self, text: str) -> PluginError:
        origin = f"{self}, {self.value}" if self.version else self.value
        return PluginError(f"plugin '{self.name}' ({origin}): {text}")


class Registry:
    """The plugins of this process. `extra` are names with a module or a path to a `.py` file, and come before installed ones.

    What is installed is looked up once. Any thread may load.
    """

    def __init__(self, extra: Mapping[str, str] | None = None) -> None:
        self._extra = dict(extra or {})
        self._plugins = pluggy.PluginManager(hookspecs.ENTRY_POINT_GROUP)
        self._plugins.add_hookspecs(hookspecs)
        self._loaded: dict[str, Plugin] = {}
        self._loading: dict[str, threading.Lock] = {}  # one a name: an import that never ends holds up nobody else
        self._lock = threading.Lock()
        self._printing = 0
        self._stdout = sys.stdout

    def add(self, name: str, system: SystemSpec[Any]) -> None:
        """Know a response system that is at hand, of no plugin, by that name."""
        self._loaded[name] = Plugin(name, "", "", system, None)

    def names(self) -> list[str]:
        """The names of all plugins that could be loaded; imports none."""
        return sorted(self._sources)

    def load(self, name: str) -> Plugin:
        """The plugin `name`, imported and checked at the first call. One that failed is tried again when asked again.

        Raises UnknownPlugin, DuplicatePlugin, or PluginError whose text names plugin and distribution, what was expected
        and what was found.
        """
        with self._loading.setdefault(name, threading.Lock()):
            if name not in self._loaded:
                source = self._source(name)
                with self._printing_aside():
                    self._loaded[name] = self._load(source)
            return self._loaded[name]

    def system(self, name: str) -> SystemSpec[Any]:
        """The response system `name`; raises as `load` does, and UnknownPlugin if that plugin is an observer alone."""
        plugin = self.load(name)
        if plugin.system is None:
            raise UnknownPlugin(
                f"plugin '{name}' ({plugin.distribution}) is an observer, no response system: name it under observers:"
            )
        return plugin.system

    def observer(self, name: str) -> ObserverSpec[Any]:
        """The observer `name`; raises as `load` does, and UnknownPlugin if that plugin is a response system alone."""
        plugin = self.load(name)
        if plugin.observer is None:
            raise UnknownPlugin(
                f"plugin '{name}' ({plugin.distribution}) is a response system, no observer: name it under agents:"
            )
        return plugin.observer

    def origin(self, name: str) -> str:
        """The distribution of a plugin with its version, as pip knows them; imports nothing. "" if there is no such plugin."""
        if (plugin := self._loaded.get(name)) is not None:
            return f"{plugin.distribution} {plugin.version}".strip()
        return ", ".join(map(str, self._sources.get(name, ())))

    def unknown(self, name: str) -> str:
        """What to tell a person who asked for a plugin that is not there."""
        near = difflib.get_close_matches(name, self.names(), n=1)
        meant = f"did you mean '{near[0]}'? " if near else ""
        return (
            f"no plugin '{name}' is installed; {meant}installed: {', '.join(self.names()) or 'none'}; after a plugin was "
            "installed from a folder or added to one, its install has to be run again (pip install -e FOLDER)"
        )

    def installed(self) -> list[Installed]:
        """Every plugin with what it provides, or the reason why it does not load. Never raises."""
        return [self._described(name) for name in self.names()]

    @functools.cached_property
    def _sources(self) -> dict[str, list[_Source]]:
        found: dict[str, list[_Source]] = {}
        for entry in metadata.entry_points(group=hookspecs.ENTRY_POINT_GROUP):
            found.setdefault(entry.name, []).append(_Source(entry.name, entry.value, entry))
        return found | {name: [_Source(name, value)] for name, value in self._extra.items()}

    def _source(self, name: str) -> _Source:
        sources = self._sources.get(name)
        if not sources:
            raise UnknownPlugin(self.unknown(name))
        if len(sources) > 1:
            both = " and ".join(sorted(map(str, sources)))
            remedy = f"uninstall one of them (pip uninstall {sources[-1].distribution})"
            raise DuplicatePlugin(f"plugin '{name}' is provided by {both}: {remedy}")
        return sources[0]

    def _load(self, source: _Source) -> Plugin:
        _check_version(source)
        plugin = self._import(source)
        self._register(source, plugin)
        hooks = self._plugins.hook
        try:
            system = _spec(source, plugin, hooks.rejoinder_response_system, SystemSpec)
            observer = _spec(source, plugin, hooks.rejoinder_observer, ObserverSpec)
            if system is None and observer is None:
                raise source.fault(_nothing(plugin))
        except PluginError:
            with self._lock:
                self._forget(plugin)
            raise
        return Plugin(source.name, source.distribution, source.version, system, observer)

    def _import(self, source: _Source) -> object:
        try:
            with told_if_slow(f"plugin '{source.name}' ({source})"):
                return source.entry_point.load() if source.entry_point else _extra_module(source)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin that ends the process on its way in must not
            importlib.invalidate_caches()  # what is missing may be installed before this is tried again
            raise source.fault(f"does not import: {_told(error)}") from error

    @contextmanager
    def _printing_aside(self) -> Iterator[None]:
        """Plugins that print while they are loaded do so on the error stream: ours may be JSON for another program.

        Counted, because two threads may be loading.
        """
        with self._lock:
            if not self._printing:
                self._stdout, sys.stdout = sys.stdout, sys.stderr
            self._printing += 1
        try:
            yield
        finally:
            with self._lock:
                self._printing -= 1
                if not self._printing:
                    sys.stdout = self._stdout

    def _register(self, source: _Source, plugin: object) -> None:
        with self._lock:
            if self._plugins.is_registered(plugin):  # one module may serve two names
                return
            try:
                self._plugins.register(plugin, source.name)
                self._plugins.check_pending()
            except Exception as error:
                self._forget(plugin)  # or `check_pending` would blame it on the next one
                text = " ".join(str(error).split())
                raise source.fault(f"expected the hooks of rejoinder.hookspecs, found: {text}") from error

    def _forget(self, plugin: object) -> None:
        if self._plugins.is_registered(plugin):
            self._plugins.unregister(plugin)

    def _described(self, name: str) -> Installed:
        sources = self._sources[name]
        distributions = ", ".join(source.distribution for source in sources)
        versions = ", ".join(source.version for source in sources)
        try:
            plugin = self.load(name)
            provides: list[Provided] = []
            if plugin.system is not None:
                provides.append(Provided("response system", options_of(plugin.system.options)))
            if plugin.observer is not None:
                provides.append(Provided("observer", options_of(plugin.observer.options)))
            return Installed(name, distributions, versions, tuple(provides))
        except PluginError as error:
            return Installed(name, distributions, versions, fault=str(error))
        except Exception as error:  # noqa: BLE001 - its text is the answer
            return Installed(name, distributions, versions, fault=f"its options cannot be described: {_told(error)}")


def _check_version(source: _Source) -> None:
    if source.installed is None:
        return
    try:
        ours = metadata.version(OURS)
    except metadata.PackageNotFoundError:  # run from a checkout that was never installed
        return
    missing = unmet(source.installed.requires or (), OURS, ours)
    if missing is not None:
        target = f"'{OURS}{missing.wanted}'" if missing.ours_is_older else source.distribution
        remedy = f"run: {shlex.quote(sys.executable)} -m pip install --upgrade {target}"
        raise source.fault(f"expected {OURS} {missing.wanted}, found {OURS} {ours}; {remedy}")


def _extra_module(source: _Source) -> object:
    path = Path(source.value)
    if path.suffix != ".py":
        return importlib.import_module(source.value)
    name = f"rejoinder_file_{source.name}"  # not the file's own: a plugin in `email.py` must not become the email module
    found = importlib.util.spec_from_file_location(name, path)
    if found is None or found.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module  # typed options look their own module up here
    try:
        found.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _spec(source: _Source, plugin: object, hook: pluggy.HookCaller, expected: type[SpecT]) -> SpecT | None:
    """What the plugin's own implementation of `hook` gives, None if it has none."""
    own = [found for found in hook.get_hookimpls() if found.plugin is plugin]
    if not own:
        return None
    if own[0].wrapper or own[0].hookwrapper:
        raise source.fault(f"{hook.name} is a wrapper; expected a function that returns {expected.__name__}")
    found = _called(source, hook.name, own[0].function)
    if not isinstance(found, expected):
        raise source.fault(f"expected {hook.name} to return {expected.__name__}, found {_kind(found)}")
    options, opens = found.options, found.open
    if not inspect.isclass(options) or not callable(opens):
        wanted = f"{expected.__name__}(options=a class, open=a function)"
        raise source.fault(f"expected {wanted}, found options={_kind(options)}, open={_kind(opens)}")
    return found


def _called(source: _Source, hook: str, function: Callable[..., object]) -> object:
    try:
        return function()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise source.fault(f"{hook} failed: {_told(error)}") from error


def _kind(found: object) -> str:
    if inspect.iscoroutine(found):
        found.close()  # never to be awaited, and not to be warned about either
        return "a coroutine (write `def`, not `async def`)"
    return f"the class {found.__name__}" if isinstance(found, type) else f"{type(found).__name__}"


def _nothing(plugin: object) -> str:
    expected = "expected a function rejoinder_response_system or rejoinder_observer marked @hookimpl"
    for name in ("rejoinder_response_system", "rejoinder_observer"):
        if callable(getattr(plugin, name, None)):
            return f"{expected}, found {name} without the mark"
    return f"{expected}, found none"


def _told(error: BaseException) -> str:
    """The error with its kind, and the plugin's own line that it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith("<") and "importlib" not in frame.filename]
    place = f" ({own[-1].filename}:{own[-1].lineno})" if own and own[-1].filename != __file__ else ""
    return f"{type(error).__name__}: {error}{place}"
