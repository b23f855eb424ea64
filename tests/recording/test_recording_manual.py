"""What docs/recording.md says is so: its figures, and every line of a recording."""

import json
from pathlib import Path
from typing import Any

from manual import codes, named, page, rows, section
from rejoinder.recording import redaction, shelf, tape, writer
from rejoinder.testing.telephone import calling

PAGE = "docs/recording.md"
YAML = "agents: {actor: {system: acting, options: {act: ending}}}\nroutes: {/a: {agent: actor, record: {text: on}}}\n"


def test_its_figures_are_those_of_the_code() -> None:
    hidden, disks, stored = (
        section(PAGE, one) for one in ("What is never written", "Full and slow disks", "Calls that may not be stored")
    )
    assert f"a run of {redaction.SHORTEST_NUMBER} digits or more" in hidden
    assert f"{redaction.SHORTEST_BEGINNING} digits or more at the end" in hidden
    assert f"({redaction.CARD.start} to {redaction.CARD.stop - 1}, " in hidden
    assert f"of {redaction.SHORTEST_SECRET} characters or more" in hidden
    assert shelf.KEY in codes(hidden)
    assert f"{writer.ROOM} entries or {writer.MOST_BYTES >> 20} MiB" in disks
    assert f"({tape.MOST_HELD >> 20} MiB of lines)" in stored
    assert writer.GATHERING == 0.1
    assert "last tenth of a second" in disks
    assert writer.LOOK_EVERY == 3600.0
    assert "when it starts and every hour" in page(PAGE)
    assert f"in the last {shelf.QUIET / 60:g} minutes" in page(PAGE)
    assert f"the first {tape.MOST_OF_AN_ID} characters" in page(PAGE)


async def test_every_line_and_field_of_a_recording_is_told(recording: Any, written: Any, folder: Path) -> None:
    served = await recording(YAML)
    details = {"call_type": "phone_call", "direction": "inbound", "from_number": "+442079460123", "to_number": "+15550002222"}
    async with calling(served.ws("/a"), call_id="call-1", details=details) as caller:
        await caller.hears()
        await caller.send("Hello")
        await caller.says("bye")
        await caller.hears()
        await caller.hang_up()
    await served.host.close()
    first, *lines = written()
    told = section(PAGE, "The format")
    fields = {code: row[1] for row in rows(told) for code in codes(row[0])}
    assert set(first) <= named(told)
    for line in lines:
        assert line["what"] in fields, line
        row = set(codes(fields[line["what"]])) | set(codes(fields["received"]))
        assert set(line) - {"at", "what"} <= row, line
    assert {line["what"] for line in lines} >= {
        "action",
        "closed",
        "details",
        "dialled",
        "ended",
        "received",
        "sent",
        "turn ended",
    }
    assert json.dumps(first).count("recording") == 1
