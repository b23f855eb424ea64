"""What right files come to, key by key."""

from pathlib import Path
from typing import Any

import pytest

from rejoinder.config import Config, RetellConfig, RouteConfig, ServerConfig, find, is_loopback, load
from rejoinder.templates import template

AVA = "agents: {ava: {system: dummy}}\nroutes: {/ava: ava}\n"

WHOLE = """
server: {host: localhost, port: "${PORT:-8080}", public_url: "${PUBLIC_URL:-}", watch: true}
include: [customers/*.yaml]
defaults: {language: es-419, timezone: Europe/Madrid}
vars: {company: Ribera Clinic, year: 2026, phone: +15551234567, opens: 08:30, open: yes}
numbers: {reception: "+442079460000"}
agents:
  ava:
    system: llm
    begin: "{{ vars.company }}, this is Ava, {{ first name }}."   # a remark after a quoted text
    reminder: ["Are you still there?", "Take your time."]
    language: en
    timezone: Europe/London
    options: {model: "${MODEL}", api_key: "${file:secrets/llm}", prompt: {file: prompts/ava.md}, list: [1, {a: b}]}
  ava-b: {extends: ava, options: {model: other, list: [2]}}
  desk: {system: rules, options: {file: rules/desk.yaml}, begin: "", reminder: Hello?}
observers: {crm: {system: acme-crm, options: {token: "${TOKEN}"}}}
routes:
  /llm-websocket: desk
  /night/plumber: plumber/front
  /clinic:
    agent: ava
    platforms: [retell, chat]
    observers: [crm]
    open: true
    retell:
      responsiveness: 1
      interruption_sensitivity: 0.8
      reminder_trigger_ms: 12000
      reminder_max_count: 0
      transcript_with_tool_calls: true
"""
OTHERS = {
    "customers/plumber.yaml": """
vars: {company: Plumber}
numbers: {van: "+34911234567"}
agents: {front: {extends: ava, begin: "{{ vars.company }} {{ vars.year }}"}, back: {system: dummy, extends: ava}}
routes: {/plumber: front, /main: {agent: ava}}
""",
    "secrets/llm": "sk-1\n",
    "prompts/ava.md": "You are Ava.\nCosts: ${not replaced}\n",
    "rules/desk.yaml": "default: {file: sorry.txt}\nrules:\n  - {say: '${GREETING}'}\n",
    "rules/sorry.txt": "Sorry.\n",
    ".env": "# local\nMODEL=from-env-file\nexport TOKEN='t # t'\nGREETING=\"a\\nb\"\nPORT=9 # remark\n",
}


@pytest.fixture
def whole(folder: Any) -> Config:
    folder.write(OTHERS)
    config: Config = folder.config(WHOLE, {"PORT": "8081"})
    return config


def test_the_server(whole: Config) -> None:
    assert whole.server == ServerConfig("localhost", 8081, "", watch=True)


@pytest.mark.parametrize("url", ["https://a.example", "wss://a.example:444/base/", "http://127.0.0.1:8080"])
def test_a_public_url_is_kept_without_its_last_slash(folder: Any, url: str) -> None:
    assert folder.config(f"server: {{public_url: '{url}'}}").server.public_url == url.rstrip("/")


def test_a_missing_key_means_its_default(folder: Any) -> None:
    config = folder.config(AVA)
    assert config.server == ServerConfig("127.0.0.1", 8080, "", watch=None)
    assert config.routes["/ava"].platforms is None
    agent = config.agents["ava"]
    assert (agent.begin, agent.reminder, agent.language, agent.timezone, agent.options) == (None, (), "en", "UTC", {})


def test_vars_are_what_they_look_like(whole: Config) -> None:
    assert whole.vars == {
        "company": "Ribera Clinic", "year": "2026", "phone": "+15551234567", "opens": "08:30", "open": "yes",
    }  # fmt: skip
    assert whole.numbers == {"reception": "+442079460000"}


