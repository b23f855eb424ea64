"""Fixtures for pytest. Nobody gets them unasked: name this module in the conftest.py at the root of your tests.

    pytest_plugins = ["rejoinder.testing.fixtures"]

    def test_shouts(talk):
        assert talk(Shout).says("hi") == "HI!"

`caller`, `fake_llm` and the marker `virtual_time` are for tests with async, and need pytest-asyncio (1.3 or later).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack
from typing import TYPE_CHECKING, ParamSpec

import pytest

from rejoinder.testing import serving, talking
from rejoinder.testing.clock import VirtualClockLoop
from rejoinder.testing.llm import FakeLLM
from rejoinder.testing.telephone import Caller

if TYPE_CHECKING:
    from pytest_asyncio import fixture as async_fixture
else:
    try:
        from pytest_asyncio import fixture as async_fixture
    except ImportError:
        async_fixture = pytest.fixture  # pytest says of each test that uses one what it lacks

GivenP = ParamSpec("GivenP")
LoopFactories = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]

MARK = "virtual_time"


@pytest.fixture
def talk() -> Iterator[Callable[..., talking.Talk]]:
    """`rejoinder.testing.talk`: call a response system without async. What was begun is closed after the test."""
    with ExitStack() as stack:
        yield _closed_by(stack, talking.talk)


def _closed_by(stack: ExitStack, talk: Callable[GivenP, talking.Talk]) -> Callable[GivenP, talking.Talk]:
    def begin(*args: GivenP.args, **kwargs: GivenP.kwargs) -> talking.Talk:
        return stack.enter_context(talk(*args, **kwargs))

    return begin


@async_fixture
async def caller() -> AsyncIterator[Callable[..., Awaitable[Caller]]]:
    """`rejoinder.testing.caller` to be awaited: `c = await caller(Shout)`. Calls and hosts are ended after the test."""
    async with AsyncExitStack() as stack:
        yield _ended_by(stack, serving.caller)


def _ended_by(
    stack: AsyncExitStack, call: Callable[GivenP, AbstractAsyncContextManager[Caller]]
) -> Callable[GivenP, Awaitable[Caller]]:
    async def dial(*args: GivenP.args, **kwargs: GivenP.kwargs) -> Caller:
        return await stack.enter_async_context(call(*args, **kwargs))

    return dial


@async_fixture
async def fake_llm() -> AsyncIterator[FakeLLM]:
    """A `FakeLLM` that is served: give its `base_url` to the system under test."""
    async with FakeLLM() as server:
        yield server


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARK}: the test's loop has virtual time: an hour's timer takes none.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Raises UsageError if tests are marked and nobody would ask for their loop: they would wait in real time."""
    marked = next((item for item in items if item.get_closest_marker(MARK)), None)
    if marked is not None and config.hook.pytest_asyncio_loop_factories.spec is None:
        raise pytest.UsageError(f"{marked.nodeid} is marked {MARK}, which needs pytest-asyncio 1.3 or later")


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_asyncio_loop_factories(item: pytest.Item) -> Generator[None, LoopFactories | None, LoopFactories]:
    """A test that is marked has virtual time, whatever loops others would give it; all others keep theirs."""
    theirs = yield
    if item.get_closest_marker(MARK):
        return {"virtual time": VirtualClockLoop}
    return theirs or {"asyncio": asyncio.new_event_loop}
