"""What import-linter cannot see of the house's rules."""

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "fedblog"
UNIT_METHODS = {"execute", "exec_driver_sql", "scalar", "scalars"}
NAMES_REFUSED = ("utils", "helpers", "manager", "common", "misc")


def modules() -> list[Path]:
    return [p for p in sorted(PACKAGE.rglob("*.py")) if "_bundled" not in p.parts]


def outside_storage() -> list[Path]:
    # The demo's second server is a program of its own with its own database, which the demo reads.
    return [p for p in modules() if p.relative_to(PACKAGE).parts[0] not in ("storage", "demo")]


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def places(paths: list[Path], found: Callable[[ast.Module], Iterator[str]]) -> list[str]:
    """Where *found* finds something, as "file: what"."""
    return [f"{name_of(path)}: {what}" for path in paths for what in found(tree(path))]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def test_queries_stand_only_in_storage() -> None:
    def found(module: ast.Module) -> Iterator[str]:
        for node in ast.walk(module):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
                taken = {alias.name for alias in node.names} - {"Connection"}
                if taken:
                    yield f"line {node.lineno} imports {taken}"
            is_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if is_method and node.func.attr in UNIT_METHODS:
                yield f"line {node.lineno} runs a statement"

    assert len(outside_storage()) > 100
    assert places(outside_storage(), found) == []


def test_every_module_says_what_it_is_for() -> None:
    def found(module: ast.Module) -> Iterator[str]:
        if not ast.get_docstring(module):
            yield "has no docstring"

    assert places(modules(), found) == []


def test_module_names_are_words_of_the_blog_or_the_standards() -> None:
    for path in modules():
        assert not any(name in path.stem for name in NAMES_REFUSED), path


def test_no_error_is_caught_without_its_name() -> None:
    def found(module: ast.Module) -> Iterator[str]:
        for node in ast.walk(module):
            if isinstance(node, ast.ExceptHandler) and node.type is None:
                yield f"line {node.lineno}"

    assert places(modules(), found) == []
