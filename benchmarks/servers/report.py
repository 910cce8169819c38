"""The tables that people read."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from statistics import median
from typing import Any

from acceptance.check import Check
from servers.speed import MANY, ONE, Reading, Results
from servers.targets import OURS, ratios

COLUMNS: tuple[tuple[str, Callable[[Reading], float]], ...] = (
    (f"req/s {MANY}", lambda reading: reading.points[MANY].rate),
    (f"p50 ms {MANY}", lambda reading: reading.points[MANY].p50_ms),
    (f"p99 ms {MANY}", lambda reading: reading.points[MANY].p99_ms),
    (f"req/cpu-s {MANY}", lambda reading: reading.points[MANY].per_cpu_second),
    (f"req/s {ONE}", lambda reading: reading.points[ONE].rate),
    (f"p50 ms {ONE}", lambda reading: reading.points[ONE].p50_ms),
    (f"p99 ms {ONE}", lambda reading: reading.points[ONE].p99_ms),
    (f"req/cpu-s {ONE}", lambda reading: reading.points[ONE].per_cpu_second),
    ("MiB", lambda reading: reading.memory_mib),
    ("start s", lambda reading: reading.started_seconds),
    ("failed", lambda reading: float(sum(p.failed for p in reading.points.values()))),
)


def figure(value: float) -> str:
    """Three digits that count, and no more noughts than needed."""
    if value != value:  # noqa: PLR0124 - not a number
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def as_json(told: Any) -> str:
    """JSON that every reader takes: what is no finite number becomes null."""
    return json.dumps(_finite(told), indent=1, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def table(rows: list[list[str]]) -> list[str]:
    """Lines of a Markdown table; the first row is the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def speed_lines(results: Results) -> list[str]:
    """Medians over rounds of every server, and why the others have none."""
    last = [f"ours/it {MANY}", "per cpu-s"]
    rows = [["server", "rounds", *(name for name, _ in COLUMNS), *last]]
    for name in dict.fromkeys(reading.server for reading in results.readings):
        readings = list(results.of(name).values())
        cells = [figure(median(of(reading) for reading in readings)) for _, of in COLUMNS]
        times = [
            ratios(results, OURS, name, MANY, of)
            for of in (lambda point: point.rate, lambda point: point.per_cpu_second)
        ]
        told = [figure(median(found)) if found else "-" for found in times]
        label = f"{name} ({results.versions[name]})" if results.versions.get(name) else name
        rows.append([label, str(len(readings)), *cells, *told])
    failed = [f"failed: {name}: {why}" for name, why in results.failures.items()]
    return [*(table(rows) if len(rows) > 1 else []), *failed]


def check_lines(checks: list[Check]) -> list[str]:
    """Each rule, what was found, and whether it holds."""
    verdict = {True: "yes", False: "NO", None: ""}
    rows = [["rule", "found", "must be", "kept"]]
    rows += [[each.what, figure(each.value), each.rule, verdict[each.passed]] for each in checks]
    return table(rows)
