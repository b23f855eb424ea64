"""`webhooks:` of the main file: who posts to /webhooks/NAME, what it signs with, and who hears of it."""

from collections.abc import Collection, Iterable

from rejoinder.config.keys import POSTING, WEBHOOK
from rejoinder.config.routes import names_among
from rejoinder.config.scope import check_name
from rejoinder.config.shape import RouteConfig, WebhookConfig
from rejoinder.config.tree import Listing
from rejoinder.config.value import Value
from rejoinder.contract import Secret

_KEY = 'write key: "${RETELL_API_KEY}", the API key with the webhook badge in the dashboard'


def read_webhooks(table: Value | None, observers: Collection[str], routes: Iterable[RouteConfig]) -> dict[str, WebhookConfig]:
    """Every webhook that can be read, by name."""
    if table is None or not table.table():
        return {}
    default = _see_everything(routes)
    found = {}
    for name, value in table.children().items():
        if check_name(table, name) and value.table(WEBHOOK):
            platform, keys, heard_by = _platform(value), _keys(value), _observers(value, observers)
            if platform:
                found[name] = WebhookConfig(name, platform, keys, default if heard_by is None else heard_by, value.origin)
    return found


def _see_everything(routes: Iterable[RouteConfig]) -> tuple[str, ...]:
    """The observers that every route of the platform names: those may see whatever a webhook can tell."""
    seen_by = [route.observers for route in routes if route.platforms is None or set(POSTING) & set(route.platforms)]
    return tuple(name for name in dict.fromkeys(seen_by[0]) if all(name in each for each in seen_by)) if seen_by else ()


def _platform(webhook: Value) -> str:
    value = webhook.child("platform")
    if value is None:
        if webhook.origin.child("platform") is None:
            webhook.missing("the webhook has no platform", f"write 'platform: {POSTING[0]}'")
        return ""
    return next(iter(names_among([value], POSTING, "platform that posts here called")), "")


def _keys(webhook: Value) -> tuple[Secret, ...]:
    value = webhook.child("key")
    if value is None:
        if webhook.origin.child("key") is None:
            webhook.missing("the webhook has no key: anybody could post to it", _KEY)
        return ()
    many = value.node.items if isinstance(value.node, Listing) else None
    items = [value] if many is None else value.items("texts") or []
    texts = [item.text() for item in items if not item.is_placeholder]
    keys = tuple(Secret(text) for text in texts if text)
    is_whole = len(texts) == (1 if many is None else len(many)) and None not in texts
    if is_whole and not keys:  # what is no text, or not there, is told already
        value.wrong("no key is left: anybody could post to it", _KEY)
    return keys


def _observers(webhook: Value, known: Collection[str]) -> tuple[str, ...] | None:
    value = webhook.given("observers")
    items = value.items("observers") if value else None
    return None if items is None else names_among(items, known, "observer")
