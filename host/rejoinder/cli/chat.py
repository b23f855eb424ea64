"""Talk to an agent in the terminal, line by line, over the protocol that a platform speaks.

ROUTE (such as /llm-websocket) is served from FILE by this process itself, for this conversation. A URL (ws, wss, http, https)
dials a server that runs; it is the route's URL as it stands in the platform's dashboard, without a call id.

An empty line is the caller's silence, Ctrl-D or /quit hangs up. In a terminal a line that is typed while the agent speaks
interrupts it."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rejoinder.cli.files import add_plugins, chosen_file
from rejoinder.cli.words import complain

if TYPE_CHECKING:
    from rejoinder.host import Host

HELP = "talk to an agent in this terminal"

SCHEMES = ("ws://", "wss://", "http://", "https://")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="ROUTE_OR_URL", help="a route of FILE, or the URL of a route of a running server")
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="with ROUTE: the YAML file (default: ./rejoinder.yaml, then ./config/rejoinder.yaml)",
    )
    parser.set_defaults(last_word="file")
    add_plugins(parser)


def run(given: argparse.Namespace) -> int:
    import asyncio

    from rejoinder.errors import ConfigError, RejoinderError
    from rejoinder.observability import configure

    configure("warning")
    try:
        if given.target.lower().startswith(SCHEMES):
            return asyncio.run(dial(given.target))
        path = chosen_file(given, "chat ROUTE")
        return 1 if path is None else asyncio.run(serve_and_dial(given.target, path, dict(given.plugin)))
    except ConfigError as error:
        complain(str(error))
    except (RejoinderError, OSError) as error:
        complain(f"rejoinder: {error}")
    return 1


async def serve_and_dial(route: str, path: Path, plugins: dict[str, str]) -> int:
    """Serve the file to this process alone and talk to the agent of one of its routes."""
    from rejoinder.host import Host, bind
    from rejoinder.registry import Registry

    wanted = f"/{route.strip('/')}"
    host = Host(path, Registry(plugins), host="127.0.0.1", port=0, only=wanted)
    try:
        await host.start()
        if fault := _unusable(wanted, host):
            complain(f"rejoinder: {fault}")
            return 1
        listening = bind(host.routes.config.server)
        await host.listen(listening)
        door = host.routes.routes[wanted].config.door
        return await dial(f"ws://127.0.0.1:{listening.getsockname()[1]}{door.unlocked(wanted)}")
    finally:
        await host.close()


def _unusable(wanted: str, host: "Host") -> str:
    """Why one cannot talk to that route, "" if one can."""
    route = host.routes.routes.get(wanted)
    if route is None:
        known = "\n".join(f"  {path}" for path in sorted(host.reloader.known)) or "  none"
        return f"{host.routes.config.path} has no route {wanted}; its routes are:\n{known}"
    if fault := host.routes.broken.get(route.agent_config.name):
        return f"the agent {route.agent_config.name} of {wanted} does not open: {fault}"
    if "retell" not in (route.config.platforms or ("retell",)):
        return f"{wanted} is not for Retell's protocol, which chat speaks (see platforms: of the route)"
    return ""


async def dial(url: str) -> int:
    """Talk to whoever answers at `url`."""
    from rejoinder.cli.talk import Talk
    from rejoinder.testing.telephone import PHONE_CALL, CannotDial, calling

    try:
        async with calling(url, details=PHONE_CALL) as caller:  # so that a transfer can be seen
            return await Talk(caller, sys.stdin, sys.stdout).run()
    except CannotDial as error:
        complain(f"rejoinder: {error.advice}")
        return 1
