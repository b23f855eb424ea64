"""Editing the YAML switches agents: whole or not at all, and without touching a live call."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from rejoinder.host import Host
from rejoinder.registry import Registry
from rejoinder.testing.telephone import calling
from served import ACTING_FILE, Serve, Served

DUMMY = """
server: {port: 0}
agents: {a: {system: dummy, begin: Old.}}
routes: {/a: a}
"""
ECHO = DUMMY.replace("dummy, begin: Old.", "echo, begin: New.")


async def greeting(served: Served, path: str = "/a") -> str:
    async with calling(served.ws(path)) as caller:
        return (await caller.hears()).text


async def test_a_reload_switches_the_agent(serve: Serve) -> None:
    served = await serve(DUMMY)
    assert await greeting(served) == "Old."
    served.write(ECHO)
    assert await served.host.reloader.reload()
    assert await greeting(served) == "New."
    assert served.host.routes.generation == 2


async def test_a_live_call_keeps_its_agent(serve: Serve) -> None:
    served = await serve(DUMMY)
    async with calling(served.ws("/a"), call_id="c") as caller:
        await caller.hears()
        old = served.host.routes.agents["a"]
        served.write(ECHO)
        assert await served.host.reloader.reload()
        assert old.is_open
        await caller.says("hi")
        assert (await caller.hears()).text == "I am sorry, can you say that again?"
        await caller.drop()
        await caller.dial()
        await caller.says("still there?")
        assert (await caller.hears()).text == "I am sorry, can you say that again?"


async def test_a_redial_of_a_route_that_is_gone_still_finds_its_call(serve: Serve) -> None:
    served = await serve(DUMMY)
    async with calling(served.ws("/a"), call_id="c") as caller:
        await caller.hears()
        served.write(DUMMY.replace("/a: a", "/b: a"))
        assert await served.host.reloader.reload()
        await caller.drop()
        await caller.dial()
        await caller.says("hi")
        assert (await caller.hears()).text == "I am sorry, can you say that again?"


@pytest.mark.virtual_time
async def test_a_replaced_agent_closes_after_its_last_call(serve: Serve) -> None:
    served = await serve(DUMMY)
    async with calling(served.ws("/a")) as caller:
        await caller.hears()
        old = served.host.routes.agents["a"]
        served.write(ECHO)
        assert await served.host.reloader.reload()
        assert old.is_open
    await asyncio.sleep(10)
    assert not old.is_open


async def test_an_unchanged_agent_is_carried_over(serve: Serve) -> None:
    served = await serve(DUMMY)
    before = served.host.routes.agents["a"]
    served.write(DUMMY.replace("Old.", "Renewed."))
    assert await served.host.reloader.reload()
    assert served.host.routes.agents["a"] is before
    assert await greeting(served) == "Renewed."


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("a: [", "rejoinder.yaml:"),
        (DUMMY.replace("dummy", "dumy"), "did you mean 'dummy'?"),
        (DUMMY.replace("begin", "begn"), "begn"),
        (DUMMY.replace("begin: Old.", "options: {sey: x}"), "sey"),
    ],
)
async def test_a_bad_file_changes_nothing_and_says_why(serve: Serve, bad: str, why: str) -> None:
    served = await serve(DUMMY)
    served.write(bad)
    assert not await served.host.reloader.reload()
    assert await greeting(served) == "Old."
    async with aiohttp.ClientSession() as session, session.get(served.http("/healthz")) as got:
        health = await got.json()
    assert health["generation"] == 1
    assert any(why in reason for reason in health["last_refused_reload"]["reasons"])
    served.write(ECHO)
    assert await served.host.reloader.reload()
    assert served.host.reloader.refused is None


async def test_a_reload_that_would_break_a_working_agent_is_refused(serve: Serve, tmp_path: Path) -> None:
    plugin = tmp_path / "ok.py"
    plugin.write_text(ACTING_FILE.read_text())
    served = await serve(DUMMY, {"mine": str(plugin), "broken": str(tmp_path / "missing.py")})
    served.write(DUMMY.replace("dummy", "broken"))
    assert not await served.host.reloader.reload()
    assert await greeting(served) == "Old."


async def test_a_broken_plugin_takes_down_only_its_route(serve: Serve, tmp_path: Path) -> None:
    plugin = tmp_path / "broken.py"
    plugin.write_text("import nowhere_to_be_found\n")
    served = await serve(
        """
