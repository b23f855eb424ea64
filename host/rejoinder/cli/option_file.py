"""Options of one system in a YAML file of their own, as they stand under `options:` of an agent."""

import os
from pathlib import Path
from typing import Any

import yaml

from rejoinder.config.sources import Sources, Substitution, Unreadable
from rejoinder.errors import ConfigError, Problem


def read_options(path: Path) -> dict[str, Any]:
    """The options, with `${NAME}` and `${file:PATH}` put in. Raises ConfigError with all that is wrong."""
    sources = Sources(os.environ)
    substitution = Substitution(sources, path.parent)
    try:
        found = _put_in(yaml.safe_load(sources.read(path)) or {}, substitution)
    except Unreadable as error:
        raise ConfigError([Problem(str(path), 0, 0, "", str(error), error.remedy)]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
        raise ConfigError([Problem(str(path), line, column, "", str(error.problem), "see that it is YAML")]) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError([Problem(str(path), 0, 0, "", f"it is not YAML: {error}")]) from None
    if not isinstance(found, dict):
        raise ConfigError(
            [Problem(str(path), 0, 0, "", "expected a mapping of options", "write lines such as `option: value`")]
        )
    if substitution.faults:
        raise ConfigError([Problem(str(path), 0, 0, "", what, remedy) for what, remedy in substitution.faults])
    return found


def _put_in(value: Any, substitution: Substitution) -> Any:
    match value:
        case str():
            return substitution.apply(value)
        case dict():
            return {key: _put_in(inner, substitution) for key, inner in value.items()}
        case list():
            return [_put_in(inner, substitution) for inner in value]
        case _:
            return value
