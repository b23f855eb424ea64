"""The host that these tests call: an agent that errs on its caller's order, and some that do not."""

from pathlib import Path

import pytest

from served import Serve, Served

ERRING = {"erring": str(Path(__file__).parents[1] / "support" / "erring.py")}
YAML = """
server: {port: 0}
numbers: {reception: "+442079460000"}
agents:
  erring: {system: erring}
  polite: {system: acting}
  endless: {system: acting, options: {act: endless}}
  dummy: {system: dummy}
  echo: {system: echo}
  rules: {system: rules}
routes: {/erring: erring, /polite: polite, /endless: endless, /dummy: dummy, /echo: echo, /rules: rules}
"""


@pytest.fixture
async def served(serve: Serve) -> Served:
    return await serve(YAML, ERRING)


@pytest.fixture
async def served_by_threads(serve: Serve) -> Served:
    """The same, each agent on a loop of its own, as `rejoinder serve` has them."""
    return await serve(YAML, ERRING, own_loop=True)