def test_an_agent(whole: Config) -> None:
    ava = whole.agents["ava"]
    assert ava.system == "llm"
    assert ava.begin == template("{{ vars.company }}, this is Ava, {{ first name }}.")
    assert ava.reminder == (template("Are you still there?"), template("Take your time."))
    assert (ava.language, ava.timezone) == ("en", "Europe/London")
    assert ava.options == {
        "model": "from-env-file",
        "api_key": "sk-1",
        "prompt": "You are Ava.\nCosts: ${not replaced}",
        "list": [1, {"a": "b"}],
    }
    assert ava.files == {Path("secrets/llm"), Path("prompts/ava.md")}


@pytest.mark.parametrize(
    ("said", "farewells"),
    [
        ("{}", None),
        ("{farewells: []}", ()),
        ("{farewells: cheerio}", ("cheerio",)),
        ('{farewells: ["so long", "bye"]}', ("so long", "bye")),
    ],
)
def test_farewells_are_the_files_own_or_none_or_built_in(folder: Any, said: str, farewells: tuple[str, ...] | None) -> None:
    yaml = "agents: {a: {system: dummy, lines: %s}, b: {extends: a, lines: {goodbye: Bye.}}}\nroutes: {/a: a, /b: b}\n"
    agents = folder.config(yaml % said).agents
    assert (agents["a"].lines.farewells, agents["b"].lines.farewells) == (farewells, farewells)


def test_an_empty_begin_is_not_an_absent_one(whole: Config) -> None:
    assert whole.agents["desk"].begin == template("")
    assert whole.agents["desk"].reminder == (template("Hello?"),)


def test_a_text_of_several_lines_may_hold_a_hash(folder: Any) -> None:
    text = "agents:\n  ava:\n    system: x\n    begin: |\n      Press the # key\n      now.\n"
    begin = folder.config(text).agents["ava"].begin
    assert begin == template("Press the # key\nnow.\n")


def test_the_main_file_may_name_an_agent_of_an_included_one_as_parent(folder: Any) -> None:
    folder.write({"c/plumber.yaml": "agents: {front: {system: x, begin: hi, language: de}}\n"})
    bo = folder.config("include: [c/*.yaml]\nagents: {bo: {extends: plumber/front}}\n").agents["bo"]
    assert (bo.begin, bo.language, bo.part) == (template("hi"), "de", "")


def test_extends_merges_mappings_and_replaces_lists(whole: Config) -> None:
    assert whole.agents["ava-b"].options == {
        "model": "other", "api_key": "sk-1", "prompt": "You are Ava.\nCosts: ${not replaced}", "list": [2],
    }  # fmt: skip
    assert whole.agents["ava-b"].begin == whole.agents["ava"].begin


def test_a_switched_system_keeps_the_host_keys_and_leaves_the_options_behind(whole: Config) -> None:
    back = whole.agents["plumber/back"]
    assert (back.system, back.options, back.language) == ("dummy", {}, "en")
    assert back.reminder == whole.agents["ava"].reminder


def test_options_may_stand_in_a_file_of_their_own(whole: Config) -> None:
    desk = whole.agents["desk"]
    assert desk.options == {"default": "Sorry.", "rules": [{"say": "a\nb"}]}
    assert desk.files == {Path("rules/desk.yaml"), Path("rules/sorry.txt")}
    assert desk.language == "es-419"
    assert desk.timezone == "Europe/Madrid"


def test_names_of_an_included_file_are_its_own(whole: Config) -> None:
    front = whole.agents["plumber/front"]
    assert front.part == "plumber"
    assert front.vars["company"] == "Plumber"
    assert front.vars["year"] == "2026"
    assert front.numbers == {"reception": "+442079460000", "van": "+34911234567"}
    assert whole.agents["ava"].vars["company"] == "Ribera Clinic"
    assert whole.routes["/plumber"].agent == "plumber/front"
    assert whole.routes["/night/plumber"].agent == "plumber/front"
    assert whole.routes["/main"] == RouteConfig("/main", "ava", part="plumber")


