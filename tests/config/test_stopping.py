"""`server:`: how it stops and hands over, and who may tell it to."""

from typing import Any

import pytest

from rejoinder.config import show

TOKEN = "0123456789abcdef"


def test_what_is_left_out_has_its_default(folder: Any) -> None:
    server = folder.config("server: {port: 1}").server
    assert (server.drain, server.admin_token, server.reuse_port) == (3600, "", False)


@pytest.mark.parametrize(("written", "seconds"), [("0s", 0), ("500ms", 0.5), ("90s", 90), ("1.5m", 90), ("24h", 86400)])
def test_a_drain_is_a_duration(folder: Any, written: str, seconds: float) -> None:
    assert folder.config(f"server: {{drain: {written}}}").server.drain == seconds


@pytest.mark.parametrize("written", ["30", "2d", "-1s", "soon", "25h", "[]", "true"])
def test_anything_else_is_none(folder: Any, written: str) -> None:
    (problem,) = folder.problems(f"server: {{drain: {written}}}")
    assert problem.startswith("rejoinder.yaml:1:17: server.drain: ")


def test_the_token_may_come_from_outside_and_is_not_shown(folder: Any) -> None:
    for written in (TOKEN + "x", "${TOKEN}"):
        loaded = folder.load(f"server: {{admin_token: '{written}'}}", {"TOKEN": TOKEN + "x"})
        assert loaded.config.server.admin_token == TOKEN + "x"
        assert TOKEN not in show(loaded)
        assert TOKEN not in repr(loaded.config)
    assert folder.config('server: {admin_token: "${TOKEN:-}"}').server.admin_token == ""


@pytest.mark.parametrize("written", ["tiny", "with a space in the middle", "grün-und-lang-genug-x"])
def test_a_token_that_is_unsafe_or_fits_no_header_is_refused(folder: Any, written: str) -> None:
    (problem,) = folder.problems(f"server: {{admin_token: '{written}'}}")
    assert problem.startswith("rejoinder.yaml:1:23: server.admin_token: ")
    assert written not in problem


def test_a_port_is_shared_only_if_the_file_says_so(folder: Any) -> None:
    assert folder.config("server: {reuse_port: true}").server.reuse_port is True
    (problem,) = folder.problems("server: {reuse_port: 2}")
    assert problem.startswith("rejoinder.yaml:1:22: server.reuse_port: expected true or false")
