"""Who may dial a route, from where, how many and for how long, as the file says it."""

from typing import Any

import pytest
import yaml

from rejoinder.addresses import networks
from rejoinder.config import Config, Limits, RouteConfig, show
from rejoinder.contract import Secret
from rejoinder.doors import Door

ONE, TWO = "one-secret-0123456789", "two-secret-0123456789"


def written(route: str, more: str = "") -> str:
    return f"{more}\nagents: {{a: {{system: dummy}}}}\nroutes: {{/a: {{agent: a, {route}}}}}\n"


def route(config: Config) -> RouteConfig:
    return config.routes["/a"]


@pytest.mark.parametrize(
    ("said", "secrets"),
    [
        (f"secret: {ONE}", [ONE]),
        (f"secret: [{ONE}, {TWO}]", [ONE, TWO]),
        (f"secret: [{ONE}, {ONE}]", [ONE]),
        ('secret: ["${NEW}", "${OLD:-}"]', [TWO]),
        ("secret: {file: key}", [ONE]),
    ],
)
def test_a_secret_is_one_or_several(folder: Any, said: str, secrets: list[str]) -> None:
    folder.write({"key": f"{ONE}\n"})
    assert route(folder.config(written(said), {"NEW": TWO})).door == Door(tuple(map(Secret, secrets)))


def test_addresses_are_read_with_their_presets(folder: Any) -> None:
    door = route(folder.config(written("allow: [retell, 10.0.0.0/8, 192.0.2.7, 2001:db8::/32]"))).door
    expected = [network for text in ("retell", "10.0.0.0/8", "192.0.2.7", "2001:db8::/32") for network in networks(text)]
    assert door == Door(allow=tuple(expected))


def test_limits_are_read(folder: Any) -> None:
    assert route(folder.config(written("limits: {calls: 20, call_duration: 30m}"))).limits == Limits(20, 1800.0)
    assert route(folder.config(written("limits: {calls: 20}"))).limits == Limits(20, 3600.0)
    assert route(folder.config(written("limits: {reminders: 0}"))).limits == Limits(None, 3600.0, 0)


def test_proxies_are_read(folder: Any) -> None:
    config = folder.config(written("open: true", "server: {trusted_proxies: [127.0.0.1, 10.0.0.0/8]}"))
    assert config.server.trusted_proxies == (*networks("127.0.0.1"), *networks("10.0.0.0/8"))


def test_the_nearest_counts(folder: Any) -> None:
    folder.write({"c/x.yaml": "defaults: {allow: [10.0.0.0/8]}\nroutes: {/x: a}\n"})
    config = folder.config(f"""
include: [c/*.yaml]
defaults: {{secret: {ONE}, allow: [retell], limits: {{calls: 5, call_duration: 10m, reminders: 2}}}}
agents: {{a: {{system: dummy}}}}
routes:
  /short: a
  /long: {{agent: a, secret: {TWO}, limits: {{calls: 7, reminders: 3}}}}
""")
    retell, private = networks("retell"), networks("10.0.0.0/8")
    assert {path: (one.door, one.limits) for path, one in config.routes.items()} == {
        "/short": (Door((Secret(ONE),), retell), Limits(5, 600.0, 2)),
        "/long": (Door((Secret(TWO),), retell), Limits(7, 600.0, 3)),
        "/x": (Door((Secret(ONE),), private), Limits(5, 600.0, 2)),
    }


@pytest.mark.parametrize("said", [f"secret: {ONE}", "allow: [retell]", "open: true"])
def test_a_route_that_asks_something_may_be_reached_from_elsewhere(folder: Any, said: str) -> None:
    assert route(folder.config(written(said, "server: {host: 0.0.0.0}"))).is_protected


