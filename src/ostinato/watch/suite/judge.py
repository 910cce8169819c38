"""Hold a table against what is expected of it: a finding per expectation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import polars as pl

from ostinato.watch.suite.bounds import (
    Batch,
    Bound,
    Column,
    LabelExpected,
    Part,
    Range,
    above,
    below,
)
from ostinato.watch.suite.facts import (
    EVEN_KINDS,
    delays_s,
    doubled_rows,
    examples,
    kind_of,
    most_frequent,
    outside,
    present,
    repeats,
    texts,
    unknown,
)
from ostinato.watch.suite.report import Finding

ADVICE: Final[Mapping[str, str]] = {
    "column": "Look whether it was renamed or dropped where the data comes from.",
    "kind": "Look how the data is written and read: numbers as text, times as numbers.",
    "missing": "Look whether the source of the column delivers; widen `missing` if it always will.",
    "range": "Look at units, signs and stand-ins; widen `range` if the world moved.",
    "far": "Another unit, or a number that stands for missing: repair it or make it missing.",
    "new": "Look whether codes were changed or misspelt; add real new values to `values`.",
    "same": "Look whether the source is stuck.",
    "repeated": "Rows were sent twice, or the ids are not ids.",
    "rows": "Take a longer window, or look where the rows are.",
    "duplicates": "Rows were sent or joined twice.",
    "share": "Look at where labels come from before you believe that the world moved.",
    "delay": "Look at clocks and time zones, and whether labels came all at once.",
}
"""What to do about a test that is not passed."""

_VERDICTS: Final = {True: "failed", False: "warning"}


def judge_column(name: str, expected: Column, column: pl.Series) -> Iterator[Finding]:
    """Hold a column against what is expected of it."""
    rows, kind = len(column), kind_of(column)
    if expected.kind is not None and kind is not None:
        wrong = kind != expected.kind
        text = f"holds {kind} ({column.dtype}), expected {expected.kind}"
        yield _told(name, "kind", "failed" if wrong else "passed", rows, rows * wrong, text)
        if wrong:
            return
    values = present(column)
    if expected.missing is not None:
        text = "rows without a value"
        yield _bounded(name, "missing", rows - len(values), rows, expected.missing, text)
    if kind == "number":
        yield from _ranges(name, expected.range, expected.far, values)
    if expected.values is not None and expected.new is not None and kind in EVEN_KINDS:
        strange = unknown(values, expected.values)
        yield _bounded(name, "new", strange, len(values), expected.new, "values not in the list")
    if kind in EVEN_KINDS:
        yield from _same(name, expected.same, values)
        if expected.repeated is not None:
            again = repeats(values)
            hits = len(values) - values.n_unique()
            text = "rows repeat an id"
            yield _bounded(name, "repeated", hits, len(values), expected.repeated, text, again)


def judge_label(expected: LabelExpected, table: pl.DataFrame) -> Iterator[Finding]:
    """Hold labels and their delays against what is expected of them; rows without one wait."""
    if expected.column not in table.columns:
        yield _unmeasured("label", "column", f"there is no column {expected.column!r}")
        return
    labels = present(table[expected.column])
    if expected.classes:
        yield from _classes(expected, labels)
    elif kind_of(labels) == "number":
        yield from _ranges("label", expected.range, None, labels)
    if kind_of(labels) in EVEN_KINDS:
        yield from _same("label", expected.same, labels)
    if expected.delay is None:
        return
    taken = delays_s(table, expected.column, expected.time, expected.known)
    if taken is None:
        columns = f"{expected.time!r} and {expected.known!r}"
        yield _unmeasured("label", "delay", f"no times in the columns {columns}")
        return
    off = outside(taken, expected.delay)
    text = f"labels came not within {expected.delay.low:g} to {expected.delay.high:g} seconds"
    yield _bounded("label", "delay", off, len(taken), expected.delay.beyond, text)


def judge_batch(
    expected: Batch, table: pl.DataFrame, label: LabelExpected | None, columns: Mapping[str, Column]
) -> Iterator[Finding]:
    """Hold the rows together against what is expected of them."""
    rows = table.height
    least, some = expected.least_fail, expected.least_warn
    if least is not None or some is not None:
        few = least is not None and rows < least
        state = "failed" if few else "warning" if rows < (some or 0) else "passed"
        bounds = [f"{what} under {n:,}" for what, n in (("fail", least), ("warning", some)) if n]
        yield _told("batch", "rows", state, rows, 0, f"{rows:,} rows; {', '.join(bounds)}")
    if expected.duplicates is not None:
        yield _duplicates(expected.duplicates, table, _compared(label, columns))


def _compared(label: LabelExpected | None, columns: Mapping[str, Column]) -> list[str]:
    """Return the columns in which rows sent twice are equal: ids may differ."""
    of_label = [] if label is None else [label.column, label.time, label.known]
    return [n for n in of_label if n] + [n for n, each in columns.items() if each.repeated is None]


def _duplicates(bound: Bound, table: pl.DataFrame, columns: list[str]) -> Finding:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        return _unmeasured("batch", "duplicates", f"rows lack {', '.join(missing)}")
    hits = doubled_rows(table.select(columns))
    return _bounded("batch", "duplicates", hits, table.height, bound, "rows equal an earlier one")


def _ranges(
    name: str, near: Range | None, far: Range | None, values: pl.Series
) -> Iterator[Finding]:
    for test, expected in (("range", near), ("far", far)):
        if expected is not None:
            off = outside(values, expected)
            text = f"values outside {expected.low:g} to {expected.high:g}"
            yield _bounded(name, test, off, len(values), expected.beyond, text)


def _same(name: str, bound: Bound | None, values: pl.Series) -> Iterator[Finding]:
    if bound is not None and len(values):
        top, hits = most_frequent(values)
        yield _bounded(name, "same", hits, len(values), bound, f"rows hold one value, {top}")


def _classes(expected: LabelExpected, labels: pl.Series) -> Iterator[Finding]:
    found = texts(labels)
    for name, part in expected.classes.items():
        yield _part(name, part, int((found == name).sum()), len(found))
    if expected.new is not None:
        strange = unknown(labels, tuple(expected.classes))
        text = "labels of no known class"
        yield _bounded("label", "new", strange, len(found), expected.new, text)


def _part(name: str, part: Part, hits: int, rows: int) -> Finding:
    failed = part.fail is not None and below(hits, rows, part.fail)
    off = failed or below(hits, rows, part.low) or above(hits, rows, part.high)
    text = (
        f"{_counted(hits, rows)} are {name}; expected {_percent(part.low)} to {_percent(part.high)}"
    )
    return _told("label", "share", _VERDICTS[failed] if off else "passed", rows, hits, text)


def _bounded(
    subject: str,
    test: str,
    off: int | pl.Series,
    rows: int,
    bound: Bound,
    text: str,
    seen: pl.Series | None = None,
) -> Finding:
    hits = off if isinstance(off, int) else len(off)
    seen = seen if isinstance(off, int) else off
    failed = bound.fail is not None and above(hits, rows, bound.fail)
    warned = bound.warn is not None and above(hits, rows, bound.warn)
    bounds = (("fail", bound.fail), ("warning", bound.warn))
    limits = ", ".join(f"{what} above {_percent(b)}" for what, b in bounds if b is not None)
    state = _VERDICTS[failed] if failed or warned else "passed"
    shown = () if seen is None or state == "passed" else examples(seen)
    return _told(
        subject, test, state, rows, hits, f"{_counted(hits, rows)} {text}; {limits}", shown
    )


def _told(
    subject: str,
    test: str,
    state: str,
    rows: int,
    hits: int,
    text: str,
    seen: tuple[str, ...] = (),
) -> Finding:
    return Finding(
        subject=subject,
        test=test,
        state=state,
        rows=rows,
        hits=hits,
        text=text,
        examples=seen,
        advice="" if state == "passed" else ADVICE[test],
    )


def _unmeasured(subject: str, test: str, text: str) -> Finding:
    return Finding(subject=subject, test=test, state="unmeasured", rows=0, hits=0, text=text)


def absent(name: str, *, partial: bool) -> Finding:
    """Tell of a column that the table lacks."""
    if partial:
        return _unmeasured(name, "column", "is not among the columns at hand")
    return _told(name, "column", "failed", 0, 0, "is not there")


def _counted(hits: int, rows: int) -> str:
    return f"{hits:,} of {rows:,} ({_percent(hits / rows if rows else 0.0)})"


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"
