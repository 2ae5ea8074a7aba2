"""Changes one small thing at a time in the code that decides whom we believe and what is public,
and sees whether a test notices.

    python bench/mutants.py [--sample 300] [--seed 1] [--again]

First it learns which tests reach which lines (the whole suite once, on SQLite, with coverage; kept
in bench/results/ and reused until --again). Then each mutant of the sample runs the tests that
reach its line, those nearest to it first, until one fails. A test kills a mutant only if it passes
without the change, in the same place after the same tests. Prints the seed, each mutant that no
test noticed, how many of all were killed, and the processor time. A mutant lives in the memory of a
process of its own; nothing in the checkout is changed. What was found is kept for each mutant in
bench/results/mutants-SEED.jsonl: a run that was stopped goes on there, --again begins anew.
"""

import argparse
import contextlib
import importlib.machinery
import importlib.util
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import CodeType
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).parent))

from parts.mutating import Mutant, mutants

CHECKOUT = Path(__file__).parents[1]
KEPT = CHECKOUT / "bench" / "results" / "reached.coverage"
TARGETS = (
    "fedblog/federation/**/*.py",
    "fedblog/signatures/*.py",
    "fedblog/remote/guard.py",
    "fedblog/domain/authorization.py",
    "fedblog/domain/comment.py",
    "fedblog/domain/origins.py",
    "fedblog/domain/post.py",
    "fedblog/activitystreams/reading.py",
    "fedblog/storage/visibility.py",
    "fedblog/storage/documents.py",
    "fedblog/storage/pages_of_posts.py",
    "fedblog/storage/public_activities.py",
    "fedblog/storage/views*.py",
    "fedblog/endpoints/authorized.py",
)
NO_PROCESS_SEES_IT = ("test_commands", "test_end_to_end", "test_story", "test_process", "browser/")
"""Tests that start fedblog as a process of its own, where no mutant is."""
FIRST, MOST_FILES, MOST = 40, 6, 200
"""So many tests at first, from so many files; then, when all mutants had those, so many more before
one counts as alive."""
PROCESSOR_SECONDS, SECONDS = 60.0, 300
"""Of one test, after which it goes round in circles, or waits for what never comes. No test needs
that much processor time, and what tests wait for they give up sooner (support.waiting)."""
PASSED, FAILED = 0, 1
BY_TIME = (-signal.SIGPROF, -signal.SIGALRM)


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
        if not found:  # all of the module does: those who use its neighbours
            lines = {
                number: tests
                for number, path in enumerate(sorted((CHECKOUT / mutant.path).parent.glob("*.py")))
                if (tests := [t for found in self._lines(path).values() for t in found if t])
            }
            found = {test for tests in lines.values() for test in tests}
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
                    context.rpartition("|")[0]
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


class _Watch:
    """Writes down which test is under way, and ends the process when that one does not end."""

    def __init__(self, note: Path) -> None:
        self._note = note

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._note.write_text(nodeid)
        signal.setitimer(signal.ITIMER_PROF, PROCESSOR_SECONDS)
        signal.alarm(SECONDS)


@dataclass(frozen=True)
class Run:
    """*tests*, in this order until one fails, with *mutant* or with nothing changed; after all that
    can wait less, where it *is_late*."""

    mutant: Mutant | None
    tests: Sequence[str]
    is_late: bool = False


@dataclass(frozen=True)
class Ended:
    """With which *code* a run ended, and at which test ("" before the first)."""

    code: int
    at: str


@dataclass(frozen=True)
class Verdict:
    """*what* became of a mutant: killed, time (killed by it), alive, unreached; and *by* what."""

    what: str
    by: str = ""


Trial = Generator[Run, Ended, Verdict]


