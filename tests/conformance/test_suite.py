"""What the checks as a whole promise: one line in an author's tests, honest skips, nothing that hangs."""

import asyncio
import contextlib
import threading
import time

import pytest

import defects
from manual import named, page, rows, section
from rejoinder import Options, Reply, ResponseSystem, Turn
from rejoinder.conformance.catalogue import CHECKS, OPENS
from rejoinder.conformance.check import Check
from rejoinder.conformance.guard import Guard
from rejoinder.conformance.suite import Suite
from rejoinder.errors import ConfigError, PluginError
from rejoinder.testing import conformance

pytest_plugins = ["pytester"]


class InOwnThread(ResponseSystem[Options]):
    """Good, though the virtual clock runs ahead of its thread."""

    async def respond(self, turn: Turn) -> Reply:
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def work() -> None:
            time.sleep(0.1)
            with contextlib.suppress(RuntimeError):  # nobody waits any more, and the loop is closed
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=work, daemon=True).start()
        await done.wait()
        yield "Yes."


def test_one_line_makes_a_test_for_each_check(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from rejoinder.testing import conformance

        test_conformance = conformance("echo")
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:asyncio", "-p", "no:aiohttp", "-p", "no:randomly", "-v")
    assert result.ret == 0
    result.stdout.fnmatch_lines([f"*test_conformance[[]{check.name}[]]*" for check in CHECKS])


def test_a_failure_says_what_was_asked_what_was_seen_and_what_to_do() -> None:
    test = conformance(defects.WritesMarkdown)
    (check,) = (one for one in CHECKS if one.name == "speech-clean")
    with pytest.raises(pytest.fail.Exception) as failure:
        test(check)
    for told in (check.asks, check.why, check.remedy, "**open**"):
        assert told in str(failure.value)


def test_a_check_that_has_nothing_to_ask_is_skipped_and_says_why() -> None:
    test = conformance("echo")
    (check,) = (one for one in CHECKS if one.name == "tools-once")
    with pytest.raises(pytest.skip.Exception, match="no tool was run"):
        test(check)


def test_a_system_that_makes_no_object_skips_what_cannot_be_played() -> None:
    verdicts = {one.check.name: one for one in Suite(defects.Refuses, {}).verdicts()}
    assert verdicts.pop(OPENS).outcome == "failed"
    assert verdicts.pop("options-typed").outcome == "passed"
    assert {one.outcome for one in verdicts.values()} == {"skipped"}
    assert "the database is locked" in verdicts["closes-turns"].seen[0]


def test_options_that_yaml_would_refuse_are_refused() -> None:
    with pytest.raises(ConfigError, match="prefx"):
        next(Suite("echo", {"options": {"prefx": ""}}).verdicts())


def test_a_name_that_nobody_has_is_told() -> None:
    with pytest.raises(PluginError, match="no plugin 'nobodys'"):
        next(Suite("nobodys", {}).verdicts())


def test_what_virtual_time_may_have_spoilt_is_looked_for_in_real_time() -> None:
    suite = Suite(InOwnThread, {}, says=["Hello?"])
    assert [str(one) for one in suite.verdicts(["closes-turns"]) if one.outcome != "passed"] == []
    assert suite.is_virtual


def test_what_holds_the_interpreter_lock_is_seen_afterwards() -> None:
    begun = time.process_time()
    sum(range(1_000_000))
    enough = int(1_000_000 / (time.process_time() - begun))  # for a second of work

    async def hold(_: Guard[None]) -> None:
        sum(range(enough))
        time.sleep(0.2)  # noqa: ASYNC251  as the line after a pattern that has run wild

    guard: Guard[None] = Guard(is_virtual=True)
    guard.run(hold)
    assert [hold.at.function.endswith("hold") for hold in guard.holds] == [True]
    assert guard.holds[0].at.file == __file__


def test_a_wait_is_no_hold() -> None:
    async def wait(_: Guard[None]) -> None:
        await asyncio.sleep(0.4)
        await asyncio.to_thread(time.sleep, 0.4)

    guard: Guard[None] = Guard(is_virtual=False)
    guard.run(wait)
    assert guard.holds == []


def test_the_manual_tells_every_check_in_the_words_of_the_code() -> None:
    told = section("docs/testing.md", "Conformance")
    table = {row[0].strip("`"): row[1] for row in rows(told) if row[0].strip("`") in {one.name for one in CHECKS}}
    assert table == {one.name: one.asks for one in CHECKS}
    assert {"system", "says", "effects", "real_time"} <= named(told)
    assert ("eighteen checks" in page("CHANGELOG.md")) is (len(CHECKS) == 18)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_each_check_is_told_in_whole_sentences(check: Check) -> None:
    for text in (check.asks, check.why, check.remedy):
        assert text[0].isupper() or text[0] == "`"
        assert text.endswith(".")


def test_nothing_of_a_run_is_left_in_the_process() -> None:
    before = set(threading.enumerate())
    assert [one for one in Suite("echo", {}).verdicts() if one.outcome == "failed"] == []
    assert {one.name for one in set(threading.enumerate()) - before if not one.name.startswith("agent ")} == set()
