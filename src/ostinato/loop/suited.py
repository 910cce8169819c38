"""The validation suite of a loop: read once, from beside the loop file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ostinato.loop.loop import Loop
from ostinato.watch.suite import Suite


def suite_of(loop: Loop) -> Suite | None:
    """Return the suite, read from its file where the loop names one; None: it has none.

    Raises
    ------
    ConfigError
        If the file is not there, or something in it is wrong.
    """
    given = loop.suite
    return given if given is None or isinstance(given, Suite) else Suite.read(given)


def with_suite(loop: Loop) -> Loop:
    """Return the loop with its suite read: what is edited from now on counts for the next run."""
    return loop if loop.suite is None else replace(loop, suite=suite_of(loop))


def placed(loop: Loop, folder: Path) -> Loop:
    """Return the loop with the path of its suite meant from a folder, unread."""
    if loop.suite is None or isinstance(loop.suite, Suite):
        return loop
    return replace(loop, suite=folder / loop.suite)


def told(loop: Loop) -> dict[str, Any]:
    """Write down the suite for the loop's declaration; nothing where there is none."""
    suite = suite_of(loop)
    if suite is None:
        return {}
    return {"suite": {"name": suite.name, "version": suite.version, "digest": suite.digest}}