@pytest.mark.failure(29)
def test_one_that_asks_nothing_may_not(folder: Any) -> None:
    (problem,) = folder.problems(written("limits: {calls: 1}", "server: {host: 0.0.0.0}"))
    assert "not protected: /a (give each a secret or an allow list, or open: true" in problem


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("secret: ''", "routes./a.secret: no secret is given"),
        ('secret: "${S:-}"', "routes./a.secret: no secret is given"),
        ('secret: ["${S:-}", ""]', "routes./a.secret: no secret is given"),
        ("secret: []", "routes./a.secret: no secret is given"),
        ("secret: short", "routes./a.secret: the secret is too short (give it 16 characters or more"),
        ("secret: [0123456789012345/]", "routes./a.secret[0]: a secret stands in a URL and cannot hold such characters"),
        ("secret: {a: b}", "routes./a.secret: expected text, got a mapping"),
        ("secret: 12345678901234567890", "routes./a.secret: expected text, got a whole number"),
        ("allow: []", "routes./a.allow: no address is named"),
        ("allow: retell", "routes./a.allow: expected a list of addresses, got text"),
        ("allow: [retel]", "routes./a.allow[0]: 'retel' is no address or network (did you mean 'retell'?)"),
        ("allow: ['${X:-}']", "routes./a.allow[0]: '' is no address or network"),
        ("allow: [10.0.0.1/8]", "routes./a.allow[0]: '10.0.0.1/8' is an address and a network at once"),
        ("limits: {calls: 0}", "routes./a.limits.calls: must be 1 or more"),
        ("limits: {reminders: -1}", "routes./a.limits.reminders: must be 0 or more"),
        ("limits: {call_duration: 60}", "routes./a.limits.call_duration: not a duration"),
        ("limits: {call_duration: 2s, cals: 1}", "routes./a.limits: unknown key 'cals' (did you mean 'calls'?)"),
        ("limits: {call_duration: 2000h}", "routes./a.limits.call_duration: must be between 1s and 24h"),
    ],
)
def test_what_is_wrong_is_said(folder: Any, said: str, problem: str) -> None:
    (told,) = folder.problems(written(said, "server: {host: 127.0.0.1}"))
    assert problem in told


def test_a_preset_is_no_proxy(folder: Any) -> None:
    (told,) = folder.problems(written("open: true", "server: {trusted_proxies: [retell]}"))
    assert "server.trusted_proxies[0]: 'retell' is no address or network" in told


def test_a_wrong_secret_is_never_shown_and_leaves_no_route_open(folder: Any) -> None:
    wrong = folder.load(written("secret: sh0rt!", "server: {host: 0.0.0.0}"))
    assert len(wrong.problems) == 1
    assert "sh0rt" not in str(wrong.problems[0])
    assert route(wrong.legible).door.is_closed


def test_a_secret_that_is_not_there_is_taken_as_given_when_asked(folder: Any) -> None:
    text = written('secret: "${S}"', "server: {host: 0.0.0.0}")
    assert "S" in folder.problems(text)[0]
    assert route(folder.config(text, secrets=False)).is_protected


def test_what_is_inherited_is_shown_and_what_is_secret_is_not(folder: Any) -> None:
    loaded = folder.load(f"""
defaults: {{secret: {ONE}, allow: [retell], limits: {{calls: 5, call_duration: 90s, reminders: 2}}}}
agents: {{a: {{system: dummy}}}}
routes: {{/short: a, /long: {{agent: a, secret: ["{TWO}", "${{OLD:-}}"], limits: {{calls: 7}}}}}}
""")
    shown = show(loaded)
    assert ONE not in shown
    assert TWO not in shown
    assert yaml.safe_load(shown)["routes"] == {
        "/short": {
            "agent": "a",
            "secret": "***",
            "allow": ["100.20.5.228/32"],
            "limits": {"calls": 5, "reminders": 2, "call_duration": "90s"},
        },
        "/long": {"agent": "a", "allow": ["100.20.5.228/32"], "secret": ["***", "***"], "limits": {"calls": 7}},
    }
