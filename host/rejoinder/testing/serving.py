"""A call over a real socket to a real host on a free port of this machine, from a test with async.

async with caller(Shout) as c:
    await c.says("hi")
    assert await c.hears() == "HI!"
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Unpack

from rejoinder.errors import ConfigError
from rejoinder.host import Host, bind
from rejoinder.testing.subject import ROUTE, AgentKeys, Tried, subject
from rejoinder.testing.telephone import WEB_CALL, Caller, calling


@asynccontextmanager
async def served(system: Tried, **keys: Unpack[AgentKeys]) -> AsyncIterator[str]:
    """Serve a response system as `rejoinder serve` would, on loopback; its URL, for any number of calls.

    The agent has a loop and a thread of its own, as ever; in virtual time it runs on the test's. Raises ConfigError and
    PluginError as `talk` does.
    """
    tried = subject(system, keys)
    loop = asyncio.get_running_loop()
    virtual = loop if getattr(loop, "is_virtual", False) else None
    host = Host(Path("rejoinder.yaml"), tried.registry, port=0, environ={}, agent_loop=virtual, text=tried.text)
    try:
        try:
            await host.start()
        except ConfigError as error:
            raise tried.wrong(error.problems) from None
        for fault in host.routes.broken.values():
            raise fault
        listening = bind(host.routes.config.server)
        await host.listen(listening)
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}{ROUTE}"
    finally:
        await host.close()


@asynccontextmanager
async def caller(
    system: Tried,
    *,
    call_id: str | None = None,
    details: Mapping[str, Any] | None = WEB_CALL,
    **keys: Unpack[AgentKeys],
) -> AsyncIterator[Caller]:
    """Serve a response system and call it over a real socket; the call is hung up at the end.

    Takes what `talk` takes. Or a URL, at which something is served already: then this is `calling`. Raises CannotDial.
    """
    async with AsyncExitStack() as stack:
        if isinstance(system, str) and "://" in system:
            if keys:
                raise TypeError(f"{', '.join(keys)}: what is served at a URL is configured there")
            url = system
        else:
            url = await stack.enter_async_context(served(system, **keys))
        yield await stack.enter_async_context(calling(url, call_id=call_id, details=details))
