"""The command: ``python -m ostinato.sim --seed 7`` or ``--seeds 0:10000 --workers 2 --json``."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ostinato.core.errors import ConfigError
from ostinato.sim.batch import Summary, run_seeds
from ostinato.sim.elsewhere import elsewhere
from ostinato.sim.faults import FAULTS
from ostinato.sim.planted import SOUND, Planted
from ostinato.sim.run import simulate
from ostinato.sim.verdict import EXIT_CODES, Verdict
from ostinato.sim.world import TICKS

USAGE: Final = 2
_FINDINGS_SHOWN: Final = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    chosen = _parser().parse_args(arguments)
    planted = FAULTS[chosen.fault] if chosen.fault else SOUND
    try:
        seeds = [chosen.seed] if chosen.seed is not None else seeds_of(chosen.seeds)
    except ConfigError as error:
        sys.stderr.write(f"error: {error}\n")
        return USAGE
    if chosen.seed is not None:
        return _one(seeds[0], chosen, planted)
    summary = run_seeds(
        seeds, ticks=chosen.ticks, planted=planted, workers=chosen.workers, say=_say
    )
    sys.stdout.write(_batch_text(summary, chosen) + "\n")
    return EXIT_CODES[summary.outcome]


def seeds_of(text: str) -> list[int]:
    """Read ``"0:100"`` (0 to 99) or ``"100"`` (the same).

    Raises
    ------
    ConfigError
        If it is neither.
    """
    first, colon, last = text.partition(":")
    try:
        start, stop = (int(first), int(last)) if colon else (0, int(first))
    except ValueError:
        start, stop = 0, -1
    if not 0 <= start < stop:
        raise ConfigError(
            "The seeds cannot be read", found=repr(text), expected="a range such as 0:100, or 100"
        )
    return list(range(start, stop))


def commit() -> str:
    """Name the commit that runs: told by the environment, else asked of git."""
    told = os.environ.get("OSTINATO_COMMIT", "")
    if told:
        return told
    try:
        asked = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],  # noqa: S607 - git, wherever it lies
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parent,
        )
    except OSError:
        return "unknown"
    return asked.stdout.strip() or "unknown"


def _one(seed: int, chosen: argparse.Namespace, planted: Planted) -> int:
    verdict = simulate(seed, ticks=chosen.ticks, planted=planted)
    if chosen.head:  # asked by another process, which compares
        sys.stdout.write(verdict.head + "\n")
        return verdict.exit_code
    if verdict.outcome == "ok":
        verdict = elsewhere(verdict, ticks=chosen.ticks, fault=planted.name)
    facts = {"commit": commit(), **verdict.to_dict(), "again": again(seed, chosen)}
    sys.stdout.write((json.dumps(facts) if chosen.json else _text(verdict, facts)) + "\n")
    return verdict.exit_code


def again(seed: int, chosen: argparse.Namespace) -> str:
    """Say how to run one seed again."""
    parts = [f"python -m ostinato.sim --seed {seed}"]
    parts += [f"--ticks {chosen.ticks}"] if chosen.ticks != TICKS else []
    parts += [f"--fault {chosen.fault}"] if chosen.fault else []
    return " ".join(parts)


def _text(verdict: Verdict, facts: dict[str, Any]) -> str:
    counts = verdict.counts
    lines = [
        f"seed {verdict.seed}, commit {facts['commit']}: {verdict.outcome}",
        "  "
        + ", ".join(
            f"{counts.get(kind, 0)} {name}"
            for kind, name in (
                ("ticks", "ticks"),
                ("rows", "requests"),
                ("crashes", "crashes"),
                ("promoted", "promotions"),
                ("rolled_back", "rollbacks"),
            )
        ),
        f"  journal {verdict.head[:16] or 'empty'}",
    ]
    shown = verdict.findings[:_FINDINGS_SHOWN]
    lines += [f"  {f.checker}, tick {f.tick}: {f.text}" for f in shown]
    more = len(verdict.findings) - len(shown)
    lines += [f"  and {more} more"] if more else []
    lines += [verdict.error] if verdict.error else []
    lines += [f"  again: {facts['again']}"] if verdict.outcome != "ok" else []
    return "\n".join(lines)


def _batch_text(summary: Summary, chosen: argparse.Namespace) -> str:
    facts = {"commit": commit(), **summary.to_dict()}
    if chosen.json:
        return json.dumps(facts)
    took = f"{summary.seconds:.0f} s"
    lines = [f"{summary.seeds} seeds, commit {facts['commit']}: {summary.outcome}, {took}"]
    for verdict in summary.failed:
        finding = verdict.findings[0]
        what = f"{finding.checker}, tick {finding.tick}: {finding.text}"
        lines += [
            f"  seed {verdict.seed}: {verdict.outcome}: {what}",
            f"    again: {again(verdict.seed, chosen)}",
        ]
    lines += [f"  over all seeds: {f.checker}: {f.text}" for f in summary.findings]
    return "\n".join(lines)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ostinato.sim",
        description="Run the whole loop in a made-up world, with faults, and check it.",
        epilog="Exit codes: 0 ok, 127 an exception, 128 stuck, 129 wrong, 2 usage.",
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--seed", type=int, help="run this one")
    which.add_argument("--seeds", help="run many: 0:100, or 100")
    parser.add_argument("--ticks", type=int, default=TICKS, help="ticks with traffic")
    parser.add_argument("--fault", choices=sorted(FAULTS), help="plant a defect")
    parser.add_argument("--workers", type=int, default=1, help="processes, for --seeds")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--head", action="store_true", help="print the journal's hash alone")
    return parser
