"""Changes one small thing at a time in the code that decides whom we believe and what is public,
and sees whether a test notices.

    python bench/mutants.py [--sample 300] [--seed 1] [--again]

First it learns which tests reach which lines (the whole suite once, on SQLite, with coverage; kept
in bench/results/ and reused until --again). Then each mutant of the sample runs the tests that
reach its line, those nearest to it first, until one fails. Prints the seed, each mutant that no
test noticed, and how many of all were killed. A mutant lives in the memory of a process of its
own; nothing in the checkout is changed.
"""

import argparse
import contextlib
import importlib.machinery
import importlib.util
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from parts.mutating import Mutant, mutants

CHECKOUT = Path(__file__).parents[1]
KEPT = CHECKOUT / "bench" / "results" / "reached.coverage"
TARGETS = (
    "fedblog/federation/**/*.py",
    "fedblog/signatures/*.py",
    "fedblog/remote/guard.py",
    "fedblog/domain/*.py",
    "fedblog/storage/visibility.py",
    "fedblog/storage/views*.py",
    "fedblog/endpoints/authorized.py",
)
NO_PROCESS_SEES_IT = ("test_commands", "test_end_to_end", "test_story", "test_process", "browser/")
"""Tests that start fedblog as a process of its own, where no mutant is."""
FIRST, MOST_FILES, MOST = 40, 6, 400
"""So many tests at first, from so many files; then so many more before a mutant counts as alive."""
SECONDS = 120.0
"""After which a mutant that goes round in circles is killed."""
PASSED, FAILED, TIMED_OUT = 0, 1, -signal.SIGKILL


def targets() -> list[Path]:
    """The modules that are changed, by path in the checkout."""
    found = {path for pattern in TARGETS for path in CHECKOUT.glob(pattern)}
    return sorted(path.relative_to(CHECKOUT) for path in found)


# --- which tests reach a line --------------------------------------------------------------------


class Reached:
    """Which tests reach which lines."""

    def __init__(self) -> None:
        from coverage import CoverageData

        self._data = CoverageData(str(KEPT))
        self._data.read()
        self._by_file: dict[Path, dict[int, list[str]]] = {}

    def tests(self, mutant: Mutant) -> list[str]:
        """The tests that reach *mutant*, those nearest to it first."""
        lines = self._lines(mutant.path)
        found = {test for test in lines.get(mutant.line, []) if test}
        if not found:  # it runs at import
            found = {test for tests in lines.values() for test in tests if test}
        much = Counter(test for tests in lines.values() for test in tests)
        words = set(mutant.path.parts[1:-1]) | {mutant.path.stem}

        def distance(test: str) -> tuple[int, int, str]:
            path = Path(test.partition("::")[0])
            near = len(words & (set(path.parts) | {path.stem.removeprefix("test_")}))
            return (-near, much[test], test)

        return sorted(found, key=distance)

    def _lines(self, path: Path) -> dict[int, list[str]]:
        if path not in self._by_file:
            lines = self._data.contexts_by_lineno(str(CHECKOUT / path))
            self._by_file[path] = {
                line: [
                    context.partition("|")[0]
                    for context in contexts
                    if not any(part in context for part in NO_PROCESS_SEES_IT)
                ]
                for line, contexts in lines.items()
            }
        return self._by_file[path]


def learn() -> None:
    """Run the suite once and keep which tests reach which lines."""
    KEPT.parent.mkdir(exist_ok=True)
    modules = [".".join(path.with_suffix("").parts) for path in targets()]
    packages = sorted({name.rpartition(".")[0] for name in modules})
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--engines=sqlite"]
    command += [f"--cov={package}" for package in packages]
    command += ["--cov-context=test", "--cov-report=", "-p", "no:cacheprovider"]
    command += [f"--ignore={name}" for name in ("tests/interop", "tests/browser", "tests/demo")]
    subprocess.run(command, env={**os.environ, "COVERAGE_FILE": str(KEPT)}, check=False)


# --- one mutant ----------------------------------------------------------------------------------


class _Changed(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.path, "exec", dont_inherit=True)


class _Finder:
    """Gives the changed module in the place of the one on disk."""

    def __init__(self, mutant: Mutant) -> None:
        parts = mutant.path.with_suffix("").parts
        self._is_package = parts[-1] == "__init__"
        self._name = ".".join(parts[:-1] if self._is_package else parts)
        self._path = str(CHECKOUT / mutant.path)
        self._source = mutant.source

    def find_spec(self, name: str, *_: Any) -> importlib.machinery.ModuleSpec | None:
        if name != self._name:
            return None
        return importlib.util.spec_from_file_location(
            name,
            self._path,
            loader=_Changed(name, self._path, self._source),
            submodule_search_locations=[str(Path(self._path).parent)] if self._is_package else None,
        )


