"""The registry: plugins by name, from real distributions written to a folder and really imported."""

import json
import logging
import re
import shlex
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import msgspec
import pytest

from rejoinder import ObserverSpec, SystemSpec, slow_imports
from rejoinder.errors import PluginError
from rejoinder.inventory import Option
from rejoinder.registry import DuplicatePlugin, Registry, UnknownPlugin

OURS = metadata.version("rejoinder")

SYSTEM = """
from typing import Annotated, Literal
from msgspec import Meta
from rejoinder import Options, Reply, ResponseSystem, Secret, SystemSpec, Turn, hookimpl, per_call

class WeatherOptions(Options, frozen=True):
    city: Annotated[str, Meta(description="Where to look.")]
    units: Literal["metric", "imperial"] = "metric"

class Weather(ResponseSystem[WeatherOptions]):
    async def respond(self, turn: Turn) -> Reply:
        yield "Sunny."

@hookimpl
def rejoinder_response_system() -> SystemSpec[WeatherOptions]:
    return per_call(Weather, WeatherOptions)
"""
OBSERVER = """
from rejoinder import Observer, ObserverSpec, Options, hookimpl, observing

class Crm(Observer[Options]):
    pass

@hookimpl
def rejoinder_observer() -> ObserverSpec[Options]:
    return observing(Crm, Options)
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Writes a distribution with one module, as pip would have left it."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(
        distribution: str, source: str, *, name: str, module: str = "", version: str = "1.2", requires: tuple[str, ...] = ()
    ) -> None:
        module = module or distribution.replace("-", "_")
        (tmp_path / f"{module.partition(':')[0]}.py").write_text(source)
        info = tmp_path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n{needs}")
        (info / "entry_points.txt").write_text(f"[rejoinder]\n{name} = {module}\n")

    yield write
    for loaded in set(sys.modules) - before:
        del sys.modules[loaded]


def fault_of(name: str, registry: Registry | None = None) -> str:
    with pytest.raises(PluginError) as refused:
        (registry or Registry()).load(name)
    return str(refused.value)


def test_our_own_plugins_come_in_by_the_same_door() -> None:
    assert {"dummy", "echo", "rules", "llm"} <= set(Registry().names())


def test_a_strangers_system_is_found_by_the_name_of_its_entry_point(install: Install) -> None:
    install("acme-weather", SYSTEM, name="weather")
    plugin = Registry().load("weather")
    assert (plugin.name, plugin.distribution, plugin.version, plugin.observer) == ("weather", "acme-weather", "1.2", None)
    assert isinstance(plugin.system, SystemSpec)
    assert plugin.system.options.__name__ == "WeatherOptions"


def test_only_the_plugin_that_is_asked_for_is_imported(install: Install) -> None:
    install("acme-weather", SYSTEM, name="weather")
    install("acme-broken", "1 / 0", name="broken")
    registry = Registry()
    assert "broken" in registry.names()
    registry.load("weather")
    assert "acme_weather" in sys.modules
    assert "acme_broken" not in sys.modules


def test_a_plugin_is_loaded_once(install: Install) -> None:
    install("acme-weather", SYSTEM, name="weather")
    registry = Registry()
    assert registry.load("weather") is registry.load("weather")


def test_two_registries_share_nothing(install: Install) -> None:
    install("acme-weather", SYSTEM, name="weather")
    first, second = Registry(), Registry()
    assert first.load("weather") is not second.load("weather")


def test_an_observer_and_a_system_may_live_in_one_plugin(install: Install) -> None:
    install("acme-both", SYSTEM + OBSERVER, name="both")
    plugin = Registry().load("both")
    assert isinstance(plugin.system, SystemSpec)
    assert isinstance(plugin.observer, ObserverSpec)


def test_one_module_may_serve_two_names(install: Install) -> None:
    install("acme-weather", SYSTEM, name="weather")
    install("acme-rain", SYSTEM, name="rain", module="acme_weather")
    registry = Registry()
    assert registry.system("weather").options is registry.system("rain").options


def test_an_entry_point_may_name_an_object_in_a_module(install: Install) -> None:
    held = SYSTEM.replace("@hookimpl\ndef rejoinder", "class Held:\n  @hookimpl\n  def rejoinder").replace(
        "system() ->", "system(self) ->"
    )
    install("acme-weather", held + "\nplugin = Held()", name="weather", module="acme_weather:plugin")
    assert Registry().load("weather").system is not None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import no_such_library", "does not import: ModuleNotFoundError: No module named 'no_such_library' ("),
        ("def broken(:", "does not import: SyntaxError: invalid syntax"),
        ("raise SystemExit(3)", "does not import: SystemExit: 3 ("),
        ("class Odd(BaseException): ...\nraise Odd('no')", "does not import: Odd: no ("),
        (
            "x = 1",
            "expected a function rejoinder_response_system or rejoinder_observer marked @hookimpl, found none",
        ),
        (
            SYSTEM.replace("@hookimpl", ""),
            (
                "expected a function rejoinder_response_system or rejoinder_observer marked @hookimpl, "
                "found rejoinder_response_system without the mark"
            ),
        ),
        (
            SYSTEM.replace("def rejoinder_response_system", "def rejoinder_respond"),
            "expected the hooks of rejoinder.hookspecs, found: unknown hook 'rejoinder_respond' in plugin",
        ),
        (
            SYSTEM.replace("rejoinder_response_system()", "rejoinder_response_system(config)"),
            "expected the hooks of rejoinder.hookspecs, found: Plugin 'weather' for hook 'rejoinder_response_system' hookimpl",
        ),
        (
            SYSTEM.replace("return per_call(Weather, WeatherOptions)", "return Weather"),
            "expected rejoinder_response_system to return SystemSpec, found the class Weather",
        ),
        (
            SYSTEM.replace("return per_call(Weather, WeatherOptions)", "pass"),
            "expected rejoinder_response_system to return SystemSpec, found NoneType",
        ),
        (
            SYSTEM.replace("def rejoinder", "async def rejoinder"),
            "expected rejoinder_response_system to return SystemSpec, found a coroutine (write `def`, not `async def`)",
        ),
        (
            SYSTEM.replace("return per_call(Weather, WeatherOptions)", "return SystemSpec(WeatherOptions, None)"),
            "expected SystemSpec(options=a class, open=a function), found options=the class WeatherOptions, open=NoneType",
        ),
        (
            SYSTEM.replace("return per_call(Weather, WeatherOptions)", "exit(1)"),
            "rejoinder_response_system failed: SystemExit: 1 (",
        ),
        (
            SYSTEM.replace("def respond", "def reply"),
            "rejoinder_response_system failed: TypeError: Weather is abstract: it lacks respond (",
        ),
        (
            OBSERVER.replace("return observing(Crm, Options)", "return Crm(Options())"),
            "expected rejoinder_observer to return ObserverSpec, found Crm",
        ),
        (
            SYSTEM.replace("@hookimpl", "@hookimpl(wrapper=True)").replace("return per_call", "yield per_call"),
            "rejoinder_response_system is a wrapper; expected a function that returns SystemSpec",
        ),
    ],
)
def test_a_plugin_that_does_not_load_is_named_with_what_was_expected_and_found(
    install: Install, source: str, expected: str
) -> None:
    install("acme-weather", source, name="weather")
    assert fault_of("weather").startswith(f"plugin 'weather' (acme-weather 1.2, acme_weather): {expected}")


def test_a_fault_at_import_says_in_which_line(install: Install, tmp_path: Path) -> None:
    install("acme-weather", "\n\n1 / 0", name="weather")
    assert fault_of("weather").endswith(f"ZeroDivisionError: division by zero ({tmp_path / 'acme_weather.py'}:3)")


def test_a_broken_plugin_harms_no_other(install: Install) -> None:
    install("acme-broken", SYSTEM.replace("def rejoinder_response_system", "def rejoinder_respond"), name="broken")
    install("acme-weather", SYSTEM, name="weather")
    registry = Registry()
    fault_of("broken", registry)
    assert registry.load("weather").system is not None


def test_a_plugin_that_was_mended_loads_when_asked_again(install: Install, tmp_path: Path) -> None:
    install("acme-weather", "import acme_sky\n" + SYSTEM, name="weather")
    registry = Registry()
    assert "No module named 'acme_sky'" in fault_of("weather", registry)
    (tmp_path / "acme_sky.py").write_text("")
    assert registry.load("weather").system is not None


def test_what_a_plugin_prints_at_import_stays_off_our_output(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    loud = SYSTEM.replace("    return", "    print('asked!')\n    return")
    install("acme-weather", "print('loading!')\n" + loud, name="weather")
    Registry().load("weather")
    print("ours")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("ours\n", "loading!\nasked!\n")


def test_an_import_that_does_not_end_holds_up_no_other(install: Install) -> None:
    waiting = "import threading\nthreading.entered.set()\nthreading.leave.wait()\n"
    install("acme-slow", waiting + SYSTEM, name="slow")
    install("acme-weather", SYSTEM, name="weather")
    entered, leave = threading.Event(), threading.Event()
    threading.__dict__.update(entered=entered, leave=leave)
    registry = Registry()
    thread = threading.Thread(target=registry.load, args=("slow",))
    thread.start()
    try:
        assert entered.wait(5)
        assert registry.load("weather").system is not None
    finally:
        leave.set()
        thread.join()
        del threading.__dict__["entered"], threading.__dict__["leave"]
    assert registry.load("slow").system is not None


def test_an_import_that_takes_long_is_told_with_its_line_while_it_lasts(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("acme-slow", "import threading\nthreading.leave.wait(20)\n" + SYSTEM, name="slow")
    leave = threading.Event()
    told: list[str] = []

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage())
            leave.set()

    listening = Listening()
    monkeypatch.setattr(threading, "leave", leave, raising=False)
    monkeypatch.setattr(slow_imports, "PATIENCE", 0.1)
    slow_imports.log.addHandler(listening)
    try:
        assert Registry().load("slow").system is not None
    finally:
        slow_imports.log.removeHandler(listening)
    (line,) = told
    assert line.startswith("plugin 'slow' (acme-slow ")
    assert re.search(r"is still being imported after 0\.1 s, at \S+acme_slow\.py:2: what takes long", line)


def test_a_keyboard_interrupt_is_the_operators_not_the_plugins(install: Install) -> None:
    install("acme-weather", "raise KeyboardInterrupt", name="weather")
    with pytest.raises(KeyboardInterrupt):
        Registry().load("weather")


def test_two_distributions_with_one_name_are_both_named(install: Install) -> None:
    install("acme-weather", SYSTEM, name="weather")
    install("zeta-weather", SYSTEM, name="weather", version="0.3")
    registry = Registry()
    with pytest.raises(DuplicatePlugin) as refused:
        registry.load("weather")
    assert str(refused.value).startswith(
        "plugin 'weather' is provided by acme-weather 1.2 and zeta-weather 0.3: uninstall one of them (pip uninstall "
    )
    assert registry.load("dummy").system is not None


def test_an_unknown_name_gets_the_nearest_the_installed_ones_and_the_usual_reason(install: Install) -> None:
    registry = Registry({"weather": "acme_weather"})
    with pytest.raises(UnknownPlugin) as refused:
        registry.system("wether")
    text = str(refused.value)
    assert text == registry.unknown("wether")
    assert text.startswith("no plugin 'wether' is installed; did you mean 'weather'? installed: ")
    assert "dummy, echo, " in text
    assert text.endswith("its install has to be run again (pip install -e FOLDER)")
    assert "did you mean" not in registry.unknown("zzz")


def test_a_plugin_of_the_other_kind_is_told_where_to_be_named(install: Install) -> None:
    install("acme-crm", OBSERVER, name="crm")
    install("acme-weather", SYSTEM, name="weather")
    registry = Registry()
    assert registry.observer("crm").options.__name__ == "Options"
    with pytest.raises(UnknownPlugin, match=r"'crm' \(acme-crm\) is an observer, no response system: name it under observers:"):
        registry.system("crm")
    with pytest.raises(
        UnknownPlugin, match=r"'weather' \(acme-weather\) is a response system, no observer: name it under agents"
    ):
        registry.observer("weather")


@pytest.mark.parametrize(
    ("requires", "remedy"),
    [
        ("rejoinder>=99", f"; run: {shlex.quote(sys.executable)} -m pip install --upgrade 'rejoinder>=99'"),
        ("rejoinder (>=99,<100)", "-m pip install --upgrade 'rejoinder>=99,<100'"),
        ("Rejoinder[test] ~= 99.1", "-m pip install --upgrade 'rejoinder~=99.1'"),
        ("rejoinder<0.0.1", "-m pip install --upgrade acme-weather"),
        ("rejoinder==99.*", "-m pip install --upgrade 'rejoinder==99.*'"),
        (f"rejoinder!={OURS}", "-m pip install --upgrade acme-weather"),
    ],
)
def test_a_plugin_for_another_rejoinder_is_refused_with_the_command_that_mends_it(
    install: Install, requires: str, remedy: str
) -> None:
    install("acme-weather", "raise SystemExit", name="weather", requires=("aiohttp>=3", requires))
    fault = fault_of("weather")
    assert fault.startswith("plugin 'weather' (acme-weather 1.2, acme_weather): expected rejoinder ")
    assert f", found rejoinder {OURS}; run: " in fault
    assert fault.endswith(remedy)


@pytest.mark.parametrize(
    "requires",
    [
        "rejoinder",
        "rejoinder>=0.0.1,<99",
        f"rejoinder=={OURS}",
        f"rejoinder~={OURS}",
        "rejoinder !=99, >0, <=99.0",
        "rejoinder>=99; python_version < '3'",
        "rejoinder>=99rc1",
        "rejoinder @ file:///somewhere",
        "rejoinder-llm-tools>=99",
        "not a requirement at all!",
    ],
)
def test_a_requirement_that_is_met_or_cannot_be_read_stops_nobody(install: Install, requires: str) -> None:
    install("acme-weather", SYSTEM, name="weather", requires=(requires,))
    assert Registry().load("weather").system is not None


def test_a_module_named_on_the_command_line_needs_no_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, install: Install
) -> None:
    (tmp_path / "scratch_weather.py").write_text(SYSTEM)
    plugin = Registry({"weather": "scratch_weather"}).load("weather")
    assert (plugin.distribution, plugin.version) == ("scratch_weather", "")
    assert plugin.system is not None


def test_a_file_named_on_the_command_line_needs_no_install_and_hides_no_module(tmp_path: Path, install: Install) -> None:
    path = tmp_path / "json.py"
    path.write_text(SYSTEM)
    assert Registry({"weather": str(path)}).system("weather").options.__name__ == "WeatherOptions"
    assert sys.modules["json"] is json


def test_a_name_given_on_the_command_line_comes_before_an_installed_one(install: Install, tmp_path: Path) -> None:
    (tmp_path / "scratch_echo.py").write_text(SYSTEM)
    assert Registry({"echo": "scratch_echo"}).system("echo").options.__name__ == "WeatherOptions"


@pytest.mark.parametrize("value", ["no_such_module", "no/such/file.py", ""])
def test_an_extra_that_is_not_there_is_a_fault_of_that_plugin(value: str) -> None:
    fault = fault_of("weather", Registry({"weather": value}))
    assert fault.startswith(f"plugin 'weather' ({value}): does not import: ")


def test_a_file_that_breaks_leaves_no_half_module_behind(tmp_path: Path) -> None:
    path = tmp_path / "half.py"
    path.write_text("1 / 0")
    assert "ZeroDivisionError" in fault_of("weather", Registry({"weather": str(path)}))
    assert "rejoinder_file_weather" not in sys.modules


def test_the_list_of_installed_plugins_describes_their_options(install: Install) -> None:
    install("acme-weather", SYSTEM + OBSERVER, name="weather")
    listed = next(found for found in Registry().installed() if found.name == "weather")
    assert (listed.distribution, listed.version, listed.fault) == ("acme-weather", "1.2", "")
    assert [provided.kind for provided in listed.provides] == ["response system", "observer"]
    assert listed.provides[0].options == (
        Option("city", "text", required=True, default="", description="Where to look."),
        Option("units", "one of imperial, metric", required=False, default='"metric"', description=""),
    )


def test_the_list_describes_options_within_options_and_masks_secrets(install: Install) -> None:
    options = """
