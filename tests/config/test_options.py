"""Options get the type that a system declares, or problems that show the place and never the value."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pydantic
import pytest
from msgspec import Meta, Struct, field

from rejoinder import Options, Secret
from rejoinder.config import convert_options


class Voice(Struct, frozen=True):
    speed: Annotated[float, Meta(ge=0.5, le=2)] = 1
    names: list[str] = []


@dataclass
class Retry:
    times: int = 1


class Pace(TypedDict, total=False):
    words: int


class Phone(Struct, tag="phone"):
    number: str


class Mail(Struct, tag="mail"):
    address: str


class ModelOptions(Options, frozen=True):
    model: str
    api_key: Secret = Secret("")
    temperature: Annotated[float, Meta(ge=0, le=2)] = 0.7
    tokens: int = 100
    stream: bool = True
    mode: Literal["fast", "good"] = "fast"
    code: Annotated[str, Meta(pattern="^[a-z]+$", min_length=2)] = "abc"
    voices: dict[str, Voice] = field(default_factory=dict)
    tables: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    pair: tuple[int, str] = (1, "")
    takes: tuple[Voice, ...] = ()
    retry: Retry | None = None
    pace: Pace = field(default_factory=Pace)
    reach: Phone | Mail | None = None
    either: int | str = 0

    def __post_init__(self) -> None:
        if self.model == "none" or self.model == "s3cr3t-model":
            raise ValueError(f"there is no model {self.model}")
        if self.model == "broken":
            raise KeyError(self.model)


class PydanticOptions(pydantic.BaseModel):
    model: str
    tokens: int = 1
    tables: dict[str, list[int]] = field(default_factory=dict)
    nick: str = pydantic.Field("", alias="nickname")

    @pydantic.field_validator("tokens")
    @classmethod
    def few(cls, value: int) -> int:
        if value > 5:
            raise ValueError("too many")
        return value


class StrictModel(PydanticOptions):
    model_config = pydantic.ConfigDict(extra="forbid")


class OpenModel(PydanticOptions):
    model_config = pydantic.ConfigDict(extra="allow")


PLACE = "rejoinder.yaml:4:5: agents.ava.options"
NAMES = ModelOptions.__struct_fields__
HEAD = "agents:\n  ava:\n    system: llm\n    options:\n"


def converted(
    folder: Any, options_type: Any, lines: list[str], environ: dict[str, str] | None = None, *, secrets: bool = True
) -> tuple[object | None, list[str]]:
    """What the lines under `options:` come to; the first is line 5 and begins in column 7."""
    config = folder.config(HEAD + "".join(f"      {line}\n" for line in lines), environ, secrets=secrets)
    agent = config.agents["ava"]
    options, problems = convert_options(options_type, agent.options, agent.origin)
    return options, [str(problem) for problem in problems]


def test_right_options_become_an_object(folder: Any) -> None:
    lines = ["model: m", "api_key: abc", "voices: {a: {speed: 2}}", "retry: {times: 2}", "reach: {type: mail, address: x}"]
    options, problems = converted(folder, ModelOptions, lines)
    assert problems == []
    assert options == ModelOptions(model="m", api_key=Secret("abc"), voices={"a": Voice(2.0)}, retry=Retry(2), reach=Mail("x"))


def test_values_from_outside_take_the_type_that_is_wanted(folder: Any) -> None:
    environ = {"N": "12", "B": "yes", "M": "404", "F": "1", "K": "123"}
    lines = ["model: ${M}", "api_key: ${K}", "tokens: '${N}'", "stream: ${B}", "temperature: ${F}", "either: '${N}'"]
    options, problems = converted(folder, ModelOptions, lines, environ)
    assert problems == []
    assert options == ModelOptions(model="404", api_key=Secret("123"), tokens=12, stream=True, temperature=1.0, either="12")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], ["rejoinder.yaml:2:3: agents.ava.options: the option 'model' is missing (write 'model: ...')"]),
        (["tokens: 1"], ["rejoinder.yaml:4:5: agents.ava.options: the option 'model' is missing (write 'model: ...')"]),
        (
            ["modell: m", "tokens: 1.5", "stream: yes", "zz: 1"],
            [
                "rejoinder.yaml:5:7: agents.ava.options: unknown option 'modell' (did you mean 'model'?)",
                f"rejoinder.yaml:8:7: agents.ava.options: unknown option 'zz' (one of: {', '.join(sorted(NAMES))})",
                "rejoinder.yaml:4:5: agents.ava.options: the option 'model' is missing (write 'model: ...')",
                "rejoinder.yaml:6:15: agents.ava.options.tokens: expected a whole number, got a number",
                "rejoinder.yaml:7:15: agents.ava.options.stream: expected true or false, got text (write true or false)",
            ],
        ),
        (["model: 5"], ["rejoinder.yaml:5:14: agents.ava.options.model: expected text, got a whole number (quote it)"]),
        (
            ["model: m", "tokens: '5'"],
            ["rejoinder.yaml:6:15: agents.ava.options.tokens: expected a whole number, got text (take the quotes away)"],
        ),
        (
            ["model: m", "api_key: 12"],
            ["rejoinder.yaml:6:16: agents.ava.options.api_key: expected text, got a whole number (quote it)"],
        ),
        (
            ["model: m", "mode: slow"],
            ["rejoinder.yaml:6:13: agents.ava.options.mode: not one of the values it may have (one of: fast, good)"],
        ),
        (["model: m", "temperature: 3"], ["rejoinder.yaml:6:20: agents.ava.options.temperature: must be 2 or less"]),
        (["model: m", "code: a"], ["rejoinder.yaml:6:13: agents.ava.options.code: must have 2 or more characters"]),
        (["model: m", "code: A1"], ["rejoinder.yaml:6:13: agents.ava.options.code: must match the pattern '^[a-z]+$'"]),
        (
            ["model: m", "voices:", "  a: {speed: 1}", "  b.c: {speed: 9}"],
            ["rejoinder.yaml:8:22: agents.ava.options.voices.b.c.speed: must be 2 or less"],
        ),
        (
            ["model: m", "tables: {a: {x: [1]}, b: {y: [], z: [1, two]}}"],
            ["rejoinder.yaml:6:47: agents.ava.options.tables.b.z[1]: expected a whole number, got text"],
        ),
        (
            ["model: m", "takes: [{speed: 9}, {speed: 1}, {names: [a, 2]}]"],
            [
                "rejoinder.yaml:6:23: agents.ava.options.takes[0].speed: must be 2 or less",
                "rejoinder.yaml:6:51: agents.ava.options.takes[2].names[1]: expected text, got a whole number (quote it)",
            ],
        ),
        (["model: m", "pair: [1]"], ["rejoinder.yaml:6:13: agents.ava.options.pair: must have 2 items"]),
        (
            ["model: m", "either: [1]"],
            ["rejoinder.yaml:6:15: agents.ava.options.either: expected a whole number or text, got a list"],
        ),
        (
            [
                "model: m",
                "retry: {tims: 1}",
                "pace: {wrds: 1}",
                "voices: {a: {names: x, sped: 1}}",
                "reach: {type: mail, adress: x}",
            ],
            [
                "rejoinder.yaml:8:30: agents.ava.options.voices.a: unknown option 'sped' (did you mean 'speed'?)",
                "rejoinder.yaml:6:15: agents.ava.options.retry: unknown option 'tims' (did you mean 'times'?)",
                "rejoinder.yaml:7:14: agents.ava.options.pace: unknown option 'wrds' (did you mean 'words'?)",
                "rejoinder.yaml:9:27: agents.ava.options.reach: unknown option 'adress' (did you mean 'address'?)",
                "rejoinder.yaml:8:27: agents.ava.options.voices.a.names: expected a list, got text",
                "rejoinder.yaml:9:7: agents.ava.options.reach: the option 'address' is missing (write 'address: ...')",
            ],
        ),
        (["model: none"], ["rejoinder.yaml:4:5: agents.ava.options: there is no model none"]),
        (
            ["model: broken"],
            [f"{PLACE}: the plugin's own check of its options failed: KeyError (tell its author)"],
        ),
    ],
)
def test_wrong_options_are_told_with_their_places(folder: Any, lines: list[str], expected: list[str]) -> None:
    text = HEAD if lines else HEAD.replace("    options:\n", "")
    agent = folder.config(text + "".join(f"      {line}\n" for line in lines)).agents["ava"]
    options, problems = convert_options(ModelOptions, agent.options, agent.origin)
    assert sorted(map(str, problems)) == sorted(expected)
    assert options is None


def test_a_pydantic_model_tells_all_its_errors(folder: Any) -> None:
    lines = ["mdl: m", "tokens: 9", "tables: {a: [1, [x]]}", "nickname: y"]
    options, problems = converted(folder, PydanticOptions, lines)
    assert options is None
    assert problems == [
        "rejoinder.yaml:4:5: agents.ava.options: the option 'model' is missing (write 'model: ...')",
        "rejoinder.yaml:5:7: agents.ava.options: unknown option 'mdl' (did you mean 'model'?)",
        "rejoinder.yaml:6:15: agents.ava.options.tokens: too many",
        "rejoinder.yaml:7:23: agents.ava.options.tables.a[1]: input should be a valid integer",
    ]


@pytest.mark.parametrize("options_type", [PydanticOptions, StrictModel, OpenModel])
def test_a_pydantic_model_becomes_an_object(folder: Any, options_type: Any) -> None:
    options, problems = converted(folder, options_type, ["model: ${M}", "tokens: '${N}'", "nickname: z"], {"M": "7", "N": "3"})
    assert problems == []
    assert isinstance(options, options_type)
    assert (options.model, options.tokens, options.nick) == ("7", 3, "z")


def test_a_pydantic_model_may_take_any_key(folder: Any) -> None:
    assert converted(folder, OpenModel, ["model: m", "more: 1"])[1] == []


def test_dataclasses_and_typed_dicts_serve_as_options(folder: Any) -> None:
    assert converted(folder, Retry, ["times: 3"]) == (Retry(3), [])
    assert converted(folder, Pace, ["words: 3"]) == ({"words": 3}, [])
    assert converted(folder, Retry, ["tmes: 3"]) == (
        None,
        ["rejoinder.yaml:5:7: agents.ava.options: unknown option 'tmes' (did you mean 'times'?)"],
    )


def test_a_value_from_outside_is_never_told(folder: Any) -> None:
    environ = {"M": "s3cr3t-model"}
    assert converted(folder, ModelOptions, ["model: ${M}"], environ) == (
        None,
        ["rejoinder.yaml:4:5: agents.ava.options: there is no model ***"],
    )
    assert converted(folder, ModelOptions, ["model: m", "mode: ${M}", "tokens: ${M}"], environ) == (
        None,
        [
            "rejoinder.yaml:6:13: agents.ava.options.mode: not one of the values it may have (one of: fast, good)",
            "rejoinder.yaml:7:15: agents.ava.options.tokens: expected a whole number, got text",
        ],
    )


def test_placeholders_fit_wherever_they_can_and_are_never_at_fault(folder: Any) -> None:
    lines = ["model: '${M}'", "tokens: ${N}", "stream: '${B}'", "temperature: ${T}"]
    options, problems = converted(folder, ModelOptions, lines, secrets=False)
    assert problems == []
    assert options is not None
    assert converted(folder, ModelOptions, ["model: m", "mode: '${X}'"], secrets=False) == (None, [])
    assert converted(folder, ModelOptions, ["mode: '${X}'"], secrets=False)[1] == [
        "rejoinder.yaml:4:5: agents.ava.options: the option 'model' is missing (write 'model: ...')"
    ]


def test_a_file_whose_name_nobody_has_set_is_taken_as_given(folder: Any) -> None:
    assert converted(folder, ModelOptions, ["file: '${X}'"], secrets=False) == (None, [])


def test_places_in_an_options_file_and_in_a_parent_are_their_own(folder: Any) -> None:
    folder.write({"o.yaml": "model: m\ntokens: many\n"})
    text = "agents:\n  a: {system: llm, options: {file: o.yaml}}\n  b: {extends: a, options: {mode: slow}}\n"
    agent = folder.config(text).agents["b"]
    assert [str(problem) for problem in convert_options(ModelOptions, agent.options, agent.origin)[1]] == [
        "o.yaml:2:9: agents.b.options.tokens: expected a whole number, got text",
        "rejoinder.yaml:3:35: agents.b.options.mode: not one of the values it may have (one of: fast, good)",
    ]


def test_options_convert_without_a_file_too() -> None:
    given = {"model": "m", "tokens": 3, "temperature": 0.5, "stream": False, "voices": {"a": {"names": ["x"]}}}
    options, problems = convert_options(ModelOptions, given)
    assert problems == []
    assert options == ModelOptions(model="m", tokens=3, temperature=0.5, stream=False, voices={"a": Voice(names=["x"])})
    assert [str(problem) for problem in convert_options(ModelOptions, {"model": "m", "tokens": "x"})[1]] == [
        "options: tokens: expected a whole number, got text"
    ]


def test_an_option_of_an_impossible_type_is_the_plugins_fault(folder: Any) -> None:
    class Odd(Struct):
        what: complex

    assert "declares an option of a type that YAML cannot give: complex" in converted(folder, Odd, ["what: x"])[1][0]


def test_the_origin_shows_other_faults_in_their_place(folder: Any) -> None:
    origin = folder.config("agents:\n  ava: {system: lm}\n").agents["ava"].origin
    assert str(origin.problem(("system",), "there is no system 'lm'", "did you mean 'llm'?")) == (
        "rejoinder.yaml:2:17: agents.ava.system: there is no system 'lm' (did you mean 'llm'?)"
    )
    assert str(origin.problem((), "it is broken")) == "rejoinder.yaml:2:3: agents.ava: it is broken"


def test_the_sample_types_are_what_the_tests_say() -> None:
    assert msgspec.convert({"model": "m"}, ModelOptions).temperature == 0.7
