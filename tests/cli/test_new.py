"""`rejoinder new`: the package of a plugin, or a reason why there is none."""

import ast
import re
import stat
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any

import pytest
import yaml

from rejoinder.cli.naming import Naming
from rejoinder.cli.new import filled, supported
from rejoinder.inventory import options_of
from rejoinder.registry import Registry
from rejoinder.requirements import Unmet, unmet
from wheels import run

ROOT = Path(__file__).parents[2]
FILES = [
    ".github/workflows/ci.yml",
    ".gitignore",
    "README.md",
    "pyproject.toml",
    "rejoinder.yaml",
    "src/rejoinder_shout/__init__.py",
    "src/rejoinder_shout/py.typed",
    "tests/test_shout.py",
]
AT_HAND = ("--plugin", "shout=src/rejoinder_shout/__init__.py")


@pytest.fixture
def made(rejoinder: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package of `rejoinder new shout`, and we are in it."""
    assert rejoinder("new", "shout").code == 0
    monkeypatch.chdir(folder / "rejoinder-shout")
    return folder / "rejoinder-shout"


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_what_is_written_is_told_and_so_is_what_to_type_next(rejoinder: Any, folder: Path) -> None:
    outcome = rejoinder("new", "shout")
    wrote, _, following = outcome.out.partition("\nNext, after 'cd rejoinder-shout':\n")
    assert sorted(wrote.splitlines()) == [f"wrote  rejoinder-shout/{name}" for name in FILES]
    assert re.fullmatch(
        r'  \S*(python -m|uv) pip install .*-e "\.\[test\]" +\w.*\n'
        r"  \S*python -m pytest +\w.*\n"
        r"  \S*rejoinder chat /llm-websocket +\w.*\n",
        following,
    )
    assert names(folder / "rejoinder-shout") == FILES
    assert [path.name for path in folder.iterdir()] == ["rejoinder-shout"]


def test_programs_on_the_path_are_named_and_others_are_told_by_their_place(
    rejoinder: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = folder / "programs"
    programs.mkdir()
    for name in ("python", "rejoinder"):
        (programs / name).touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(programs / "python"))
    monkeypatch.setenv("PATH", "/nowhere")
    assert f"  {programs}/rejoinder chat /llm-websocket" in rejoinder("new", "shout").out
    monkeypatch.setenv("PATH", str(programs))
    assert "  rejoinder chat /llm-websocket" in rejoinder("new", "louder").out


@pytest.mark.parametrize("name", ["acme-front-desk", "Acme_Front.Desk", "rejoinder-acme-front-desk"])
def test_one_name_gives_all_names_and_is_normalised(rejoinder: Any, folder: Path, name: str) -> None:
    assert rejoinder("new", name).code == 0
    project = tomllib.loads((folder / "rejoinder-acme-front-desk" / "pyproject.toml").read_text())["project"]
    assert project["name"] == "rejoinder-acme-front-desk"
    assert project["entry-points"]["rejoinder"] == {"acme-front-desk": "rejoinder_acme_front_desk"}
    source = (folder / "rejoinder-acme-front-desk" / "src" / "rejoinder_acme_front_desk" / "__init__.py").read_text()
    assert "class AcmeFrontDesk(ResponseSystem[AcmeFrontDeskOptions]):" in source


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("schön", "expected letters from a to z, digits, and - between them; try 'schon'"),
        ("my plugin", "try 'my-plugin'"),
        ("../shout", "try 'shout'"),
        ("", "expected letters"),
        ("shout-", "try 'shout'"),
        ("cläss", "expected letters from a to z, digits, and - between them"),
        ("4you", "names in Python do not begin with a digit; try 'you'"),
        ("42", "names in Python do not begin with a digit"),
        ("class", "it is a word of Python itself; choose another, such as 'acme-class'"),
        ("none", "it is a word of Python itself"),
        ("json", "it is a module of Python's own library; choose another, such as 'acme-json'"),
        ("reply", "its class Reply would hide a name that plugins use; choose another, such as 'acme-reply'"),
        ("warning", "its class Warning would hide"),
        ("Echo", f"rejoinder {version('rejoinder')} provides a plugin of this name; choose another, such as 'acme-echo'"),
        ("rejoinder", "it is the name of the host itself"),
    ],
)
def test_what_cannot_be_a_package_is_refused_with_a_remedy_and_nothing_is_written(
    rejoinder: Any, folder: Path, name: str, why: str
) -> None:
    outcome = rejoinder("new", name)
    assert outcome.code == 1
    assert outcome.err.startswith(f"rejoinder: a plugin cannot be called '{name}': ")
    assert why in outcome.err
    assert outcome.err.count("\n") == 1
    assert list(folder.iterdir()) == []


def test_what_is_installed_already_is_refused(rejoinder: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = folder / "site" / "rejoinder_shout-3.1.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: rejoinder-shout\nVersion: 3.1\n")
    (folder / "site" / "rejoinder_loud.py").touch()
    monkeypatch.syspath_prepend(str(folder / "site"))
    assert "rejoinder-shout 3.1 is installed; choose another" in rejoinder("new", "shout").err
    assert "a package rejoinder_loud is here already" in rejoinder("new", "loud").err
    (installed / "entry_points.txt").write_text("[rejoinder]\nbig_words = rejoinder_shout\n")
    assert "rejoinder-shout 3.1 provides a plugin of this name" in rejoinder("new", "big-words").err
    assert [path.name for path in folder.iterdir()] == ["site"]


def test_what_is_there_is_never_touched(rejoinder: Any, folder: Path) -> None:
    (folder / "rejoinder-shout").mkdir()
    (folder / "file").write_text("mine")
    (folder / "link").symlink_to("nowhere")
    for arguments in ((), ("--folder", "file"), ("--folder", "link"), ("--folder", ".")):
        outcome = rejoinder("new", "shout", *arguments)
        assert outcome.code == 1
        assert "exists and is left as it is: name a folder to make with --folder DIR" in outcome.err
    assert sorted(path.name for path in folder.iterdir()) == ["file", "link", "rejoinder-shout"]
    assert list((folder / "rejoinder-shout").iterdir()) == []
    assert (folder / "file").read_text() == "mine"


def test_the_folder_is_the_one_that_was_named(rejoinder: Any, folder: Path) -> None:
    outcome = rejoinder("new", "shout", "--folder", "my plugins")
    assert outcome.code == 0
    assert "Next, after 'cd 'my plugins''" in outcome.out
    assert names(folder / "my plugins") == FILES


def test_a_folder_is_made_in_one_that_is_there(rejoinder: Any, folder: Path) -> None:
    outcome = rejoinder("new", "shout", "--folder", "no/where")
    assert (outcome.code, outcome.err) == (1, "rejoinder: there is no folder no to make where in: make it first\n")
    assert list(folder.iterdir()) == []


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """A disk that takes no more than so many bytes of a file."""
    resource = pytest.importorskip("resource", reason="needs limits of a process, as POSIX has them")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_disk_that_fails_half_way_leaves_nothing_behind(rejoinder: Any, folder: Path) -> None:
    with files_of_at_most(1000):  # the first file has less, a later one more
        outcome = rejoinder("new", "shout")
    assert (outcome.code, outcome.err) == (1, "rejoinder: cannot write rejoinder-shout: File too large; nothing was made\n")
    assert list(folder.iterdir()) == []


def test_whoever_may_read_new_folders_may_read_it(made: Path) -> None:
    (made.parent / "other").mkdir()
    assert stat.S_IMODE(made.stat().st_mode) == stat.S_IMODE((made.parent / "other").stat().st_mode)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("0.1.0", ">=0.1.0,<0.2"), ("0.12.3", ">=0.12.3,<0.13"), ("1.4.2", ">=1.4.2,<2"), ("0.2.0.dev3+g1", ">=0.2.0.dev3,<0.3")],
)
def test_the_host_it_asks_for_is_this_one_and_those_that_change_no_name(host: str, expected: str) -> None:
    assert supported(host) == expected


def test_the_host_that_runs_is_met_and_the_next_minor_version_is_not(made: Path) -> None:
    project = tomllib.loads((made / "pyproject.toml").read_text())["project"]
    ours = version("rejoinder")
    major, minor = map(int, ours.split(".")[:2])
    following = f"0.{minor + 1}" if major == 0 else f"{major + 1}"
    assert unmet(project["dependencies"], "rejoinder", ours) is None
    assert isinstance(unmet(project["dependencies"], "rejoinder", following), Unmet)


def test_what_it_imports_is_what_it_depends_on(made: Path) -> None:
    project = tomllib.loads((made / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"\W", one)[0] for one in project["dependencies"]}
    assert imported(made).keys() - sys.stdlib_module_names == wanted
    assert {re.split(r"\W", one)[0] for one in requires("rejoinder") or ()} >= wanted - {"rejoinder"}


def imported(folder: Path) -> dict[str, set[str]]:
    """What the plugin imports, by the package that it comes from."""
    tree = ast.parse((folder / "src" / "rejoinder_shout" / "__init__.py").read_text())
    return {str(node.module): {name.name for name in node.names} for node in tree.body if isinstance(node, ast.ImportFrom)}


def test_no_name_makes_a_class_that_hides_what_is_imported(made: Path) -> None:
    for name in set().union(*imported(made).values()):
        naming = Naming(re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower())
        assert naming.system != name or "would hide" in naming.fault(), name


def test_no_blank_is_left_open() -> None:
    for text in filled(Naming("shout"), "0.1.0").values():
        assert "%" not in text


def test_the_yaml_is_right_and_the_plugin_answers(rejoinder: Any, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rejoinder("check", *AT_HAND).out == "rejoinder.yaml: 1 agent, 1 route, no problems\n"
    monkeypatch.setattr("sys.stdin", (made / "typed").open("w+"))
    sys.stdin.write("hi there.\n\nbye now\n")
    sys.stdin.seek(0)
    with sys.stdin:
        outcome = rejoinder("chat", "/llm-websocket", *AT_HAND)
    assert outcome.out.splitlines() == [
        "Say something, and I will say it louder.",
        "HI THERE!",
        "Are you still there?",
        "Goodbye.",
        "[the agent hangs up]",
    ]


@pytest.mark.usefixtures("made")
def test_every_option_is_typed_documented_and_told_in_its_readme() -> None:
    system = Registry({"shout": AT_HAND[1].partition("=")[2]}).system("shout")
    found = options_of(system.options)
    assert all(option.description and option.type for option in found)
    rows = [f"| `{one.name}` | {one.description} | `{str(one.default).strip(chr(34))}` |" for one in found]
    assert [line for line in Path("README.md").read_text().splitlines() if line.startswith("| `")] == rows


def test_its_ci_tests_on_the_lowest_and_the_newest_host_and_publishes_tags_alone(made: Path) -> None:
    workflow = yaml.safe_load((made / ".github" / "workflows" / "ci.yml").read_text())
    jobs = workflow["jobs"]
    lowest, newest = jobs["test"]["strategy"]["matrix"]["include"]
    assert (lowest["resolution"], newest["resolution"]) == ("lowest-direct", "highest")
    project = tomllib.loads((made / "pyproject.toml").read_text())["project"]
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ours["requires-python"] == f">={lowest['python']}"
    assert f"Programming Language :: Python :: {newest['python']}" in ours["classifiers"]
    assert jobs["build"]["if"] == "github.ref_type == 'tag'"
    assert (jobs["build"]["needs"], jobs["publish"]["needs"]) == ("test", "build")
    assert workflow["permissions"] == {"contents": "read"}
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    readme = (made / "README.md").read_text()
    assert f"environment `{jobs['publish']['environment']}`" in readme
    assert "workflow `ci.yml`" in readme


@pytest.mark.parametrize("name", ["acme-front-desk", "no", "null"])
def test_the_yaml_reads_any_name_as_a_name(rejoinder: Any, folder: Path, name: str) -> None:
    assert rejoinder("new", name, "--folder", "made").code == 0
    (source,) = (folder / "made" / "src").glob("*/__init__.py")
    assert rejoinder("check", "made/rejoinder.yaml", "--plugin", f"{name}={source}").code == 0


@pytest.mark.parametrize("name", ["shout", "acme-front-desk", "no"])
def test_linters_have_nothing_to_say_whatever_its_name(rejoinder: Any, folder: Path, name: str) -> None:
    ruff = Path(sys.executable).parent / "ruff"
    if not ruff.exists():
        pytest.skip("needs ruff (it is in the extra `dev`)")
    assert rejoinder("new", name).code == 0
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    rules = ["--select", ",".join(ours["select"]), "--ignore", ",".join(ours["ignore"])]
    exceptions = ",".join(f"tests/**:{rule}" for rule in ours["per-file-ignores"]["tests/**"])
    for command in (
        ["check"],
        ["check", *rules, "--per-file-ignores", exceptions],
        ["format", "--check"],
    ):
        run([ruff, *command, "--isolated", "--no-cache", "."], folder / f"rejoinder-{name}")
