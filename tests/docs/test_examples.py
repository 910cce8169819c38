"""The Python blocks of the README and of the guides run, in order, as they stand.

The guides after the first use what the first one made (`loop`, `data`), and say so; here that loop
is not watched, since watching takes its time, and guides about watching declare loops of their own.
A block marked `python no-run` is left out.
"""

from __future__ import annotations

import copy
import io
import re
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

ROOT = Path(__file__).parents[2]
FIRST = "docs/guides/first-loop.md"
PAGES = ["README.md", *(p.relative_to(ROOT).as_posix() for p in sorted(ROOT.glob("docs/**/*.md")))]

pytestmark = pytest.mark.timeout(240)


def blocks(name):
    """Return (line, code) of each block that is to run."""
    text = (ROOT / name).read_text(encoding="utf-8")
    found = re.finditer(r"^```python[ ]*([^\n]*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [(text[: m.start(2)].count("\n"), m[2]) for m in found if m[1].strip() != "no-run"]


def run(name, module):
    for line, code in blocks(name):
        # Empty lines first, so that a traceback names the line of the page.
        exec(compile("\n" * line + code, str(ROOT / name), "exec"), vars(module))


def fresh_module(name):
    """A module in which code runs as in a script: its classes can be found and pickled."""
    module = ModuleType(re.sub(r"\W", "_", name))
    sys.modules[module.__name__] = module
    return module


@pytest.fixture(scope="module")
def first():
    module = fresh_module(FIRST)
    run(FIRST, module)
    return module


@pytest.mark.parametrize(
    "name", [name for name in PAGES if name not in ("README.md", FIRST) and blocks(name)]
)
def test_examples_run(name, first, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    module = fresh_module(name)
    vars(module).update({k: v for k, v in vars(first).items() if not k.startswith("__")})
    vars(module)["loop"] = replace(first.loop, monitors=None)
    run(name, module)


def test_the_first_guide_runs(first):
    assert first.result.cost["promotions"] >= 1


def test_the_readme_example_is_short_and_answers():
    (_, code), *others = blocks("README.md")
    assert not others
    lines = [line for line in code.splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) <= 28
    module, said = fresh_module("README.md"), io.StringIO()
    with redirect_stdout(said):
        run("README.md", module)
    assert module.result.advice.worth_it
    assert "Worth it" in said.getvalue()


def test_results_page_names_every_column(first):
    text = (ROOT / "docs" / "reference" / "results.md").read_text(encoding="utf-8")
    result = copy.copy(first.result)
    metrics = {name for name in result.metrics if name not in ("n", "label_coverage")}
    told = (getattr(result, field) for field in type(result).__dataclass_fields__)
    tables = [each for each in told if isinstance(each, pl.DataFrame)]
    columns = {column for table in tables for column in table.columns} - metrics
    assert sorted(c for c in columns | set(result.cost) if f"`{c}`" not in text) == []
    fields = {f for f in type(result).__dataclass_fields__ if f != "books"}
    assert sorted(f for f in fields if f"`{f}`" not in text) == []
