"""Calls that are recorded by a host, and played again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from rejoinder.simulator.judging.findings import Verdict
from rejoinder.simulator.platform.call import SimulatedCall
from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.platform.retell import Retell
from rejoinder.simulator.playing.batch import plays_of
from rejoinder.simulator.playing.target import Local
from rejoinder.simulator.playing.virtual import play_in_virtual_time
from rejoinder.simulator.replay.past import Contrast
from rejoinder.simulator.scenarios.reading import read_paths
from rejoinder.simulator.scenarios.scenario import Scenario
from rejoinder.testing.telephone import calling
from rejoinder.testing.wire import socket_dialler
from served import ACTING_FILE, Served
from silence import Silence

ROUTES = "routes: {/desk: {agent: desk, platforms: [retell, chat], record: {text: on}}}\n"
BEGIN = "Good day, this is the front desk of the old hotel."
RULES = """numbers: {reception: "+442079460999"}
agents:
  desk:
    system: rules
    begin: "BEGIN"
    options:
      rules:
        - {when: open, say: "We are open from nine to five."}
        - {when: human, say: "One moment please.", transfer: reception}
        - {when: bye, say: "Goodbye.", end_call: true}
      default: "Well, it is as it is."
""".replace("BEGIN", BEGIN)
DESK = RULES + ROUTES
ECHO = f"agents: {{desk: {{system: echo, begin: '{BEGIN}'}}}}\n" + ROUTES.replace(
    "{agent", "{retell: {transcript_with_tool_calls: true}, agent"
)
ACTING = f"agents: {{desk: {{system: acting, options: {{act: ACT}}}}}}\n{ROUTES}"
PHONE = {"call_type": "phone_call", "direction": "inbound", "from_number": "+442079460123", "to_number": "+15550002222"}
#: A platform whose people speak thirty times as fast as they do.
HASTE = Profile(
    caller_rate=6000, agent_rate=6000, voice_delay=0.01, update_every=0.02, endpointing=0.04, barge_in=0.01, reminder_after=0.3
)

Recorded = Callable[..., Any]


def says(*words: str, details: dict[str, Any] = PHONE) -> Callable[[Served], Any]:
    """By hand, and at once."""

    async def call(served: Served) -> None:
        async with calling(served.ws("/desk"), call_id="call-1", details=details) as caller:
            await caller.hears()
            for one in words:
                await caller.says(one)
                await caller.hears()

    return call


def plays(script: Callable[[SimulatedCall], Any], **profile: Any) -> Callable[[Served], Any]:
    """As Retell plays it."""

    async def call(served: Served) -> None:
        async with ClientSession() as session:
            dial = socket_dialler(served.ws("/desk"), session)
            await Retell(dial, call_id="call-1", details=PHONE, profile=replace(HASTE, **profile)).run(script)

    return call


def scenario(path: Path) -> Scenario:
    read = read_paths([path])
    assert not read.problems
    (one,) = read.scenarios
    return one


def again(path: Path, yaml: str = "", *, is_strict: bool = False) -> Verdict:
    """Played against the file that it was recorded with, or another."""
    file = path.parents[1] / "again.yaml"
    file.write_text(yaml or (path.parents[1] / "rejoinder.yaml").read_text())
    one = scenario(path)
    assert one.past is not None
    one = replace(one, past=replace(one.past, is_binding=is_strict))
    target = Local.of_file(file, {"acting": str(ACTING_FILE)})
    (verdict,) = play_in_virtual_time(plays_of([one], target), target, Silence())
    return verdict


def contrasts(verdict: Verdict) -> tuple[Contrast, ...]:
    assert verdict.comparison is not None
    return verdict.comparison.contrasts


def kinds(path: Path) -> list[type]:
    return [type(step) for step in scenario(path).steps]
