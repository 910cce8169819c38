"""Relative links lead to a file, and to a heading where they name one; commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [path.relative_to(ROOT).as_posix() for path in PAGES]


def prose(path):
    return re.sub(
        r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )


def anchors(path):
    """Headings, as they are named in links."""
    heads = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("name", NAMES)
def test_relative_links_lead_somewhere(name):
    page = ROOT / name
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), f"{name}: {target} leads nowhere"
        assert there.is_relative_to(ROOT), f"{name}: {target} leads out of the repository"
        if anchor:
            assert anchor in anchors(there), f"{name}: {target} names no heading"


@pytest.mark.parametrize("name", NAMES)
def test_make_commands_exist(name):
    goals = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    text = (ROOT / name).read_text(encoding="utf-8")
    named = re.findall(r"(?:`|^)make ([a-z0-9-]+)", text, re.MULTILINE)
    assert [goal for goal in named if goal not in goals] == []


@pytest.mark.parametrize("name", NAMES)
def test_ostinato_commands_exist(name):
    from ostinato.cli.main import VERBS

    text = (ROOT / name).read_text(encoding="utf-8")
    named = re.findall(r"(?:`|^)(?:\w+=\w+ )?ostinato ([a-z]+)", text, re.MULTILINE)
    assert [verb for verb in named if verb not in VERBS] == []


@pytest.mark.parametrize("name", NAMES)
def test_files_named_in_code_spans_exist(name):
    """`loop/kernel.py` and its like are looked for in the package and at the root."""
    roots = (ROOT, ROOT / "src" / "ostinato", ROOT / "src")
    named = re.findall(r"`([a-z_]+(?:/[a-z_]+)+\.(?:py|md))`", prose(ROOT / name))
    assert [f for f in named if not any((root / f).exists() for root in roots)] == []


def test_the_readme_test_command_is_what_ci_runs():
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make test" in (ROOT / "README.md").read_text(encoding="utf-8")
