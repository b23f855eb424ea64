"""Serve the agents of a YAML file to voice platforms.

Prints, for each route, the URL to try here and the one to paste into the platform's dashboard. The file is read again when it
is saved (on loopback, or with `server.watch`) and on SIGHUP; a file with errors changes nothing and says why.

SIGTERM and Ctrl-C drain the server: it takes no new calls and stops when the live ones have ended, or when `server.drain` has
run out. A second signal drops them at once, so that their platforms dial again; a third ends the process where it stands."""

import argparse
import asyncio
import contextlib
import gc
import signal
import socket
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rejoinder.cli.files import add_file, add_plugins, chosen_file
from rejoinder.cli.notice import notify
from rejoinder.cli.process import set_up
from rejoinder.cli.words import complain, count, say

if TYPE_CHECKING:
    from rejoinder.errors import ConfigError
    from rejoinder.host import Host

HELP = "serve the agents of a YAML file"

HIGHEST_PORT = 65535


def arguments(parser: argparse.ArgumentParser) -> None:
    add_file(parser)
    parser.add_argument("--host", type=_host, help="listen on this address instead of the file's server.host")
    parser.add_argument("--port", type=_port, help="listen on this port instead of the file's server.port; 0 takes a free one")
    add_plugins(parser)
    parser.add_argument("--record", type=_folder, metavar="DIR", help="write every call down there, with its words, redacted")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"], help="default: info")
    parser.add_argument("--log-format", default="text", choices=["text", "json"], help="default: text")


def _host(text: str) -> str:
    from rejoinder.config.server import is_host

    if not is_host(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no host: expected an address or a name, such as 0.0.0.0, ::1, localhost")
    return text


def _folder(text: str) -> Path:
    if not text.strip():  # of a variable that was not set; taken for the folder we are in, what callers say would be there
        raise argparse.ArgumentTypeError("expected the name of a folder")
    return Path(text)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: expected 0 to {HIGHEST_PORT}")
    return int(text)


def run(given: argparse.Namespace) -> int:
    from rejoinder.errors import ConfigError, RejoinderError
    from rejoinder.observability import configure
    from rejoinder.threads import new_loop

    path = chosen_file(given, "serve")
    if path is None:
        return 1
    configure(given.log_level, given.log_format)
    set_up()
    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(serve(path, given))
    except ConfigError as error:
        _refuse(path, error)
    except BrokenPipeError:
        raise
    except (RejoinderError, OSError) as error:
        complain(f"rejoinder: {error}")
    return 1


def _refuse(path: Path, error: "ConfigError") -> None:
    for problem in error.problems:
        complain(str(problem))
    complain(f"{path}: {count(len(error.problems), 'problem')}; not served")


async def serve(path: Path, given: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from rejoinder.host import Host, bind
    from rejoinder.observability import gather
    from rejoinder.recording.archive import Archive
    from rejoinder.registry import Registry
    from rejoinder.watchdog import Watchdog

    watchdog = Watchdog(dump_to=sys.stderr)
    host = Host(
        path, Registry(dict(given.plugin)), host=given.host, port=given.port, watchdog=watchdog, archive=Archive(given.record)
    )
    try:
        await host.start()
        listening = bind(host.routes.config.server)
        _obey_signals(host)  # before anybody is told that it is ready: who waits for that may send one at once
        _say_recording(host, given.record)
        _say_routes(host, listening)
        await host.listen(listening)
        notify("READY=1")
        gather()  # only now: what it says of its start stands before the lines above
        gc.freeze()  # what is there now stays, and need not be looked through again
        await host.drain.begun()
        notify("STOPPING=1")
        await host.drain.over()
    finally:
        await host.close()
    return 0


def _say_recording(host: "Host", everything: Path | None) -> None:
    """Nobody shall find out afterwards that callers were recorded."""
    if everything is not None:
        line = f"RECORDING every call, with its words, in {everything} (see 'rejoinder calls --help')."
        say(f"\x1b[1m{line}\x1b[0m" if sys.stdout.isatty() else line)
    elif recorded := [path for path, route in sorted(host.routes.routes.items()) if route.config.record]:
        say(f"Recording calls on {', '.join(recorded)} in {host.routes.config.recordings}.")


def _say_routes(host: "Host", listening: socket.socket) -> None:
    server = host.routes.config.server
    address, port = listening.getsockname()[:2]
    here = f"ws://{_authority('127.0.0.1' if address in ('0.0.0.0', '::') else address)}:{port}"  # noqa: S104  only compared
    public = server.dashboard_base
    width = max((len(path) for path in host.routes.routes), default=0)
    for path, route in sorted(host.routes.routes.items()):
        broken = "  BROKEN, see the log" if route.agent_config.name in host.routes.broken else ""
        say(f"{path:<{width}}  -> {route.agent_config.name}{broken}")
        masked = route.config.door.masked(path)
        say(f"{'':<{width}}     try here:            rejoinder chat {here}{masked}")
        say(f"{'':<{width}}     paste in dashboard:  {public}{masked}")
    if any(route.config.door.secrets for route in host.routes.routes.values()):
        say("(***: the route's secret.)")
    for name, webhook in sorted(host.routes.config.webhooks.items()):
        say(f"/webhooks/{name}  <- {webhook.platform}")
        say(f"{'':<{width}}     paste in dashboard:  https{public.removeprefix('wss')}/webhooks/{name}")
    if not host.routes.routes:
        say(f"{host.routes.config.path} has no routes: nothing can be dialled until it is given some.")
    elif not server.public_url:
        say("(YOUR-HOST: the name of your tunnel or proxy; set server.public_url to have it printed here.)")
    say(f"Rejoinder is ready on {_authority(address)}:{port}; stop it with Ctrl-C.")


def _authority(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _obey_signals(host: "Host") -> None:
    """SIGTERM and SIGINT drain the server, a second one drops its calls, a third ends the process; SIGHUP reloads the file."""
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[bool]] = set()
    stops = 0

    def on_stop(*, by_hand: bool) -> None:
        nonlocal stops
        stops += 1
        if host.drain.is_over:
            raise SystemExit(1)
        if stops > 1:
            host.drain.force()
        # Who presses Ctrl-C waits for no call that has hung up and could only, in theory, come back.
        host.drain.begin(waits_for_redials=not by_hand)
        if by_hand and stops == 1 and (calls := host.calls.talking):
            say(f"Waiting for {count(calls, 'call')} to end; Ctrl-C again drops {'it' if calls == 1 else 'them'}.")

    def on_hangup() -> None:
        task = loop.create_task(host.reloader.reload(), name="reload on SIGHUP")
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    ctrl_c = partial(on_stop, by_hand=sys.stdin.isatty())
    for name, act in (("SIGTERM", partial(on_stop, by_hand=False)), ("SIGINT", ctrl_c), ("SIGHUP", on_hangup)):
        if hasattr(signal, name):
            with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C ends asyncio.Runner instead
                loop.add_signal_handler(getattr(signal, name), act)
