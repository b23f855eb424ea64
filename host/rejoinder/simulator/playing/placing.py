"""The call that a play is: on the platform that speaks what its line carries."""

from dataclasses import dataclass, field
from uuid import uuid4

from aiohttp import ClientSession

from rejoinder.simulator.judging.findings import Play
from rejoinder.simulator.platform.call import SimulatedCall
from rejoinder.simulator.platform.completions import TOOLS, Completions
from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.platform.retell import Retell
from rejoinder.simulator.scenarios.setup import FIRST_MESSAGE, details_of, profile_of, vapi_details_of
from rejoinder.testing.wire import Dialler

#: The tool that a web call does without: it cannot be transferred.
_TRANSFER = "transferCall"


@dataclass(frozen=True, slots=True)
class ModelAPI:
    """A route that is asked for chat completions below `url`, with `key` if there is one."""

    url: str
    session: ClientSession
    key: str = field(default="", repr=False)


#: What leads to a route: for Retell what dials it, for a platform of chat completions where to ask.
Line = Dialler | ModelAPI


def placed(play: Play, line: Line, *, call_id: str | None, profile: Profile | None, frames: bool) -> SimulatedCall:
    """The call, not connected yet. `profile` None makes one of what the scenario says and the seed."""
    scenario = play.scenario
    figures = profile or profile_of(scenario.platform, play.seed)
    if not isinstance(line, ModelAPI):
        return Retell(line, call_id=call_id, details=details_of(scenario.call), profile=figures, frames=frames)
    own_id = call_id or f"call_{uuid4().hex}"
    said = scenario.platform.first_message
    can_transfer = scenario.call.kind == "phone"
    return Completions(
        line.url,
        line.session,
        call_id=own_id,
        first_message=FIRST_MESSAGE if said is None else said,
        tools=[tool for tool in TOOLS if can_transfer or tool["function"]["name"] != _TRANSFER],
        more=vapi_details_of(scenario.call, own_id),
        api_key=line.key,
        profile=figures,
        frames=frames,
    )
