"""The effective file: everything included and inherited, nothing that is secret."""

from typing import Any

import yaml

from rejoinder.config import show

FILE = """
server: {port: "${PORT}"}
include: [c/*.yaml]
vars: {company: Ribera}
numbers: {reception: "+442079460000", mobile: "${MOBILE}"}
agents:
  ava:
    system: llm
    begin: Hello
    reminder: ["${LINE}", "Yes?"]
    options: {model: "${MODEL}", url: "https://${HOST}/v1", api_key: sk-written-here, prompt: {file: p.md}, n: 3}
  bo: {extends: ava, options: {model: open}, language: es}
observers: {crm: {system: acme, options: {token: "${T}"}}}
routes: {/ava: ava, /env: "${AGENT}", /bo: {agent: bo, platforms: [chat], retell: {responsiveness: 0.5}}}
"""
HIDDEN = dict.fromkeys(("MODEL", "HOST", "T", "LINE"), "hidden")
ENVIRON = {"PORT": "1", "MOBILE": "+15550100100", "AGENT": "ava", **HIDDEN}


def test_the_effective_file_has_everything_in_place_and_no_secret(folder: Any) -> None:
    folder.write({"p.md": "hidden prompt", "c/plumber.yaml": "vars: {company: Plumber}\nagents: {front: {extends: ava}}\n"})
    loaded = folder.load(FILE, ENVIRON)
    assert loaded.problems == ()
    shown = show(loaded)
    assert "hidden" not in shown
    assert "sk-written-here" not in shown
    whole = yaml.safe_load(shown)
    assert whole["server"] == {"host": "127.0.0.1", "port": "***", "public_url": ""}
    assert whole["vars"] == {"company": "Ribera", "plumber/company": "Plumber"}
    assert whole["numbers"] == {"reception": "+442079460000", "mobile": "***"}
    assert whole["agents"]["bo"] == {
        "system": "llm",
        "begin": "Hello",
        "reminder": ["***", "Yes?"],
        "language": "es",
        "timezone": "UTC",
        "options": {"model": "open", "url": "***", "api_key": "***", "prompt": {"file": "p.md"}, "n": 3},
    }
    assert set(whole["agents"]) == {"ava", "bo", "plumber/front"}
    assert whole["observers"] == {"crm": {"system": "acme", "options": {"token": "***"}}}
    assert whole["routes"] == {
        "/ava": "ava",
        "/env": "***",
        "/bo": {"agent": "bo", "platforms": ["chat"], "retell": {"responsiveness": 0.5}},
    }


def test_a_small_file_shows_its_defaults_and_no_empty_parts(folder: Any) -> None:
    shown = show(folder.load("agents: {ava: {system: dummy}}\nserver: {watch: false}\nroutes: {/ava: {agent: ava}}\n"))
    assert shown == (
        "server:\n  host: 127.0.0.1\n  port: 8080\n  public_url: ''\n  watch: false\n"
        "agents:\n  ava:\n    system: dummy\n    language: en\n    timezone: UTC\n"
        "routes:\n  /ava:\n    agent: ava\n"
    )
