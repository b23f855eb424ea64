"""What the manual tells of the simulated platform is what it does."""

import json
import re
from dataclasses import asdict

from manual import codes, named, page, rows, section
from rejoinder.cli.load import LASTS, RAMP
from rejoinder.simulator.judging.call_checks import LEFT_OPEN
from rejoinder.simulator.load.outcome import Cost, Outcome, Size
from rejoinder.simulator.load.resources import LATE, LOOK, VERY_LATE
from rejoinder.simulator.load.spread import PERCENTILES
from rejoinder.simulator.load.tally import Tally
from rejoinder.simulator.platform.call import SimulatedCall
from rejoinder.simulator.platform.line import LOST, OPEN, READINGS, RUNTIME
from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.reports.load_report import as_json, text


def test_each_figure_is_told_with_where_it_is_from() -> None:
    told = {name.strip("`"): (default, source) for name, default, _, source in rows(section("docs/simulator.md", "Figures"))}
    figures = asdict(Profile())
    assert set(told) == set(figures)
    for name, value in figures.items():
        assert told[name][0] == (f"{value:g}" if isinstance(value, float) else str(value)), name
        assert told[name][1] in ("assumed", "retell-sdk") or told[name][1].strip('"') in page("docs/simulator.md"), name


def test_each_move_is_told() -> None:
    no_moves = {"journal", "connect", "connected", "gone", "run", "floor"}
    moves = {name for name in vars(SimulatedCall) if not name.startswith("_")} - no_moves
    told = " ".join(codes(" ".join(row[0] for row in rows(page("docs/simulator.md")) if "(" in row[0])))
    assert set(re.findall(r"(\w+)\(", told)) == moves


def test_each_end_of_a_connection_is_told() -> None:
    told = " ".join(cell for row in rows(section("docs/simulator.md", "What is simulated")) for cell in row)
    for code, reason in READINGS.items():
        assert str(code) in told
        assert f"`{reason}`" in told
    assert all(f"`{reason}`" in told for reason in (LOST, OPEN, RUNTIME))


def test_each_line_and_field_of_a_load_is_told() -> None:
    told = section("docs/simulator.md", "Load")
    outcome = Outcome(Size(1, ramp=10.0, lasts=60.0), Tally(), 1.0, False, [], Cost(1.0, 1), Cost(1.0, 1))
    lines = {re.split(r"  +", line)[0] for line in text(outcome).splitlines()[3:] if line}
    assert named(told) == lines
    assert set(json.loads(as_json(outcome))) <= set(codes(told))
    assert str(PERCENTILES).strip("()") in told


def test_bounds_of_a_load_are_those_of_the_code() -> None:
    told = section("docs/simulator.md", "Load")
    assert f"nothing came for {LEFT_OPEN:g} seconds" in told
    assert f"more than {LATE * 1000:g} ms in one look of a hundred, or {VERY_LATE * 1000:g} ms once" in told
    assert (LOOK, "twenty times a second" in told) == (1 / 20, True)
    flags = section("docs/operating.md", "`rejoinder simulate PATH`")
    assert all(f"(default: `{default}`)" in flags for default in (RAMP, LASTS))
