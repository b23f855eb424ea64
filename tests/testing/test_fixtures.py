"""The fixtures, in a stranger's run of pytest: there when they are asked for, and not otherwise."""

from importlib.metadata import entry_points

import pytest

pytest_plugins = ["pytester"]

SHOUT = """
from rejoinder import Options, ResponseSystem

class Shout(ResponseSystem[Options]):
    async def respond(self, turn):
        yield turn.text.upper() + "!"
"""


@pytest.fixture
def stranger(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """The folder of an author who has a system, and has not heard of our way of testing; of pytest's plugins those are loaded
    that a test names."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(shout=SHOUT)
    pytester.syspathinsert()
    pytester.makeini("""
        [pytest]
        addopts = --strict-markers -p no:cacheprovider
        filterwarnings =
            error
            ignore:The configuration option:pytest.PytestDeprecationWarning
    """)
    return pytester


def outcome(stranger: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return stranger.runpytest_subprocess("-q", *arguments, timeout=30)


def test_nobody_gets_the_fixtures_unasked(stranger: pytest.Pytester) -> None:
    assert [one.value for one in entry_points(group="pytest11") if "rejoinder" in one.value] == []
    stranger.makepyfile("""
        import sys

        def test_is_alone():
            assert [name for name in sys.modules if name.startswith("rejoinder")] == []

        def test_asks(talk):
            pass
    """)
    result = outcome(stranger)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*fixture 'talk' not found*"])


def test_who_asks_talks_calls_and_fakes_a_model(stranger: pytest.Pytester) -> None:
    stranger.makeconftest('pytest_plugins = ["rejoinder.testing.fixtures"]')
    stranger.makepyfile("""
        import asyncio
        import time

        import pytest
        from shout import Shout

        def test_talks(talk):
            first, second = talk(Shout), talk("echo", options={"prefix": ""})
            assert first.says("hi") == "HI!"
            assert second.says("hi") == "hi"

        @pytest.mark.asyncio
        async def test_calls(caller):
            c, d = await caller(Shout), await caller(Shout, begin="Hello.")
            assert await d.hears() == "Hello."
            await c.says("hi")
            assert await c.hears() == "HI!"

        @pytest.mark.asyncio
        async def test_fakes_a_model(caller, fake_llm):
            fake_llm.will_say("Good ", "day.")
            c = await caller("llm", options={"base_url": fake_llm.base_url, "model": "any"})
            await c.says("Hello?")
            assert await c.hears() == "Good day."

        @pytest.mark.asyncio
        @pytest.mark.virtual_time
        async def test_waits_an_hour():
            began = time.monotonic()
            await asyncio.sleep(3600)
            assert time.monotonic() - began < 60

        @pytest.mark.asyncio
        async def test_has_the_usual_loop():
            assert type(asyncio.get_running_loop()).__name__ != "VirtualClockLoop"
    """)
    outcome(stranger, "-p", "pytest_asyncio.plugin").assert_outcomes(passed=5)


def test_without_a_plugin_for_async_the_fixtures_without_it_work_and_the_others_say_what_they_lack(
    stranger: pytest.Pytester,
) -> None:
    stranger.makeconftest('pytest_plugins = ["rejoinder.testing.fixtures"]')
    stranger.makepyfile("""
        from shout import Shout

        def test_talks(talk):
            assert talk(Shout).says("hi") == "HI!"

        def test_calls(caller):
            pass
    """)
    result = outcome(stranger)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*requested an async fixture 'caller', with no plugin*"])


def test_a_marked_test_without_a_plugin_that_would_heed_it_is_an_error(stranger: pytest.Pytester) -> None:
    stranger.makeconftest('pytest_plugins = ["rejoinder.testing.fixtures"]')
    stranger.makepyfile("""
        import pytest

        @pytest.mark.virtual_time
        def test_waits(): ...
    """)
    result = outcome(stranger)
    assert result.ret is pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*needs pytest-asyncio 1.3 or later*"])
