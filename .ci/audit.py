"""Asks pip-audit about every installed package and says plainly what could not be asked.

Ends with status 1 only where a known vulnerability was found. A registry that answers "not found"
for a package makes pip-audit skip it and report success: such a package is counted as not audited.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

SERVICES = ("pypi", "osv")


def installed(folder: Path) -> Path:
    """A requirements file of what is installed here, without the project and pip itself."""
    file = folder / "installed.txt"
    with file.open("w") as out:
        subprocess.run(
            [sys.executable, "-m", "pip", "freeze", "--exclude-editable"], stdout=out, check=True
        )
    return file


def ask(service: str, requirements: Path) -> list[dict[str, object]] | str:
    """What *service* knows of each package, or the last line of why it could not be asked."""
    report = requirements.with_name(f"{service}.json")
    files = ["--requirement", str(requirements), "--output", str(report)]
    options = f"--vulnerability-service {service} --no-deps --disable-pip --timeout 20"
    options += " --progress-spinner off --format json"
    result = subprocess.run(
        [sys.executable, "-m", "pip_audit", *files, *options.split()],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if not report.exists() or not report.read_text().strip():
        lines = result.stderr.strip().splitlines() or [f"status {result.returncode}"]
        return lines[-1][:300]
    return list(json.loads(report.read_text())["dependencies"])


def main() -> int:
    """Ask the services in turn until one has answered for at least one package."""
    with tempfile.TemporaryDirectory() as folder:
        requirements = installed(Path(folder))
        for service in SERVICES:
            try:
                answer = ask(service, requirements)
            except subprocess.TimeoutExpired:
                answer = "no answer within five minutes"
            if isinstance(answer, str):
                print(f"{service}: could not be asked: {answer}")
                continue
            audited = [package for package in answer if "skip_reason" not in package]
            found = [package for package in audited if package.get("vulns")]
            for package in found:
                print(f"{service}: {package['name']} {package['version']}: {package['vulns']}")
            skipped = len(answer) - len(audited)
            print(f"{service}: {len(audited)} packages audited, {skipped} could not be asked about")
            if found:
                return 1
            if audited:
                return 0
    print("No vulnerability database could be asked from here: dependencies were NOT audited.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