server: {port: 0}
agents: {a: {system: dummy, begin: Old.}, b: {system: broken}}
routes: {/a: a, /b: b}
""",
        {"broken": str(plugin)},
    )
    assert await greeting(served) == "Old."
    async with calling(served.ws("/b")) as caller:
        assert (await caller.hears()).text == "Hello, how can I help you?"
        await caller.says("hi")
        assert (await caller.hears()).text == "I am sorry, could you say that again?"
    async with aiohttp.ClientSession() as session, session.get(served.http("/readyz")) as got:
        assert await got.json() == {"status": "degraded", "routes": 2, "broken": ["/b"]}


@pytest.mark.virtual_time
async def test_a_broken_agent_is_tried_again(serve: Serve, tmp_path: Path) -> None:
    plugin = tmp_path / "late.py"
    plugin.write_text("raise RuntimeError('not yet')\n")
    served = await serve(DUMMY.replace("dummy, begin: Old.", "late"), {"late": str(plugin)})
    assert list(served.host.routes.broken) == ["a"]
    plugin.write_text(ACTING_FILE.read_text())
    await asyncio.sleep(31)
    assert not served.host.routes.broken
    assert await greeting(served) == "Hello."


@pytest.mark.virtual_time
async def test_saving_the_file_reloads_it(serve: Serve) -> None:
    served = await serve(DUMMY)
    await asyncio.sleep(2)
    served.write(ECHO)
    await asyncio.sleep(2)
    assert await greeting(served) == "New."


@pytest.mark.virtual_time
async def test_without_watching_a_save_changes_nothing(serve: Serve) -> None:
    served = await serve(DUMMY.replace("{port: 0}", "{port: 0, watch: false}"))
    await asyncio.sleep(2)
    served.write(ECHO)
    await asyncio.sleep(5)
    assert await greeting(served) == "Old."


@pytest.mark.parametrize("changed", ["port: 4711", "port: 0, watch: false"])
async def test_a_changed_port_asks_for_a_restart(serve: Serve, caplog: pytest.LogCaptureFixture, changed: str) -> None:
    served = await serve(DUMMY)
    served.write(ECHO.replace("port: 0", changed))
    assert await served.host.reloader.reload()
    assert "needs a restart" in caplog.text
    assert await greeting(served) == "New."


async def test_after_a_change_back_nothing_asks_for_a_restart(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    served = await serve(DUMMY)
    served.write(DUMMY.replace("port: 0", "port: 4711"))
    assert await served.host.reloader.reload()
    caplog.clear()
    served.write(ECHO)
    assert await served.host.reloader.reload()
    assert "restart" not in caplog.text


async def test_a_file_that_moves_to_this_machine_is_refused_while_the_socket_is_open_to_others(tmp_path: Path) -> None:
    """A changed host needs a restart: until then the routes must be as protected as the socket needs it."""
    file = tmp_path / "rejoinder.yaml"
    file.write_text("server: {host: 0.0.0.0}\nagents: {a: {system: dummy}}\nroutes: {/a: {agent: a, open: true}}\n")
    host = Host(file, Registry(), environ={}, agent_loop=asyncio.get_running_loop())
    try:
        await host.start()  # nothing is bound by that
        file.write_text("agents: {a: {system: dummy}}\nroutes: {/a: a}\n")
        assert not await host.reloader.reload()
        assert host.reloader.refused is not None
        (reason,) = host.reloader.refused.reasons
        assert reason == (
            f"{file}:2:14: routes./a: this route is not protected, and the server listens on 0.0.0.0 until it is restarted "
            "(give it a secret, an allow list or open: true, or restart the server)"
        )
    finally:
        await host.close()


async def test_a_refused_reload_tells_every_problem_as_check_does(serve: Serve) -> None:
    served = await serve(DUMMY)
    served.write("agents: {a: {system: echo, options: {prefx: x}}}\nroutes: {/a: nobody, /b: a}\n")
    assert not await served.host.reloader.reload()
    assert served.host.reloader.refused is not None
    assert [reason.partition(".yaml:")[2].partition(": ")[0] for reason in served.host.reloader.refused.reasons] == [
        "1:38", "2:14",
    ]  # fmt: skip


class SavedMeanwhile(dict[str, str]):
    """An environment in which somebody saves `text` into the file while it is being loaded."""

    def __init__(self, file: Path) -> None:
        super().__init__(GREETING="Old.")
        self.file = file
        self.text = ""

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
        if self.text:
            self.file.write_text(self.text)
        return super().get(key, default)


@pytest.mark.virtual_time
async def test_what_is_saved_while_the_file_is_read_is_not_overlooked(tmp_path: Path) -> None:
    file = tmp_path / "rejoinder.yaml"
    file.write_text(DUMMY)
    environ = SavedMeanwhile(file)
    host = Host(file, Registry(), environ=environ, agent_loop=asyncio.get_running_loop())
    try:
        await host.start()
        host.reloader.keep(watch=True)
        environ.text = ECHO
        file.write_text(DUMMY.replace("Old.", '"${GREETING}"'))
        await asyncio.sleep(3)
        assert host.routes.config.agents["a"].system == "echo"
    finally:
        await host.close()


INCLUDING = """
server: {port: 0}
include: [customers/*.yaml]
agents: {a: {system: dummy, begin: Old.}}
routes: {/a: a}
"""


def customer(folder: Path, name: str, text: str) -> None:
    (folder / "customers").mkdir(exist_ok=True)
    (folder / "customers" / f"{name}.yaml").write_text(text)


@pytest.mark.parametrize(
    "bad",
    [
        "agents: [",
        "agents: {front: {system: dumy}}\nroutes: {/bad: front}",
        "agents: {front: {system: echo, options: {x: 1}}}\nroutes: {/bad: front}",
    ],
)
async def test_at_start_an_included_file_with_errors_takes_down_its_own_routes_only(
    serve: Serve, tmp_path: Path, bad: str, caplog: pytest.LogCaptureFixture
) -> None:
    customer(tmp_path, "good", "agents: {front: {system: dummy, begin: Good.}}\nroutes: {/good: front}")
    customer(tmp_path, "bad", bad)
    served = await serve(INCLUDING)
    assert sorted(served.host.routes.routes) == ["/a", "/good"]
    assert await greeting(served, "/good") == "Good."
    assert "customers/bad.yaml:" in caplog.text
    assert ("not served" in caplog.text) == ("/bad" in bad)
    assert not await served.host.reloader.reload(), "a reload is all or nothing"


@pytest.mark.virtual_time
async def test_a_file_that_made_a_reload_fail_is_watched_until_it_is_mended(serve: Serve, tmp_path: Path) -> None:
    customer(tmp_path, "one", "agents: {front: {system: dummy, begin: One.}}\nroutes: {/one: front}")
    served = await serve(INCLUDING)
    customer(tmp_path, "two", "agents: [")
    await asyncio.sleep(2)
    assert served.host.reloader.refused is not None
    customer(tmp_path, "two", "agents: {front: {system: dummy, begin: Two.}}\nroutes: {/two: front}")
    await asyncio.sleep(2)
    assert await greeting(served, "/two") == "Two."


UNOPENABLE = """
from contextlib import asynccontextmanager
from rejoinder import Options, SystemSpec, hookimpl

@asynccontextmanager
async def opening(options):
    raise OSError("no table")
    yield

@hookimpl
def rejoinder_response_system():
    return SystemSpec(Options, opening)
"""


async def test_a_reload_whose_agent_does_not_open_is_refused(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "shut.py").write_text(UNOPENABLE)
    served = await serve(DUMMY, {"shut": str(tmp_path / "shut.py")})
    served.write(DUMMY.replace("dummy", "shut"))
    assert not await served.host.reloader.reload()
    assert served.host.reloader.refused is not None
    assert "no table" in served.host.reloader.refused.reasons[0]
    assert await greeting(served) == "Old."


async def test_a_transfer_to_a_number_that_is_not_in_the_file_is_found_before_a_caller_finds_it(serve: Serve) -> None:
    served = await serve(DUMMY)
    served.write("""
server: {port: 0}
numbers: {reception: "+442079460000"}
agents:
  a:
    system: rules
    options:
      rules:
        - {when: desk, say: One moment., transfer: reception}
        - {when: shop, say: One moment., transfer: receptoin}
routes: {/a: a}
""")
    assert not await served.host.reloader.reload()
    assert served.host.reloader.refused is not None
    what = "there is no 'receptoin' under numbers: (there are: reception)"
    assert served.host.reloader.refused.reasons == (f"{served.file}:10:52: agents.a.options.rules[1].transfer: {what}",)
