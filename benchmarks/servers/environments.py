"""One virtual environment per peer, filled from the package index the first time it is needed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

REQUIREMENTS = {
    "fastapi": ("fastapi", "uvicorn[standard]"),
    "handrolled": ("granian", "msgspec", "uvloop", "httptools", "numba"),
    "litserve": ("litserve",),
    "bentoml": ("bentoml",),
    "mlflow": ("mlflow", "pandas"),
    "rayserve": ("ray[serve]",),
    "duckdb": ("duckdb", "pyarrow"),
    "feast": ("feast[duckdb]",),
    "evidently": ("evidently", "pandas<3", "pyarrow"),
    "nannyml": ("nannyml", "statsmodels", "pandas<3", "pyarrow"),
    "alibi": ("alibi-detect", "pyarrow<22"),
    "whylogs": ("whylogs", "numpy<2", "pandas<2.3", "pyarrow<22"),
    "compiled": ("numba", "numpy", "pandas", "pyarrow", "scipy"),
}
"""The newest of each that installs, those that serve a model beside the scikit-learn that trained
it. Upper bounds stand where the newest of all installs and then fails at import."""

NO_MODEL = frozenset({"evidently", "nannyml", "alibi", "whylogs", "compiled"})
"""Environments in which no model of ours is loaded: any scikit-learn will do."""


class NotInstalled(Exception):  # noqa: N818 - it is an answer, not an error
    """A peer that cannot be had here, and why."""


@dataclass(frozen=True, slots=True)
class Environments:
    """The environments under a folder.

    folder: kept between runs; some three gigabytes when all are there.
    """

    folder: Path

    def python(self, name: str) -> Path:
        """The interpreter of an environment, which is made if it is missing or out of date."""
        home = self.folder / name
        beside = () if name in NO_MODEL else (f"scikit-learn=={version('scikit-learn')}",)
        wanted = "\n".join((*REQUIREMENTS[name], *beside))
        stamp = home / "installed.txt"
        if not stamp.exists() or stamp.read_text() != wanted:
            self._make(home, wanted.splitlines())
            stamp.write_text(wanted)
        return home / "bin" / "python"

    def version(self, name: str, package: str) -> str:
        """Which version of a package an environment holds."""
        code = f"from importlib.metadata import version; print(version({package!r}))"
        told = subprocess.run(
            [self.python(name), "-c", code], capture_output=True, text=True, check=False
        )
        return told.stdout.strip() or "?"

    def _make(self, home: Path, requirements: list[str]) -> None:
        print(f"installing {', '.join(requirements)} into {home}", file=sys.stderr, flush=True)
        shutil.rmtree(home, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(home)])
        quietly = ("--quiet", "--disable-pip-version-check", "--no-input")
        _run([str(home / "bin" / "pip"), "install", *quietly, *requirements])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise NotInstalled(f"{' '.join(command[:4])} ... ended with {done.returncode}: {last}")
