"""What import-linter cannot see of the house's rules."""

import ast
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("path", outside_storage(), ids=name_of)
def test_queries_stand_only_in_storage(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
            taken = {alias.name for alias in node.names}
            assert taken == {"Connection"}, f"line {node.lineno} imports {taken}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in UNIT_METHODS, f"line {node.lineno} runs a statement"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), "has no docstring"


def test_module_names_are_words_of_the_blog_or_the_standards() -> None:
    for path in modules():
        assert not any(name in path.stem for name in NAMES_REFUSED), path


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_no_error_is_caught_without_its_name(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"line {node.lineno}"
