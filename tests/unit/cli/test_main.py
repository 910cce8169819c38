from __future__ import annotations

import subprocess
import sys

HEAVY = ("polars", "sklearn", "plotly", "numpy", "scipy", "jinja2")


def ostinato(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "ostinato.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_version_is_printed():
    done = ostinato("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("ostinato 0.")


def test_the_entry_point_loads_nothing_heavy():
    code = f"import sys, ostinato.cli.main; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_help_names_every_verb():
    done = ostinato("--help")
    assert all(verb in done.stdout for verb in ("init", "replay", "compare", "advise"))


def test_an_unknown_verb_is_a_usage_error():
    assert ostinato("fly").returncode == 2
