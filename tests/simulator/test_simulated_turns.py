"""How the simulated platform decides whose turn it is, against servers as people write them."""

import pytest

from handwritten import HandWritten
from rejoinder.simulator.platform import Retell

pytestmark = pytest.mark.virtual_time


async def test_a_question_is_answered() -> None:
    server = HandWritten({"When are you open?": "At nine."})
    async with Retell(server.dial) as call:
        assert (await call.agent_finished()).heard == "Hello."
        await call.says("When are you open?")
        turn = await call.agent_finished()
    assert (turn.number, turn.kind, turn.asked_for, turn.heard) == (1, "response", "When are you open?", "At nine.")
    assert (call.journal.reason, call.journal.ended_by) == ("user_hangup", "caller")
    assert [(said.role, said.text) for said in call.journal.transcript] == [
        ("agent", "Hello."),
        ("user", "When are you open?"),
        ("agent", "At nine."),
    ]
    await server.leave()