def test_a_route(whole: Config) -> None:
    assert whole.routes["/clinic"] == RouteConfig(
        "/clinic", "ava", ("retell", "chat"), ("crm",), True, RetellConfig(1.0, 0.8, 12000, 0, True)
    )
    assert whole.routes["/llm-websocket"] == RouteConfig("/llm-websocket", "desk")


def test_an_observer(whole: Config) -> None:
    crm = whole.observers["crm"]
    assert (crm.system, crm.options) == ("acme-crm", {"token": "t # t"})


def test_everything_read_or_looked_for_is_watched(whole: Config, folder: Any) -> None:
    assert whole.files == {Path("rejoinder.yaml"), Path("customers"), *map(Path, OTHERS)}
    loaded = folder.load("vars: {a: {file: absent.txt}, b: '${file:gone}'}")
    assert loaded.config is None
    assert loaded.files == {Path("rejoinder.yaml"), Path(".env"), Path("absent.txt"), Path("gone")}


def test_a_folder_called_env_is_left_alone(folder: Any) -> None:
    (folder.path / ".env").mkdir()
    assert set(folder.config("agents: {ava: {system: dummy}}\n").agents) == {"ava"}


def test_the_real_environment_wins_over_the_env_file(folder: Any) -> None:
    folder.write({".env": "A=file\nB=file\n"})
    assert folder.config("vars: {a: '${A}', b: '${B}'}", {"A": "real"}).vars == {"a": "real", "b": "file"}


def test_a_dollar_is_written_twice_only_before_a_brace(folder: Any) -> None:
    text = 'vars: {a: "$5", b: "$${A}", c: "a$$b", d: $HOME, e: "${A}${B:-}-${C:-x y}", f: "${EMPTY:-z}"}'
    assert folder.config(text, {"A": "1", "EMPTY": ""}).vars == {
        "a": "$5", "b": "${A}", "c": "a$b", "d": "$HOME", "e": "1-x y", "f": "z",
    }  # fmt: skip


def test_a_plain_value_from_outside_is_read_again_and_a_quoted_one_is_text(folder: Any) -> None:
    text = "agents:\n  a:\n    system: x\n    options:\n      n: ${N}\n      t: '${N}'\n      e: ${E}\n      b: ${B}\n"
    options = folder.config(text, {"N": "12", "E": "", "B": "true"}).agents["a"].options
    assert options == {"n": 12, "t": "12", "e": "", "b": True}


def test_yaml_1_2_leaves_words_and_times_alone(folder: Any) -> None:
    text = "agents:\n  a:\n    system: x\n    options: "
    text += "{no: no, on: on, t: 12:30, d: 2026-11-22, u: 1_000, o: 0o17, f: 1e3, x: 0x1F}\n"
    assert folder.config(text).agents["a"].options == {
        "no": "no", "on": "on", "t": "12:30", "d": "2026-11-22", "u": "1_000", "o": 15, "f": 1000.0, "x": 31,
    }  # fmt: skip


def test_aliases_and_merge_keys_work(folder: Any) -> None:
    text = """
agents:
  a: &a {system: x, options: &o {m: 1, n: {p: q}}}
  b: {<<: *a, begin: hi}
  c: {system: x, options: {<<: [{m: 5}, *o], r: 2}}
"""
    agents = folder.config(text).agents
    assert agents["b"].options == {"m": 1, "n": {"p": "q"}}
    assert agents["c"].options == {"r": 2, "m": 5, "n": {"p": "q"}}


def test_a_windows_file_is_read_as_any_other(folder: Any) -> None:
    (folder.path / "rejoinder.yaml").write_bytes(b"\xef\xbb\xbf" + AVA.replace("\n", "\r\n").encode())
    assert load(Path("rejoinder.yaml"), {}).config is not None


