"""`webhooks:` of the main file: who posts, what it signs with, and who hears of it."""

from typing import Any

import pytest
import yaml

from rejoinder import Secret
from rejoinder.config import load, show
from rejoinder.config.shape import WebhookConfig

WRITE_KEY = 'write key: "${RETELL_API_KEY}", the API key with the webhook badge in the dashboard'
FILE = """\
agents: {ava: {system: dummy}}
observers: {crm: {system: crm}, bill: {system: bill}, own: {system: own}}
routes:
  /a: {agent: ava, observers: [own, crm, bill]}
  /b: {agent: ava, observers: [bill, crm], platforms: [retell, chat]}
  /c: {agent: ava, platforms: [chat]}
webhooks:
"""


def hooks(folder: Any, text: str, environ: dict[str, str] | None = None) -> dict[str, WebhookConfig]:
    loaded = folder.load(FILE + text, environ or {"KEY": "secret-key"})
    assert loaded.problems == ()
    return dict(loaded.config.webhooks)


def test_a_key_from_outside_is_kept_unseen(folder: Any) -> None:
    found = hooks(folder, '  main: {platform: retell, key: "${KEY}", observers: [own]}\n')
    assert found == {"main": WebhookConfig("main", "retell", (Secret("secret-key"),), ("own",))}
    assert "secret-key" not in repr(found)


def test_without_a_list_those_hear_of_it_that_every_route_of_the_platform_names(folder: Any) -> None:
    assert hooks(folder, '  main: {platform: retell, key: "${KEY}"}\n')["main"].observers == ("crm", "bill")


def test_a_route_that_names_nobody_leaves_nobody_by_default(folder: Any) -> None:
    text = FILE.replace("webhooks:", "  /d: ava\nwebhooks:") + "  main: {platform: retell, key: k}\n"
    assert folder.load(text).config.webhooks["main"].observers == ()


def test_without_routes_nobody_hears_by_default(folder: Any) -> None:
    loaded = folder.load("agents: {a: {system: dummy}}\nroutes: {}\nwebhooks: {main: {platform: retell, key: k}}\n")
    assert loaded.config.webhooks["main"].observers == ()


def test_an_empty_list_is_nobody(folder: Any) -> None:
    assert hooks(folder, "  main: {platform: retell, key: k, observers: []}\n")["main"].observers == ()


def test_several_keys_while_they_are_changed_of_which_one_may_be_gone(folder: Any) -> None:
    text = '  main: {platform: retell, key: ["${KEY}", "${OLD:-}"]}\n'
    assert hooks(folder, text)["main"].keys == (Secret("secret-key"),)
    both = hooks(folder, text, {"KEY": "secret-key", "OLD": "older"})["main"].keys
    assert both == (Secret("secret-key"), Secret("older"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("main: x", "8:9: webhooks.main: expected a mapping, got text (write its keys below it, indented)"),
        (
            "main: {key: k}",
            "8:3: webhooks.main: the webhook has no platform (write 'platform: retell')",
        ),
        (
            "main: {platform: retell}",
            f"8:3: webhooks.main: the webhook has no key: anybody could post to it ({WRITE_KEY})",
        ),
        (
            'main: {platform: retell, key: ["${OLD:-}", ""]}',
            f"8:33: webhooks.main.key: no key is left: anybody could post to it ({WRITE_KEY})",
        ),
        ("main: {platform: retell, key: 12}", '8:33: webhooks.main.key: expected text, got a whole number (quote it: "12")'),
        (
            "main: {platform: chat, key: k}",
            "8:20: webhooks.main.platform: there is no platform that posts here called 'chat' (one of: retell)",
        ),
        (
            "main: {platform: retell, key: k, observers: [crmm]}",
            "8:48: webhooks.main.observers[0]: there is no observer 'crmm' (did you mean 'crm'?)",
        ),
        ("main: {platform: retell, kye: k, key: k}", "8:28: webhooks.main: unknown key 'kye' (did you mean 'key'?)"),
        ("a/b: {platform: retell, key: k}", "8:3: webhooks: 'a/b' cannot be a name (use letters, digits, - _ and .)"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_remedy(folder: Any, text: str, problem: str) -> None:
    assert folder.problems(f"{FILE}  {text}\n") == [f"rejoinder.yaml:{problem}"]


def test_a_key_that_is_not_there_is_told_once(folder: Any) -> None:
    (problem,) = folder.problems(FILE + '  main: {platform: retell, key: ["${NOBODY_SETS_IT}"]}\n')
    assert "the environment variable NOBODY_SETS_IT is not set" in problem


def test_a_check_without_secrets_takes_the_key_as_given(folder: Any) -> None:
    folder.write({"rejoinder.yaml": FILE + '  main: {platform: retell, key: ["${KEY}"]}\n'})
    loaded = load(folder.path / "rejoinder.yaml", {}, secrets=False)
    assert loaded.problems == ()
    assert loaded.config is not None
    assert loaded.config.webhooks["main"].keys == ()


def test_the_effective_file_shows_who_hears_and_no_key(folder: Any) -> None:
    loaded = folder.load(FILE + '  main: {platform: retell, key: ["${KEY}", written-here]}\n', {"KEY": "secret-key"})
    assert yaml.safe_load(show(loaded))["webhooks"] == {
        "main": {"platform": "retell", "observers": ["crm", "bill"], "key": ["***", "***"]}
    }
