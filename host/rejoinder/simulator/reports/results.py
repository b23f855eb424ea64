"""What came of a run, for machines: JUnit's XML, which every CI reads, and JSON with all that a verdict holds."""

import json
import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

from rejoinder.simulator.journal import AskedTurn, Journal
from rejoinder.simulator.judging.findings import Finding, Verdict
from rejoinder.simulator.replay.side_by_side import as_text, as_value
from rejoinder.simulator.reports.story import story
from rejoinder.simulator.reports.table import label, summary

#: What XML 1.0 cannot hold (section 2.2).
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(verdicts: Sequence[Verdict], took: float) -> bytes:
    """A suite for each file of scenarios, a case for each play; what could not be played is an error."""
    files = dict.fromkeys(verdict.play.scenario.place.file for verdict in verdicts)
    root = ET.Element("testsuites", {"name": "rejoinder simulate", "time": f"{took:.3f}", **_counted(verdicts)})
    runs = max((verdict.play.number for verdict in verdicts), default=1)
    for file in files:
        own = [verdict for verdict in verdicts if verdict.play.scenario.place.file == file]
        seconds = sum(verdict.took for verdict in own)
        suite = ET.SubElement(root, "testsuite", {"name": _text(file), "time": f"{seconds:.3f}", **_counted(own)})
        for verdict in own:
            _case(suite, verdict, runs)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _counted(verdicts: Sequence[Verdict]) -> dict[str, str]:
    failures = sum(verdict.outcome == "failed" for verdict in verdicts)
    errors = sum(verdict.outcome == "broken" for verdict in verdicts)
    return {"tests": str(len(verdicts)), "failures": str(failures), "errors": str(errors)}


def _case(suite: ET.Element, verdict: Verdict, runs: int) -> None:
    play = verdict.play
    name, file = _text(label(play, runs=runs)), play.scenario.place.file
    case = ET.SubElement(suite, "testcase", name=name, classname=_text(file), time=f"{verdict.took:.3f}")
    beside = f"\n\n{as_text(verdict.comparison)}" if verdict.comparison else ""
    told = _text(f"seed {play.seed}\n{story(verdict)}{beside}")
    if verdict.outcome == "passed":
        ET.SubElement(case, "system-out").text = told
        return
    kind = "failure" if verdict.outcome == "failed" else "error"
    message = _text("; ".join(summary(finding) for finding in verdict.findings))
    ET.SubElement(case, kind, type=verdict.findings[0].fault or verdict.findings[0].check, message=message).text = told


def _text(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)


def as_json(verdicts: Sequence[Verdict], seed: int, took: float) -> bytes:
    """One object: the counts, and of each play the findings, the transcript and the times of its turns."""
    counts = {one: sum(verdict.outcome == one for verdict in verdicts) for one in ("passed", "failed", "broken")}
    ok = bool(verdicts) and counts["passed"] == len(verdicts)
    told = {"ok": ok, "seed": seed, "seconds": round(took, 3), **counts, "plays": [_play(verdict) for verdict in verdicts]}
    # Half of a pair of surrogates, which JSON can hold and UTF-8 cannot, stays the escape that it came as.
    return json.dumps(told, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace") + b"\n"


def _play(verdict: Verdict) -> dict[str, Any]:
    play, journal = verdict.play, verdict.journal
    return {
        "scenario": play.scenario.name,
        "file": play.scenario.place.file,
        "line": play.scenario.place.line,
        "route": play.route,
        "run": play.number,
        "seed": play.seed,
        "outcome": verdict.outcome,
        "seconds": round(verdict.took, 3),
        "call_seconds": round(verdict.lasted, 3),
        "ended_by": journal.ended_by,
        "reason": journal.reason,
        "findings": [_finding(finding) for finding in verdict.findings],
        "transcript": [{"role": said.role, "text": said.text} for said in journal.transcript],
        "turns": [_turn(turn, journal) for turn in journal.turns],
        "story": story(verdict).splitlines(),
        "recorded": as_value(verdict.comparison) if verdict.comparison else None,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    place = finding.place
    written = {"file": place.file, "line": place.line, "column": place.column}
    return {
        "check": finding.check,
        "fault": finding.fault,
        "what": finding.what,
        "at": _rounded(finding.at),
        "turn": finding.turn,
        **written,
    }


def _turn(turn: AskedTurn, journal: Journal) -> dict[str, Any]:
    return {
        "number": turn.number,
        "kind": turn.kind,
        "said": turn.said,
        "heard": turn.heard,
        "cut": turn.cut,
        "action": turn.action,
        "target": turn.target,
        "tools": [tool.name for tool in turn.tools],
        **{name: _rounded(getattr(turn, name)) for name in ("asked_at", "first_sentence_at", "completed_at", "superseded_at")},
        **{name: _rounded(getattr(turn, name)) for name in ("spoken_from", "spoken_to", "done_at")},
        "chunks": [[round(at, 3), text] for at, text in turn.chunks],
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