class Step(Options, frozen=True):
    say: str | tuple[str, ...] = ()

class WeatherOptions(Options, frozen=True):
    steps: Annotated[list[Step], Meta(description="In order.")] = []
    by_day: dict[str, Step] = {}
    key: Secret = Secret("hunter2hunter2")
    city: str | None = None
    most: Annotated[int, Meta(ge=1)] = 3
"""
    install("acme-weather", SYSTEM.replace("class WeatherOptions", options + "class Unused"), name="weather")
    listed = next(found for found in Registry().installed() if found.name == "weather")
    rows = [(option.name, option.type, option.default) for option in listed.provides[0].options]
    assert rows == [
        ("steps", "list of mapping", "[]"),
        ("steps[].say", "text or list of text", "[]"),
        ("by_day", "mapping", "{}"),
        ("by_day.*.say", "text or list of text", "[]"),
        ("key", "secret text", "\"Secret('***')\""),
        ("city", "text or nothing", "null"),
        ("most", "whole number", "3"),
    ]


def test_the_list_describes_pydantic_options(install: Install) -> None:
    options = """
from pydantic import BaseModel, Field
class WeatherOptions(BaseModel):
    city: str = Field(description="Where to look.")
    days: int | None = 3
class Unused(Options, frozen=True):
"""
    source = SYSTEM.replace("class WeatherOptions(Options, frozen=True):", options)
    install("acme-weather", source, name="weather")
    listed = next(found for found in Registry().installed() if found.name == "weather")
    assert listed.provides[0].options == (
        Option("city", "text", required=True, default="", description="Where to look."),
        Option("days", "whole number or nothing", required=False, default="3", description=""),
    )


def test_the_list_gives_the_reason_for_each_plugin_that_does_not_load(install: Install) -> None:
    install("acme-broken", "raise SystemExit", name="broken")
    install("acme-weather", SYSTEM, name="weather")
    install("zeta-weather", SYSTEM, name="weather")
    install("acme-odd", SYSTEM.replace('"metric", "imperial"', "object()"), name="odd")
    listed = {found.name: found for found in Registry().installed()}
    assert "does not import: SystemExit" in listed["broken"].fault
    assert "provided by acme-weather 1.2 and zeta-weather 1.2" in listed["weather"].fault
    assert listed["odd"].fault.startswith("its options cannot be described: ")
    assert listed["dummy"].fault == ""
    assert msgspec.json.decode(msgspec.json.encode(list(listed.values())))[0]["name"] == "broken"
