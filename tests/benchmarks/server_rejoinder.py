"""The host as `rejoinder serve` runs it, with a choice that the command does not offer: where its agents run.

python tests/benchmarks/server_rejoinder.py FILE --agents own|front
"""

import argparse
import asyncio
import signal
from pathlib import Path

from rejoinder.cli.process import set_up
from rejoinder.host import Host, bind
from rejoinder.observability import configure
from rejoinder.registry import Registry
from rejoinder.threads import new_loop


async def serve(file: Path, agents: str) -> None:
    loop = asyncio.get_running_loop()
    host = Host(file, Registry(), port=0, agent_loop=loop if agents == "front" else None)
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    await host.start()
    listening = bind(host.routes.config.server)
    await host.listen(listening)
    print(f"ready on 127.0.0.1:{listening.getsockname()[1]}", flush=True)
    await stop.wait()
    await host.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--agents", choices=["own", "front"], default="own", help="their own thread each, or the front's loop")
    given = parser.parse_args()
    configure()
    set_up()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(serve(given.file, given.agents))


if __name__ == "__main__":
    main()