def run_tests(mutant: Mutant, tests: Sequence[str], folder: Path) -> int:
    """Fork, change the module, run *tests*; gives the child's process id."""
    child = os.fork()
    if child:
        return child
    status = FAILED
    try:
        os.setsid()
        out = os.open(folder / "out.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.meta_path.insert(0, _Finder(mutant))  # type: ignore[arg-type]
        import pytest

        options = ["-q", "-x", "-n0", "--engines=sqlite", "-p", "no:cacheprovider", "--no-header"]
        status = int(pytest.main([*options, f"--basetemp={folder / 'tmp'}", *tests]))
    finally:
        os._exit(status)


def judged(mutant: Mutant, tests: list[str]) -> Iterator[tuple[Mutant, list[str]]]:
    """The runs that *mutant* needs: the nearest tests first, then the rest."""
    near = dict.fromkeys(test.partition("::")[0] for test in tests)
    files = list(near)[:MOST_FILES]
    first = [test for test in tests if test.partition("::")[0] in files][:FIRST]
    yield mutant, first
    rest = [test for test in tests if test not in set(first)][:MOST]
    if rest:
        yield mutant, rest


def outcome(mutant: Mutant, reached: Reached) -> Iterator[tuple[Mutant, list[str]]]:
    """Nothing where no test reaches it."""
    tests = reached.tests(mutant)
    if tests:
        yield from judged(mutant, tests)


def preload() -> None:
    """Import what every child needs and no mutant changes."""
    heavy = "pytest hypothesis sqlalchemy.ext.asyncio starlette.applications httpx aiohttp uvicorn"
    heavy += " pydantic_settings alembic.command PIL.Image psycopg anyio.pytest_plugin xdist.plugin"
    heavy += " blockbuster cryptography.hazmat.primitives.asymmetric.rsa rich.console jinja2 babel"
    heavy += " markdown_it nh3 time_machine publicsuffixlist httpx_aiohttp pytest_cov.plugin"
    for name in heavy.split():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def survivors(sample: Sequence[Mutant], at_once: int) -> tuple[list[Mutant], list[Mutant], int]:
    """(alive though tests reach them, reached by no test, killed by time)."""
    reached = Reached()
    waiting = [(mutant, outcome(mutant, reached)) for mutant in sample]
    under_way: dict[int, tuple[Mutant, Iterator[Any], Path, float]] = {}
    alive: list[Mutant] = []
    unreached: list[Mutant] = []
    timed_out = done = 0
    with tempfile.TemporaryDirectory(prefix="fedblog-mutants-") as made:

        def begin(mutant: Mutant, runs: Iterator[Any], *, again: bool) -> None:
            following = next(runs, None)
            if following is None:
                (alive if again else unreached).append(mutant)
                print(f"{'alive' if again else 'reached by no test'}: {mutant}", flush=True)
                return
            folder = Path(tempfile.mkdtemp(dir=made))
            pid = run_tests(*following, folder)
            under_way[pid] = (mutant, runs, folder, time.monotonic() + SECONDS)

        while waiting or under_way:
            while waiting and len(under_way) < at_once:
                begin(*waiting.pop(), again=False)
            if not under_way:
                continue
            for pid, (mutant, runs, folder, latest) in list(under_way.items()):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if not ended:
                    if time.monotonic() > latest:
                        os.killpg(pid, signal.SIGKILL)
                    continue
                del under_way[pid]
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)  # what it started
                shutil.rmtree(folder, ignore_errors=True)
                code = os.waitstatus_to_exitcode(status)
                timed_out += code == TIMED_OUT
                if code == PASSED:
                    begin(mutant, runs, again=True)
                if pid not in under_way and not any(m is mutant for m, *_ in under_way.values()):
                    done += 1
                    if done % 25 == 0:
                        print(f"… {done} of {len(sample)}", flush=True)
            time.sleep(0.02)
    return alive, unreached, timed_out


def main() -> int:
    """Take the sample and print who survived."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--sample", type=int, default=300, help="so many mutants")
    parser.add_argument("--seed", type=int, help="which ones; printed")
    parser.add_argument("--again", action="store_true", help="learn anew which tests reach what")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--only", default="", help="modules whose path has this in it")
    given = parser.parse_args()
    seed = random.randrange(10**6) if given.seed is None else given.seed
    began = time.monotonic()
    os.chdir(CHECKOUT)
    # Compiled once: each child would compile everything anew.
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.path.insert(0, str(CHECKOUT))
    if given.again or not KEPT.exists():
        learn()
    everything = [m for path in targets() if given.only in str(path) for m in mutants(path)]
    sample = random.Random(seed).sample(everything, min(given.sample, len(everything)))
    print(f"seed {seed}: {len(sample)} of {len(everything)} mutants of {len(targets())} modules")
    preload()
    alive, unreached, timed_out = survivors(sample, given.at_once)
    killed = len(sample) - len(alive) - len(unreached)
    print(
        f"killed {killed} of {len(sample)} ({100 * killed / max(len(sample), 1):.1f} %), "
        f"{timed_out} of them by time; alive {len(alive)}, reached by no test {len(unreached)}; "
        f"{(time.monotonic() - began) / 60:.1f} minutes"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
