"""`rejoinder schema`."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import yaml

from rejoinder.cli.schema import MODELINE

FILE = "agents: {a: {system: echo}}\nroutes: {/a: a}\n"


def test_the_schema_is_printed_and_takes_a_right_file_alone(rejoinder: Any) -> None:
    outcome = rejoinder("schema")
    assert outcome.code == 0
    schema = jsonschema.Draft202012Validator(json.loads(outcome.out))
    assert schema.is_valid(yaml.safe_load(FILE))
    assert not schema.is_valid(yaml.safe_load(FILE.replace("system: echo", "system: echo, options: {prefx: x}")))


def test_it_is_written_beside_the_file_with_the_line_to_put_into_it(rejoinder: Any, folder: Path) -> None:
    (folder / "config").mkdir()
    (folder / "config" / "rejoinder.yaml").write_text(FILE)
    outcome = rejoinder("schema", "--write")
    assert outcome.code == 0
    assert json.loads((folder / "config" / "rejoinder.schema.json").read_text()) == json.loads(rejoinder("schema").out)
    assert outcome.out.splitlines()[1:] == ["put this into the first line of config/rejoinder.yaml, for your editor:", MODELINE]
    (folder / "config" / "rejoinder.yaml").write_text(f"{MODELINE}\n{FILE}")
    assert MODELINE not in rejoinder("schema", "--write").out


def test_a_plugin_that_does_not_load_is_left_out_and_told(rejoinder: Any, folder: Path) -> None:
    (folder / "bad.py").write_text("1 / 0\n")
    outcome = rejoinder("schema", "--plugin", "bad=bad.py")
    assert outcome.code == 0
    assert "left out: plugin 'bad' (bad.py): does not import" in outcome.err
    assert "bad" not in json.loads(outcome.out)["$defs"]["agent"]["properties"]["system"]["anyOf"][0]["enum"]


def test_where_it_cannot_be_written_it_says_so(rejoinder: Any) -> None:
    outcome = rejoinder("schema", "gone/rejoinder.yaml", "--write")
    assert outcome.code == 1
    assert "No such file or directory" in outcome.err
