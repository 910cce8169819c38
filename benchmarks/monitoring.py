"""How fast are drift and quality of inputs measured, beside what is written by hand and the peers?

A reference of 100 k rows beside 1 M current ones, forty numbers and ten categories: all drift
statistics and quality figures of every column. Ours also for 2 and 4 M rows (is the cost linear?),
for one more hour of a day (does it cost an hour's rows?), and merged of four workers (is it exactly
one pass?).

Every contender runs in a process of its own and is timed without reading the files; what takes a
second or so counts by the fastest of three rounds, the others run once. One that takes 400 s of the
processor or 10 GB is stopped and told.

    python benchmarks/monitoring.py                # ten minutes, with the peers
    python benchmarks/monitoring.py --quick        # small, without them
    python benchmarks/monitoring.py --only ours,numba
    python benchmarks/monitoring.py --json

The environments of the peers and the rows are kept in ~/.cache/ostinato-bench (`--cache`). Ends
with 1 when a goal was missed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from contenders import run_alone
from profiles.made import QUICK, Sizes, make
from servers.environments import Environments, NotInstalled

CACHE = Path.home() / ".cache" / "ostinato-bench"
HERE = Path(__file__).parent
LIMIT_SECONDS, LIMIT_MIB = 400.0, 10_000.0
ROUNDS = 3
OURS = "ours"
BYTES = 8  # of a value
COLUMNS = 50


@dataclass(frozen=True)
class Contender:
    """name, task; script in `profiles`, package and environment; rounds."""

    name: str
    task: str
    script: str
    package: str
    environment: str | None = None
    rounds: int = ROUNDS


CONTENDERS = (
    *(Contender(OURS, each, "ours", "ostinato") for each in ("1", "2", "4", "hour", "merge")),
    Contender("numba", "1", "by_numba", "numba", "compiled"),
    Contender("numpy", "1", "by_numpy", "numpy", "compiled"),
    Contender("scipy", "1", "by_scipy", "scipy", "compiled", 1),
    Contender("nannyml", "1", "by_nannyml", "nannyml", "nannyml", 1),
    Contender("alibi-detect", "1", "by_alibi", "alibi-detect", "alibi", 1),
    Contender("whylogs", "1", "by_whylogs", "whylogs", "whylogs", 1),
    Contender("evidently", "1", "by_evidently", "evidently", "evidently", 1),
)


@dataclass(frozen=True)
class Row:
    """What a contender took; `there` columns were measured, `total` is the largest KS distance."""

    name: str
    task: str
    version: str
    seconds: float = math.nan
    processor: float = math.nan
    peak_mib: float = math.nan
    before_mib: float = math.nan
    rows: int = 0
    there: int = 0
    total: float = math.nan
    failed: str = ""

    @property
    def more_mib(self) -> float:
        """Memory beyond what was held before: the rows themselves."""
        return self.peak_mib - self.before_mib


def measure(
    contenders: Sequence[Contender], folder: Path, environments: Environments
) -> Iterator[Row]:
    """Run contenders one after the other."""
    for each in contenders:
        try:
            yield _run(each, folder, environments)
        except NotInstalled as error:
            yield Row(each.name, each.task, "?", failed=str(error))


def _run(each: Contender, folder: Path, environments: Environments) -> Row:
    python, held = sys.executable, ""
    if each.environment is None:
        held = version(each.package)
    else:
        python = str(environments.python(each.environment))
        held = environments.version(each.environment, each.package)
    script = HERE / "profiles" / f"{each.script}.py"
    told, failed = run_alone(
        [python, str(script), each.task, str(folder), str(each.rounds)],
        ours=each.environment is None,
        limit_seconds=LIMIT_SECONDS,
        limit_mib=LIMIT_MIB,
    )
    return Row(each.name, each.task, held, failed=failed, **told)


@dataclass(frozen=True)
class Goal:
    """What ours has to reach, what it did, and whether that is enough."""

    what: str
    found: float
    limit: float
    least: bool

    @property
    def kept(self) -> bool:
        """Whether it was reached."""
        return self.found >= self.limit if self.least else self.found <= self.limit


def goals(rows: Sequence[Row], *, quick: bool) -> list[Goal]:
    """Return the goals that can be judged by what ran; small runs judge only what is exact."""
    there = {(row.name, row.task): row for row in rows if not row.failed}
    found: list[Goal] = []
    merged, whole = there.get((OURS, "merge")), there.get((OURS, "1"))
    if merged is not None:
        found.append(Goal("merged counts that are those of one pass, of 5", merged.there, 5, True))
    if whole is None:
        return found
    found.append(Goal("columns measured", whole.there, COLUMNS, True))
    for name in ("numpy", "numba", "scipy"):
        if (name, "1") in there:
            apart = abs(there[name, "1"].total - whole.total)
            found.append(Goal(f"largest KS distance, difference to {name}", apart, 0.005, False))
    return found if quick else [*found, *_costs(there, whole)]


def _costs(there: dict[tuple[str, str], Row], whole: Row) -> Iterator[Goal]:
    for name, least in (("evidently", 100), ("nannyml", 8)):
        if (name, "1") in there:
            times = there[name, "1"].processor / whole.processor
            yield Goal(f"times cheaper than {name}", times, least, True)
    if ("numba", "1") in there:
        times = whole.processor / there["numba", "1"].processor
        yield Goal("times the compiled pass", times, 3, False)
    data = whole.rows * COLUMNS * BYTES / 2**20
    yield Goal("memory beside the rows, of theirs", whole.more_mib / data, 1, False)
    if (OURS, "4") in there:
        times = there[OURS, "4"].processor / whole.processor
        yield Goal("times the cost for four times the rows", times, 4.2, False)
    if (OURS, "hour") in there:
        share = there[OURS, "hour"].processor / whole.processor
        yield Goal("an hour's cost, of a day's", share, 0.25, False)


def line(row: Row) -> str:
    begin = f"{row.name + ' ' + row.version:22}{row.task:>6}"
    if row.failed:
        return f"{begin}  {row.failed}"
    return (
        f"{begin}{row.processor:11.3f}{row.seconds:10.3f}{row.peak_mib:10,.0f}"
        f"{row.before_mib:10,.0f}{row.rows:12,}{row.there:9}{row.total:9.4f}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", help="contenders, such as ours,numba")
    parser.add_argument("--cache", type=Path, default=CACHE)
    wanted = parser.parse_args()
    only = wanted.only.split(",") if wanted.only else None
    chosen = [
        each
        for each in CONTENDERS
        if (only is None or each.name in only) and not (wanted.quick and each.environment)
    ]
    folder = wanted.cache / "profiles" / ("quick" if wanted.quick else "full")
    make(folder, QUICK if wanted.quick else Sizes())
    if not wanted.json:
        print(
            f"{'contender':22}{'task':>6}{'processor':>11}{'seconds':>10}{'peak MiB':>10}"
            f"{'before':>10}{'rows':>12}{'columns':>9}{'KS':>9}"
        )
    found = []
    for row in measure(chosen, folder, Environments(wanted.cache / "venvs")):
        found.append(row)
        if not wanted.json:
            print(line(row), flush=True)
    judged = goals(found, quick=wanted.quick)
    if wanted.json:
        told = {"rows": found, "goals": judged}
        print(json.dumps({key: [asdict(e) for e in each] for key, each in told.items()}, indent=2))
    else:
        for goal in judged:
            way = "at least" if goal.least else "at most"
            verdict = "kept" if goal.kept else "MISSED"
            print(f"{verdict:8}{goal.what}: {goal.found:.3g} ({way} {goal.limit:g})")
    mine = [row for row in found if row.name == OURS]
    return 0 if all(g.kept for g in judged) and not any(row.failed for row in mine) else 1


if __name__ == "__main__":
    raise SystemExit(main())
