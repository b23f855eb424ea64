"""Whether what an owner may write under `options:` is typed, guarded and told."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from rejoinder.conformance.check import NotApplicable, distinct
from rejoinder.conformance.trial import Trial
from rejoinder.errors import ConfigError
from rejoinder.inventory import Option, options_of
from rejoinder.routes import resolve
from rejoinder.testing.subject import subject

#: An option that no system has.
UNKNOWN = "no_such_option"
#: Options with such a name hold what must not be seen.
_SECRET = re.compile(r"(?:^|_)(?:api_?key|secret|password|passwd|(?:access|api|auth|bearer)_token)$")


async def options_typed(trial: Trial) -> list[str]:
    kind, listed = trial.options_type, _listed(trial)
    seen = [f"{one.name} takes anything" for one in listed if one.type == "anything"]
    seen += [f"{one.name} is text, which logs and `check --show` print" for one in listed if _is_bare_secret(one)]
    if not _is_frozen(kind):
        seen.append(f"{kind.__name__} can be changed, and all calls of an agent share one")
    if not _refuses_unknown(trial):
        seen.append(f"{kind.__name__} takes `{UNKNOWN}: 1` without a word: so it does every slip of a pen")
    return distinct(seen)


async def options_documented(trial: Trial) -> list[str]:
    listed = _listed(trial)
    if not listed:
        raise NotApplicable("it has no options")
    return [f"{one.name} says nothing of itself" for one in listed if not one.description.strip()]


def _listed(trial: Trial) -> tuple[Option, ...]:
    try:
        return options_of(trial.options_type)
    except Exception as error:  # a stranger's type
        raise NotApplicable(f"its options cannot be looked into: {error}") from error


def _is_bare_secret(option: Option) -> bool:
    return bool(_SECRET.search(option.name)) and "text" in option.type and "secret" not in option.type


def _is_frozen(kind: type[Any]) -> bool:
    if issubclass(kind, Struct):
        return kind.__struct_config__.frozen
    if dataclasses.is_dataclass(kind):
        return bool(getattr(kind, "__dataclass_params__").frozen)  # noqa: B009  typeshed does not know it
    return True


def _refuses_unknown(trial: Trial) -> bool:
    given = trial.keys.get("options", {})
    options = dict(given) if isinstance(given, Mapping) else {}
    tried = subject(trial.system, {**trial.keys, "options": {**options, UNKNOWN: 1}})
    try:
        resolve(tried.config(), tried.registry)
    except ConfigError as error:
        return UNKNOWN in str(error)
    return False
