"""The mutants of a module: its source with one small thing changed, each as it would be a slip.

Not touched: docstrings, annotations, decorators, what is logged, the messages of errors, and what
runs under TYPE_CHECKING.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_COMPARE: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
}
_LOGS = {"debug", "info", "warning", "error", "exception"}


@dataclass(frozen=True)
class Mutant:
    """*new* in the place of *old*, which begins at *start* in the text of *path* (characters)."""

    path: Path
    line: int
    start: int
    old: str
    new: str

    @property
    def source(self) -> str:
        """The whole module, changed."""
        text = self.path.read_text()
        assert text.startswith(self.old, self.start)
        return text[: self.start] + self.new + text[self.start + len(self.old) :]

    @property
    def key(self) -> str:
        """Which one it is, for as long as the module stays as it is."""
        return f"{self.path}:{self.start}: {self.old} → {self.new}"

    def __str__(self) -> str:
        def short(text: str) -> str:
            line = " ".join(text.split())
            return line if len(line) <= 70 else line[:69] + "…"

        return f"{self.path}:{self.line}: {short(self.old)} → {short(self.new)}"


def mutants(path: Path) -> list[Mutant]:
    """All mutants of the module at *path*, in the order of its text."""
    text = path.read_text()
    found = {(m.start, m.old, m.new): m for m in _Mutating(path, text).walk(ast.parse(text))}
    return sorted(found.values(), key=lambda m: (m.start, m.old, m.new))


class _Mutating:
    def __init__(self, path: Path, text: str) -> None:
        self._path, self._text = path, text
        self._lines = [0]
        for line in text.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self._bytes = [line.encode() for line in text.splitlines(keepends=True)]

    def walk(self, node: ast.AST) -> Iterator[Mutant]:
        """The mutants of *node* and of all below it."""
        if _is_left_alone(node):
            return
        yield from self._of(node)
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "type_params"):
                continue
            if isinstance(node, ast.Raise) and name == "exc":
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from self.walk(child)

    def _of(self, node: ast.AST) -> Iterator[Mutant]:
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            old, new = _COMPARE[type(node.ops[0])]
            yield from self._between(node.left, node.comparators[0], old, new)
        elif isinstance(node, ast.BoolOp):
            old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            for left, right in zip(node.values, node.values[1:], strict=False):
                yield from self._between(left, right, old, new)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield self._swap(node, self._source(node.operand))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            old, new = ("+", "-") if isinstance(node.op, ast.Add) else ("-", "+")
            if not isinstance(node.left, ast.Constant | ast.JoinedStr | ast.List | ast.Tuple):
                yield from self._between(node.left, node.right, old, new)
        elif isinstance(node, ast.If | ast.IfExp | ast.While):
            if not isinstance(node.test, ast.Constant):
                yield self._swap(node.test, "False")
                if not isinstance(node, ast.While):
                    yield self._swap(node.test, "True")
        elif isinstance(node, ast.Return):
            if node.value is not None and not _is_none(node.value):
                yield self._swap(node.value, "None")
        elif isinstance(node, ast.Constant):
            yield from self._constant(node)
        elif isinstance(node, ast.Raise) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await)
        ):
            yield self._swap(node, "pass")
        elif isinstance(node, ast.Continue):
            yield self._swap(node, "break")
        elif isinstance(node, ast.Break):
            yield self._swap(node, "continue")

    def _constant(self, node: ast.Constant) -> Iterator[Mutant]:
        if isinstance(node.value, bool):
            yield self._swap(node, str(not node.value))
        elif isinstance(node.value, int | float):
            # a bound that is gone, or one step past a small number
            yield self._swap(node, repr(node.value * 1000 if node.value >= 10 else node.value + 1))
        elif _is_word(node.value) and self._source(node).startswith(('"', "'")):
            yield self._swap(node, repr(node.value + "X"))

    def _between(self, left: ast.AST, right: ast.AST, old: str, new: str) -> Iterator[Mutant]:
        begin, end = self._end(left), self._start(right)
        gap = self._text[begin:end]
        padded = f" {gap} ".replace("\n", " ").replace("(", " ").replace(")", " ")
        at = padded.find(f" {old} ")
        if at >= 0 and "#" not in gap:
            yield Mutant(self._path, self._line(begin + at), begin + at, old, new)

    def _swap(self, node: ast.AST, new: str) -> Mutant:
        start = self._start(node)
        return Mutant(self._path, self._line(start), start, self._source(node), new)

    def _source(self, node: ast.AST) -> str:
        return self._text[self._start(node) : self._end(node)]

    def _start(self, node: ast.AST) -> int:
        return self._at(node.lineno, node.col_offset)  # type: ignore[attr-defined]

    def _end(self, node: ast.AST) -> int:
        return self._at(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def _at(self, line: int, column: int) -> int:
        return self._lines[line - 1] + len(self._bytes[line - 1][:column].decode())

    def _line(self, position: int) -> int:
        return self._text.count("\n", 0, position) + 1


def _is_word(value: object) -> bool:
    """A name, a type, a property. Longer texts are for people."""
    return isinstance(value, str) and value.isidentifier()


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_left_alone(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True  # a docstring
    if isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        return True
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets)
    call = node.value if isinstance(node, ast.Expr) else node
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in _LOGS
    )
