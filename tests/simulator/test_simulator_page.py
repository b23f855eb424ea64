"""What the manual tells of the simulated platform is what it does."""

import re
from dataclasses import asdict

from manual import codes, page, rows, section
from rejoinder.simulator.call import SimulatedCall
from rejoinder.simulator.line import LOST, OPEN, READINGS, RUNTIME
from rejoinder.simulator.profile import Profile


def test_each_figure_is_told_with_where_it_is_from() -> None:
    told = {name.strip("`"): (default, source) for name, default, _, source in rows(section("docs/simulator.md", "Figures"))}
    figures = asdict(Profile())
    assert set(told) == set(figures)
    for name, value in figures.items():
        assert told[name][0] == (f"{value:g}" if isinstance(value, float) else str(value)), name
        assert told[name][1] in ("assumed", "retell-sdk") or told[name][1].strip('"') in page("docs/simulator.md"), name


def test_each_move_is_told() -> None:
    moves = {name for name in vars(SimulatedCall) if not name.startswith("_")} - {"journal", "connect", "gone", "run", "floor"}
    told = " ".join(codes(" ".join(row[0] for row in rows(page("docs/simulator.md")) if "(" in row[0])))
    assert set(re.findall(r"(\w+)\(", told)) == moves


def test_each_end_of_a_connection_is_told() -> None:
    told = " ".join(cell for row in rows(section("docs/simulator.md", "What is simulated")) for cell in row)
    for code, reason in READINGS.items():
        assert str(code) in told
        assert f"`{reason}`" in told
    assert all(f"`{reason}`" in told for reason in (LOST, OPEN, RUNTIME))
