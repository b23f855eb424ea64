"""`record:` of routes and defaults: off unless somebody asked for it, and words only if they asked for those too."""

from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from rejoinder.config import RecordConfig, load, schema, show

DAY = 86400.0
CHECK = jsonschema.Draft202012Validator(schema({}, {}))


def recorded(folder: Path, defaults: str, route: str) -> RecordConfig | None:
    text = f"defaults: {{{defaults}}}\nagents: {{ava: {{system: dummy}}}}\nroutes: {{/a: {{agent: ava{route}}}, /b: ava}}\n"
    assert not list(CHECK.iter_errors(yaml.safe_load(text)))
    file = folder / "rejoinder.yaml"
    file.write_text(text)
    loaded = load(file, {"WORDS": "on"})
    assert loaded.config is not None, loaded.problems
    return loaded.config.routes["/a"].record


@pytest.mark.parametrize(
    ("defaults", "route", "expected"),
    [
        ("", "", None),
        ("", ", record: {}", RecordConfig(30 * DAY, text=False)),
        ("", ", record: {keep: 7d}", RecordConfig(7 * DAY, text=False)),
        ("", ", record: {keep: 36h, text: on}", RecordConfig(1.5 * DAY, text=True)),
        ("", ", record: {text: '${WORDS}'}", RecordConfig(30 * DAY, text=True)),
        ("record: {keep: 7d, text: on}", "", RecordConfig(7 * DAY, text=True)),
        ("record: {keep: 7d, text: on}", ", record: {text: off}", RecordConfig(7 * DAY, text=False)),
        ("record: {keep: 7d, text: on}", ', record: "off"', None),
        ("record: {keep: 7d, text: on}", ", record: off", None),
    ],
)
def test_the_nearest_word_counts(tmp_path: Path, defaults: str, route: str, expected: RecordConfig | None) -> None:
    assert recorded(tmp_path, defaults, route) == expected


def test_a_route_in_short_form_has_what_defaults_say(tmp_path: Path) -> None:
    recorded(tmp_path, "record: {keep: 7d}", "")
    config = load(tmp_path / "rejoinder.yaml", {}).config
    assert config is not None
    assert config.routes["/b"].record == RecordConfig(7 * DAY, text=False)


def test_the_folder_is_beside_the_file_unless_it_says_otherwise(tmp_path: Path) -> None:
    recorded(tmp_path, "", "")
    file = tmp_path / "rejoinder.yaml"
    before = load(file, {}).config
    file.write_text("server: {recordings: /var/lib/calls}\n" + file.read_text())
    after = load(file, {}).config
    assert before is not None
    assert after is not None
    assert (before.recordings, str(after.recordings)) == (tmp_path / "recordings", "/var/lib/calls")


def test_what_is_inherited_is_shown(tmp_path: Path) -> None:
    recorded(tmp_path, "record: {keep: 7d, text: on}", ", record: {keep: 36h}")
    shown = yaml.safe_load(show(load(tmp_path / "rejoinder.yaml", {})))["routes"]
    assert shown == {
        "/a": {"agent": "ava", "record": {"keep": "36h"}},
        "/b": {"agent": "ava", "record": {"keep": "7d", "text": "on"}},
    }
