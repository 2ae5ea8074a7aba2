"""The wheel, in an environment of its own outside the checkout. Run by .ci/run (-m wheel)."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]

pytestmark = pytest.mark.wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, CHECKOUT],
        check=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fedblog command of a new environment: the release's locked dependencies and the wheel, as
    docs/operations.md has it, and nothing of the checkout."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    install = [folder / "bin/python", "-m", "pip", "install", "--quiet"]
    locked = ["--require-hashes", "--requirement", CHECKOUT / "requirements.lock"]
    subprocess.run([*install, *locked], check=True)
    subprocess.run([*install, "--no-deps", wheel], check=True)
    subprocess.run([folder / "bin/python", "-m", "pip", "check"], check=True)
    return folder / "bin/fedblog"


def test_wheel_carries_migrations_templates_and_example_settings(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "fedblog/_bundled/migrations/env.py" in names
    assert "fedblog/_bundled/config/fedblog.example.toml" in names
    assert "fedblog/_bundled/config/Caddyfile" in names
    for folder in ("migrations/versions", "fedblog/web/templates", "fedblog/web/static"):
        for file in (CHECKOUT / folder).iterdir():
            if file.is_file():
                name = f"{folder}/{file.name}"
                bundled = name if name.startswith("fedblog/") else f"fedblog/_bundled/{name}"
                assert bundled in names


def test_wheel_holds_no_tests_and_no_caches(wheel: Path) -> None:
    for name in zipfile.ZipFile(wheel).namelist():
        assert name.startswith(("fedblog/", "fedblog-"))
        assert "__pycache__" not in name


def test_installed_demo_tells_its_whole_story(program: Path, tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FEDBLOG_")}
    kept.pop("PYTHONPATH", None)
    result = subprocess.run(
        [program, "demo", "--exit"],
        cwd=tmp_path,
        env=kept,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert list(tmp_path.iterdir()) == []