def test_missing_secrets_are_taken_as_given_when_asked(folder: Any) -> None:
    text = """
server: {port: "${PORT}", watch: "${W}", host: "${H}", public_url: "https://${H}"}
defaults: {timezone: "${TZ}"}
numbers: {desk: "${DESK}"}
agents:
  ava: {system: llm, options: {api_key: "${KEY}", file_key: "${file:/nowhere/key}", prompt: {file: "${P}"}}}
  bo: {system: "${SYSTEM}"}
routes: {/ava: ava, /bo: bo, /cy: "${AGENT}"}
"""
    assert len(folder.problems(text)) == 11
    config = folder.config(text, secrets=False)
    assert config.server == ServerConfig()
    assert set(config.agents) == {"ava"}
    assert set(config.routes) == {"/ava"}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_loopback_is_reached_from_this_machine_alone(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.com", ""])
def test_other_hosts_are_reached_from_elsewhere(host: str) -> None:
    assert not is_loopback(host)


def test_a_host_of_the_command_line_counts_as_the_files(folder: Any) -> None:
    folder.write({"rejoinder.yaml": AVA})
    path = Path("rejoinder.yaml")
    remedy = "(give each a secret or an allow list, or open: true if anybody may call it; or bind to 127.0.0.1)"
    assert list(map(str, load(path, {}, host="0.0.0.0").problems)) == [
        f"rejoinder.yaml: --host: 0.0.0.0 can be reached from other machines, and not protected: /ava {remedy}"
    ]
    folder.write({"rejoinder.yaml": AVA + "server: {host: 0.0.0.0}\n"})
    config = load(path, {}, host="127.0.0.1").config
    assert config is not None
    assert config.server.host == "127.0.0.1"


def test_an_open_route_may_be_served_to_all(folder: Any) -> None:
    text = "server: {host: 0.0.0.0}\nagents: {ava: {system: dummy}}\nroutes: {/ava: {agent: ava, open: true}}\n"
    assert folder.config(text).routes["/ava"].open


def test_at_start_a_broken_included_file_takes_down_only_its_own(folder: Any) -> None:
    folder.write(
        {
            "c/good.yaml": "agents: {front: {system: dummy}}\nroutes: {/good: front}\n",
            "c/bad.yaml": "agents: {front: {system: dummy, begn: x}, back: {system: dummy}}\nroutes: {/bad: front, /b: ava}\n",
            "c/torn.yaml": "routes: [\n",
        }
    )
    routes = "routes: {/ava: ava, /x: bad/back, /y: torn/any, /z: good/front}\n"
    text = "include: [c/*.yaml]\nagents: {ava: {system: dummy}}\n" + routes
    loaded = folder.load(text, start=True)
    assert loaded.config is not None
    assert {problem.file for problem in loaded.problems} == {"c/bad.yaml", "c/torn.yaml"}
    assert set(loaded.config.routes) == {"/ava", "/good", "/z"}
    assert set(loaded.config.agents) == {"ava", "good/front"}
    assert folder.load(text).config is None


def test_at_start_a_broken_main_file_is_fatal(folder: Any) -> None:
    loaded = folder.load("server: {port: x}\n" + AVA, start=True)
    assert loaded.config is None


def test_without_takes_out_what_a_file_brought(whole: Config) -> None:
    rest = whole.without({"plumber"})
    assert set(rest.agents) == {"ava", "ava-b", "desk"}
    assert set(rest.routes) == {"/llm-websocket", "/clinic"}


def test_the_usual_places_are_looked_into(tmp_path: Path) -> None:
    assert find(tmp_path) is None
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "rejoinder.yaml").touch()
    assert find(tmp_path) == tmp_path / "config" / "rejoinder.yaml"
    (tmp_path / "rejoinder.yaml").touch()
    assert find(tmp_path) == tmp_path / "rejoinder.yaml"


def test_the_process_environment_is_the_default(folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REJOINDER_TEST_NAME", "x")
    folder.write({"rejoinder.yaml": "vars: {a: '${REJOINDER_TEST_NAME}'}"})
    config = load(Path("rejoinder.yaml")).config
    assert config is not None
    assert config.vars == {"a": "x"}
