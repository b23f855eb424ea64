"""Secrets are found wherever options hold them, and stay out of the log."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from rejoinder import Options, Secret
from rejoinder.observability import configure
from rejoinder.security import secrets_in
from served import Serve


class Inner(Options, frozen=True):
    token: Secret
    note: str = "open"


class Outer(Options, frozen=True):
    key: Secret | None = None
    headers: Mapping[str, Secret] = {}
    inner: tuple[Inner, ...] = ()


@dataclass
class Plain:
    key: Secret


def test_secrets_are_found_however_deep() -> None:
    options = Outer(key=Secret("one"), headers={"x": Secret("two")}, inner=(Inner(token=Secret("three")),))
    assert sorted(secrets_in(options)) == ["one", "three", "two"]
    assert list(secrets_in(Plain(Secret("four")))) == ["four"]
    assert list(secrets_in(Outer())) == []


async def test_an_agents_secrets_are_masked_in_the_log(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    configure("info")
    await serve("""
server: {port: 0}
agents: {a: {system: llm, options: {api_key: sk-very-secret}}}
routes: {/a: a}
""")
    logging.getLogger("rejoinder.plugin.x").warning("leaking sk-very-secret now")
    assert "sk-very-secret" not in capsys.readouterr().err
