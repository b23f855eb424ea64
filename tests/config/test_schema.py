"""The schema takes what `load` takes, and marks in the editor what `load` would refuse."""

from typing import Annotated, Any, Literal

import jsonschema  # type: ignore[import-untyped]
import pydantic
import pytest
import yaml
from msgspec import Meta, Struct, field

from rejoinder import Options, Secret
from rejoinder.config import schema


class Voice(Struct):
    speed: float = 1
    next: "Voice | None" = None


class ModelOptions(Options, frozen=True):
    model: Annotated[str, Meta(description="Name of the model.", min_length=1)]
    api_key: Secret = Secret("")
    temperature: Annotated[float, Meta(ge=0, le=2)] = 0.7
    mode: Literal["fast", "good"] = "fast"
    voices: dict[str, Voice] = field(default_factory=dict)
    stops: list[str] | None = None
    pair: tuple[int, str] = (1, "")


class PydanticOptions(pydantic.BaseModel):
    reach: int
    names: list[str] = []


class TokenOptions(Options, frozen=True):
    token: Secret


WHOLE = schema({"llm": ModelOptions, "dummy": Options, "py": PydanticOptions}, {"crm": TokenOptions})
CHECK = jsonschema.Draft202012Validator(WHOLE)


def faults(text: str) -> list[str]:
    return [error.json_path for error in CHECK.iter_errors(yaml.safe_load(text))]


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(WHOLE)
    assert WHOLE["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "server: {host: '::1', port: 0, public_url: '${U:-}', watch: true}",
        "server: {port: '${PORT}', watch: '${W}'}",
        "include: [a/*.yaml]\ndefaults: {language: en, timezone: UTC}\nvars: {a: b, c: 1, d: {file: x}}",
        "numbers: {a: '+442079460000', b: '${N}'}",
        "agents: {a: {system: dummy}, b: {extends: a, begin: '', reminder: [x, {file: y}], language: en, timezone: UTC}}",
        "agents: {a: {system: llm, options: {model: m, temperature: '${T}', mode: '${M}', api_key: {file: k}}}}",
        "agents: {a: {system: llm, options: {model: {file: m}, voices: {x: {speed: '${S}', next: {speed: 2}}}, pair: [1, b]}}}",
        "agents: {a: {system: llm, options: {file: o.yaml}}, b: {extends: a, system: llm, options: {temperature: 1}}}",
        "agents: {a: {system: '${S}', options: {anything: 1}}, b: {system: py, options: {reach: '${R}', names: [a]}}}",
        "observers: {crm: {system: crm, options: {token: '${T}'}}}",
        "routes: {/a: a, /b: {agent: b, platforms: [chat, retell], observers: [crm], open: '${O}'}}",
        "webhooks: {a: {platform: retell, key: '${K}', observers: [crm]}, b: {platform: retell, key: [a, '${K}']}}",
        "routes: {/a: {agent: b, retell: {reminder_max_count: 0, responsiveness: '${R}'}}}",
    ],
)
def test_good_files_pass(text: str) -> None:
    assert faults(text) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("agent: {}", "$"),
        ("store: {}", "$"),
        ("webhooks: {a: {platform: retell}}", "$.webhooks.a"),
        ("webhooks: {a: {platform: chat, key: k}}", "$.webhooks.a.platform"),
        ("server: {prt: 1}", "$.server"),
        ("server: {port: 70000}", "$.server.port"),
        ("server: {port: 'x'}", "$.server.port"),
        ("server: {host: null}", "$.server.host"),
        ("numbers: {a: 15551234567}", "$.numbers.a"),
        ("numbers: {a: {file: x}}", "$.numbers.a"),
        ("defaults: {late: {filler: 2}}", "$.defaults.late.filler"),
        ("agents: {a: {begin: x}}", "$.agents.a"),
        ("agents: {a: {system: lm}}", "$.agents.a.system"),
        ("agents: {a: {system: dummy, begin: 1}}", "$.agents.a.begin"),
        ("agents: {a: {system: dummy, options: {x: 1}}}", "$.agents.a.options"),
        ("agents: {a: {system: llm}}", "$.agents.a"),
        ("agents: {a: {system: llm, options: {modle: m}}}", "$.agents.a.options"),
        ("agents: {a: {system: llm, options: {model: m, temperature: 3}}}", "$.agents.a.options"),
        ("agents: {a: {system: llm, options: {model: m, stops: null}}}", "$.agents.a.options"),
        ("agents: {a: {system: llm, options: {model: m, voices: {x: {sped: 1}}}}}", "$.agents.a.options"),
        ("agents: {a: {system: py, options: {reach: 1, more: 1}}}", "$.agents.a.options"),
        ("observers: {crm: {system: crm, options: {}}}", "$.observers.crm.options"),
        ("observers: {crm: {options: {}}}", "$.observers.crm"),
        ("routes: {a: a}", "$.routes"),
        ("routes: {/a: {file: x}}", "$.routes['/a']"),
        ("routes: {/a: {platforms: [chat]}}", "$.routes['/a']"),
        ("routes: {/a: {agent: a, platforms: [skype]}}", "$.routes['/a']"),
        ("routes: {/a: {agent: a, retell: {responsiveness: 2}}}", "$.routes['/a']"),
    ],
)
def test_bad_files_are_marked(text: str, place: str) -> None:
    assert place in faults(text)


def test_descriptions_reach_the_editor() -> None:
    assert WHOLE["$defs"]["system.llm"]["properties"]["model"]["description"] == "Name of the model."
    assert all("description" in about for about in WHOLE["properties"].values())


def test_without_plugins_any_name_and_any_option_will_do() -> None:
    bare = jsonschema.Draft202012Validator(schema({}, {}))
    assert not list(bare.iter_errors({"agents": {"a": {"system": "x", "options": {"y": 1}}}}))


def test_a_type_that_has_no_schema_does_not_spoil_the_rest() -> None:
    class Unspeakable(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
        what: memoryview

    made: dict[str, Any] = schema({"odd": Unspeakable, "dummy": Options}, {})
    assert made["$defs"]["system.odd"] == {"type": "object"}
