"""Says on what machine and with which versions a figure was measured."""

import importlib.metadata
import os
import platform
import sqlite3
from pathlib import Path


def describe() -> dict[str, str]:
    """Processor, cores, memory, kernel, Python, and the libraries that decide the figures."""
    versions = [
        f"{name} {importlib.metadata.version(name)}"
        for name in ("uvicorn", "uvloop", "httptools", "sqlalchemy", "aiohttp", "cryptography")
    ]
    return {
        "processor": _field("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": str(os.cpu_count()),
        "memory": _field("/proc/meminfo", "MemTotal"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "libraries": ", ".join(versions),
    }


def _field(file: str, name: str) -> str:
    try:
        lines = Path(file).read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""
