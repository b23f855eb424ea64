"""The modules under `host/` and `plugins/` and what they import, read from the source: nothing is imported."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Import:
    """`late` = inside a function or for the type checker alone: it counts for who may import whom, not for start-up."""

    module: str
    line: int
    late: bool


@dataclass(frozen=True)
class Module:
    """`name` as it is imported (`rejoinder.config.tree`), `short` without the `rejoinder.` of the host."""

    path: Path
    name: str

    @property
    def short(self) -> str:
        return "__init__" if self.name == "rejoinder" else self.name.removeprefix("rejoinder.")

    @property
    def tree(self) -> ast.Module:
        return _parsed(self.path)

    def at(self, line: int) -> str:
        return f"{self.path.relative_to(ROOT)}:{line}"


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def _modules(root: Path) -> Iterator[Module]:
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        yield Module(path, ".".join(parts[:-1] if parts[-1] == "__init__" else parts))


HOST = {module.name: module for module in _modules(ROOT / "host")}
PLUGINS = {module.name: module for module in _modules(ROOT / "plugins")}
EVERY = {**HOST, **PLUGINS}


@cache
def imports_of(module: Module) -> tuple[Import, ...]:
    found: list[Import] = []
    _collect(module, module.tree, late=False, found=found)
    return tuple(found)


def _collect(module: Module, node: ast.AST, *, late: bool, found: list[Import]) -> None:
    if isinstance(node, ast.Import):
        found.extend(Import(name.name, node.lineno, late) for name in node.names)
    elif isinstance(node, ast.ImportFrom):
        source = _source(module, node)
        for name in node.names:
            submodule = f"{source}.{name.name}"
            found.append(Import(submodule if submodule in EVERY else source, node.lineno, late))
    late = late or _is_late(node)
    for child in ast.iter_child_nodes(node):
        _collect(module, child, late=late, found=found)


def _is_late(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def _source(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module.name.split(".") if module.path.name == "__init__.py" else module.name.split(".")[:-1]
    return ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
