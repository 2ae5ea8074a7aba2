"""constraints.txt and requirements.lock (made by .ci/lock) against pyproject.toml."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[1]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
CONSTRAINTS = (CHECKOUT / "constraints.txt").read_text()
LOCK = (CHECKOUT / "requirements.lock").read_text()


def pinned(text: str) -> dict[str, str]:
    """The version of each package."""
    return dict(re.findall(r"^([a-z0-9.-]+)==([^\s;\\]+)", text, re.MULTILINE))


def missing(wanted: list[str], versions: dict[str, str]) -> list[str]:
    """What of *wanted* has no version, or one that its bounds refuse."""
    found = []
    for line in wanted:
        requirement = Requirement(line)
        version = versions.get(canonicalize_name(requirement.name))
        if version is None or version not in requirement.specifier:
            found.append(f"{line}: {version}")
    return found


def test_every_dependency_has_a_version_within_its_bounds() -> None:
    extras = PROJECT["optional-dependencies"].values()
    wanted = [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]
    assert missing(wanted, pinned(CONSTRAINTS)) == [], "run .ci/lock"
    assert missing(PROJECT["dependencies"], pinned(LOCK)) == [], "run .ci/lock"


def test_release_has_the_versions_that_were_tried() -> None:
    assert pinned(LOCK).items() <= pinned(CONSTRAINTS).items()


def test_every_version_of_the_release_has_hashes() -> None:
    for entry in re.split(r"\n(?=\S)", LOCK.partition("\n")[2].strip()):
        assert re.search(r"\\\n    --hash=sha256:[0-9a-f]{64}", entry), entry


@pytest.mark.parametrize("text", [CONSTRAINTS, LOCK], ids=["constraints", "lock"])
def test_nothing_says_where_packages_come_from_and_the_first_line_says_when(text: str) -> None:
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)
    assert re.match(r"# Made by \.ci/lock on \d{4}-\d\d-\d\d: pip install", text)
