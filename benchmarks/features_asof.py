"""How fast are windowed features over history, beside what is written by hand and beside Feast?

- twenty: twenty windowed features of every kind for 1 M requests over 10 M orders; the goal is a
  minute.
- join: the newest of 5 M rows of features for each of 1 M labels, five columns.
- few: the same with 500 k and 100 k rows, the most that Feast joins in reasonable time.
- means: twenty windowed means for 1 M requests over 10 M orders, three keys, 1 h to 30 d.

Every contender runs in a process of its own and is timed without reading the files. What it found
has to agree with ours: as many values, the same sum. One that takes 300 s of the processor or 10 GB
is stopped and told.

    python benchmarks/features_asof.py                # a quarter of an hour, with DuckDB and Feast
    python benchmarks/features_asof.py --quick        # small, without them
    python benchmarks/features_asof.py --only join,means
    python benchmarks/features_asof.py --json

The environments of DuckDB and Feast and the tables are kept in ~/.cache/ostinato-bench (`--cache`).
Ends with 1 when the goal was missed, or no peer agrees with ours.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

from contenders import run_alone
from histories.made import QUICK, Sizes, make
from servers.environments import Environments, NotInstalled

CACHE = Path.home() / ".cache" / "ostinato-bench"
HERE = Path(__file__).parent
GOAL_SECONDS = 60.0
LIMIT_SECONDS, QUICK_LIMIT_SECONDS = 300.0, 60.0
LIMIT_MIB = 10_000
OURS = "Ostinato"


@dataclass(frozen=True)
class Contender:
    """part, name; script in `histories` and its task; package, and the environment it needs."""

    part: str
    name: str
    script: str
    task: str
    package: str
    environment: str | None = None


CONTENDERS = (
    Contender("twenty", OURS, "ours", "twenty", "ostinato"),
    Contender("join", OURS, "ours", "join", "ostinato"),
    Contender("join", "Polars join_asof", "by_polars", "join", "polars"),
    Contender("join", "pandas merge_asof", "by_pandas", "join", "pandas"),
    Contender("join", "DuckDB asof join", "by_duckdb", "join", "duckdb", "duckdb"),
    Contender("few", OURS, "ours", "few", "ostinato"),
    Contender("few", "Feast, DuckDB", "by_feast", "duckdb", "feast", "feast"),
    Contender("few", "Feast, Dask", "by_feast", "dask", "feast", "feast"),
    Contender("means", OURS, "ours", "means", "ostinato"),
    Contender("means", "Polars rolling", "by_polars", "means", "polars"),
    Contender("means", "DuckDB range window", "by_duckdb", "means", "duckdb", "duckdb"),
    Contender("means", "DuckDB range join", "by_duckdb", "range_joins", "duckdb", "duckdb"),
)


@dataclass(frozen=True)
class Row:
    """What a contender took; times: how many times ours that is."""

    part: str
    name: str
    version: str
    seconds: float = math.nan
    processor: float = math.nan
    peak_mib: float = math.nan
    before_mib: float = math.nan
    rows: int = 0
    there: int = 0
    total: float = math.nan
    times_seconds: float = math.nan
    times_processor: float = math.nan
    agrees: bool = False
    failed: str = ""


def measure(
    contenders: Sequence[Contender], folder: Path, environments: Environments, limit: float
) -> Iterator[Row]:
    """Run contenders one after the other; ours come first in each part."""
    ours: dict[str, Row] = {}
    for each in contenders:
        try:
            row = _run(each, folder, environments, limit)
        except NotInstalled as error:
            row = Row(each.part, each.name, "?", failed=str(error))
        if each.name == OURS:
            ours[each.part] = row
        yield _compared(row, ours.get(each.part))


def _compared(row: Row, ours: Row | None) -> Row:
    if ours is None or row.failed or ours.failed:
        return row
    same = row.rows == ours.rows and row.there == ours.there
    return replace(
        row,
        times_seconds=row.seconds / ours.seconds,
        times_processor=row.processor / ours.processor,
        agrees=same and math.isclose(row.total, ours.total, rel_tol=1e-6),
    )


def _run(each: Contender, folder: Path, environments: Environments, limit: float) -> Row:
    """Run a contender in a process of its own, and stop it at a limit."""
    python, held = sys.executable, None
    if each.environment is None:
        held = version(each.package)
    else:
        python = str(environments.python(each.environment))
        held = environments.version(each.environment, each.package)
    command = [python, str(HERE / "histories" / f"{each.script}.py"), each.task, str(folder)]
    told, failed = run_alone(
        command, ours=each.environment is None, limit_seconds=limit, limit_mib=LIMIT_MIB
    )
    return Row(each.part, each.name, held, failed=failed, **told)


def line(row: Row) -> str:
    begin = f"{row.part:8}{row.name + ' ' + row.version:31}"
    if row.failed:
        return begin + row.failed
    return begin + (
        f"{row.seconds:9.2f}{row.processor:10.2f}{row.peak_mib:10,.0f}{row.before_mib:10,.0f}"
        f"{row.rows / row.seconds:14,.0f}{row.times_seconds:9.1f}x{row.times_processor:9.1f}x"
        f"  {'agrees' if row.agrees else f'OTHER: {row.rows:,} rows, {row.there:,} values'}"
    )


def kept(rows: Sequence[Row], *, quick: bool) -> bool:
    """Whether ours ran in the time that is the goal, and a peer agrees where peers ran."""
    mine = [row for row in rows if row.name == OURS]
    peers = [row for row in rows if row.name != OURS and not row.failed]
    fast = quick or all(row.seconds <= GOAL_SECONDS for row in mine if row.part == "twenty")
    confirmed = {row.part for row in peers if row.agrees} == {row.part for row in peers}
    return fast and confirmed and not any(row.failed for row in mine)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", help="parts, such as join,means")
    parser.add_argument("--cache", type=Path, default=CACHE)
    wanted = parser.parse_args()
    parts = wanted.only.split(",") if wanted.only else ["twenty", "join", "few", "means"]
    chosen = [
        each
        for each in CONTENDERS
        if each.part in parts and not (wanted.quick and each.environment)
    ]
    folder = wanted.cache / "histories" / ("quick" if wanted.quick else "full")
    make(folder, QUICK if wanted.quick else Sizes())
    if not wanted.json:
        print(
            f"{'part':8}{'contender':31}{'seconds':>9}{'processor':>10}{'peak MiB':>10}"
            f"{'before':>10}{'rows/s':>14}{'of ours':>10}{'proc.':>10}"
        )
    found = []
    limit = QUICK_LIMIT_SECONDS if wanted.quick else LIMIT_SECONDS
    for row in measure(chosen, folder, Environments(wanted.cache / "venvs"), limit):
        found.append(row)
        if not wanted.json:
            print(line(row), flush=True)
    if wanted.json:
        print(json.dumps([asdict(row) for row in found], indent=2))
    return 0 if kept(found, quick=wanted.quick) else 1


if __name__ == "__main__":
    raise SystemExit(main())