def begin(run: Run, folder: Path) -> int:
    """Fork, change the module, run the tests; gives the child's process id."""
    child = os.fork()
    if child:
        return child
    status = FAILED
    try:
        os.setsid()
        out = os.open(folder / "out.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        if run.mutant:
            sys.meta_path.insert(0, _Finder(run.mutant))  # type: ignore[arg-type]
        import pytest

        watch = _Watch(folder / "at.txt")
        watch.pytest_runtest_logstart("")
        options = ["-q", "-x", "-n0", "--engines=sqlite", "-p", "no:cacheprovider", "--no-header"]
        options += [f"--basetemp={folder / 'tmp'}"]
        status = int(pytest.main([*options, *run.tests], plugins=[watch]))
    finally:
        os._exit(status)


def portions(tests: list[str]) -> Iterator[list[str]]:
    """The nearest tests first, then the rest."""
    near = dict.fromkeys(test.partition("::")[0] for test in tests)
    files = list(near)[:MOST_FILES]
    first = [test for test in tests if test.partition("::")[0] in files][:FIRST]
    yield first
    yield [test for test in tests if test not in set(first)][:MOST]


def trial(mutant: Mutant, tests: list[str], sound: set[str]) -> Trial:
    """Asks for the runs that *mutant* needs, and gives what became of it. *sound*: tests that are
    known to pass without a change."""
    if not tests:
        return Verdict("unreached")
    for is_late, left in enumerate(portions(tests)):
        while left:
            ended = yield Run(mutant, left, is_late=bool(is_late))
            if ended.code == PASSED:
                break
            if ended.at not in sound:
                until = left.index(ended.at) + 1 if ended.at in left else len(left)
                unchanged = yield Run(None, left[:until])
                if unchanged.code != PASSED and unchanged.at not in left:
                    return Verdict("not judged", "the tests cannot be run")
                if unchanged.code != PASSED:
                    print(f"fails without a change: {unchanged.at}", flush=True)
                    left = [test for test in left if test != unchanged.at]
                    continue
                sound.update(left[:until])
            return Verdict("time" if ended.code in BY_TIME else "killed", ended.at)
    return Verdict("alive")


def preload() -> None:
    """Import what every child needs and no mutant changes."""
    heavy = "pytest hypothesis sqlalchemy.ext.asyncio starlette.applications httpx aiohttp uvicorn"
    heavy += " pydantic_settings alembic.command PIL.Image psycopg anyio.pytest_plugin xdist.plugin"
    heavy += " blockbuster cryptography.hazmat.primitives.asymmetric.rsa rich.console jinja2 babel"
    heavy += " markdown_it nh3 time_machine publicsuffixlist httpx_aiohttp pytest_cov.plugin"
    for name in heavy.split():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def judge(trials: Mapping[Mutant, Trial], at_once: int) -> Iterator[tuple[Mutant, Verdict]]:
    """What became of each mutant, in the order in which it is known."""
    waiting = list(trials.items())[::-1]
    late: deque[tuple[Mutant, Trial, Run]] = deque()
    under_way: dict[int, tuple[Mutant, Trial, Path]] = {}
    with tempfile.TemporaryDirectory(prefix="fedblog-mutants-") as made:

        def start(mutant: Mutant, of: Trial, run: Run) -> None:
            folder = Path(tempfile.mkdtemp(dir=made))
            under_way[begin(run, folder)] = (mutant, of, folder)

        def go_on(mutant: Mutant, of: Trial, ended: Ended | None) -> Verdict | None:
            try:
                run = next(of) if ended is None else of.send(ended)
            except StopIteration as end:
                return cast("Verdict", end.value)
            if run.is_late:
                late.append((mutant, of, run))
            else:
                start(mutant, of, run)
            return None

        while waiting or late or under_way:
            while waiting and len(under_way) < at_once:
                mutant, of = waiting.pop()
                if verdict := go_on(mutant, of, None):
                    yield mutant, verdict
            while late and len(under_way) < at_once:
                start(*late.popleft())
            for pid, (mutant, of, folder) in list(under_way.items()):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if not ended:
                    continue
                del under_way[pid]
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)  # what it started
                note = folder / "at.txt"
                at = note.read_text() if note.exists() else ""
                shutil.rmtree(folder, ignore_errors=True)
                if verdict := go_on(mutant, of, Ended(os.waitstatus_to_exitcode(status), at)):
                    yield mutant, verdict
            time.sleep(0.02)


def known(kept: Path) -> dict[str, Verdict]:
    """What an earlier run found, by mutant."""
    if not kept.exists():
        return {}
    lines = (json.loads(line) for line in kept.read_text().splitlines())
    return {line["mutant"]: Verdict(line["what"], line["by"]) for line in lines}


def main() -> int:
    """Take the sample and print who survived."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--sample", type=int, default=300, help="so many mutants")
    parser.add_argument("--seed", type=int, help="which ones; printed")
    parser.add_argument("--again", action="store_true", help="learn and judge anew")
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
    kept = KEPT.with_name(f"mutants-{seed}.jsonl")
    if given.again:
        kept.unlink(missing_ok=True)
    if given.again or not KEPT.exists():
        learn()
    everything = [m for path in targets() if given.only in str(path) for m in mutants(path)]
    sample = random.Random(seed).sample(everything, min(given.sample, len(everything)))
    print(f"seed {seed}: {len(sample)} of {len(everything)} mutants of {len(targets())} modules")
    preload()
    reached, sound = Reached(), set[str]()
    before = known(kept)
    found = {mutant: before[mutant.key] for mutant in sample if mutant.key in before}
    for mutant, verdict in found.items():
        if verdict.what != "killed":
            print(f"{verdict.what}: {mutant} ({verdict.by})")
    trials = {m: trial(m, reached.tests(m), sound) for m in sample if m not in found}
    for mutant, verdict in judge(trials, given.at_once):
        found[mutant] = verdict
        with kept.open("a") as lines:
            lines.write(json.dumps({"mutant": mutant.key, **asdict(verdict)}) + "\n")
        if verdict.what != "killed":
            print(f"{verdict.what}: {mutant} ({verdict.by})", flush=True)
        if len(found) % 25 == 0:
            print(f"… {len(found)} of {len(sample)}", flush=True)
    much = Counter(verdict.what for verdict in found.values())
    killed = much["killed"] + much["time"]
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"killed {killed} of {len(sample)} ({100 * killed / max(len(sample), 1):.1f} %), "
        f"{much['time']} of them by time; alive {much['alive']}, reached by no test "
        f"{much['unreached']}, not judged {much['not judged']}; "
        f"{(time.monotonic() - began) / 60:.1f} minutes, of processor time "
        f"{(used.ru_utime + used.ru_stime) / 60:.1f} (of this run)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
