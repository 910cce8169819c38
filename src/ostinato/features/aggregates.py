"""Constructors of windowed features: `count`, `sum`, `mean` and the others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, TypedDict, Unpack

import polars as pl

from ostinato.core.errors import ConfigError
from ostinato.core.units import duration_ns, format_duration
from ostinato.features.declared import EPOCHS, Aggregate, AggregateKind, pairs_of
from ostinato.features.hops import default_hop
from ostinato.features.sources import Events, Labels, Outcomes, Requests, Source, check_name

By = str | Sequence[str] | Mapping[str, str]
"""Columns of the request that say whose events count, or request's column -> source's column."""

Column = str | pl.Expr
"""A column of the source, or an expression of columns."""


class DecayOptions(TypedDict, total=False):
    """What every aggregate can be told besides.

    Parameters
    ----------
    where
        Only events for which it is true.
    default
        Stands for a missing value, in training and serving alike.
    name
        Of the feature; default: source, column, aggregate, window and key.
    logged
        Column of a history that holds the value as it was served. A replay serves what stands
        there, and compares it with what the definition gives (`Parity`).
    """

    where: pl.Expr | None
    default: float | None
    name: str | None
    logged: str | None


class Options(DecayOptions, total=False):
    """The same, and `hop`: by how much the far edge of the window moves (`default_hop`)."""

    hop: str | None


def count(
    source: Source,
    column: Column | None = None,
    *,
    by: By,
    window: str,
    **options: Unpack[Options],
) -> Aggregate:
    """Count the events of a key in a window, or those whose `column` has a value; 0 if none."""
    return _make("count", source, column, by, window, options)


def sum(  # noqa: A001 - the field's word
    source: Source,
    column: Column,
    *,
    by: By,
    window: str,
    **options: Unpack[Options],
) -> Aggregate:
    """Sum a column over the events of a key in a window, exactly; 0 if there are none."""
    return _make("sum", source, column, by, window, options)


def mean(
    source: Source,
    column: Column,
    *,
    by: By,
    window: str,
    **options: Unpack[Options],
) -> Aggregate:
    """Average a column over the events of a key in a window; missing if there are none."""
    return _make("mean", source, column, by, window, options)


def min(  # noqa: A001 - the field's word
    source: Source,
    column: Column,
    *,
    by: By,
    window: str,
    **options: Unpack[Options],
) -> Aggregate:
    """Take the smallest value of a column in a window; missing if there is none."""
    return _make("min", source, column, by, window, options)


def max(  # noqa: A001 - the field's word
    source: Source,
    column: Column,
    *,
    by: By,
    window: str,
    **options: Unpack[Options],
) -> Aggregate:
    """Take the largest value of a column in a window; missing if there is none."""
    return _make("max", source, column, by, window, options)


def last(
    source: Source,
    column: Column,
    *,
    by: By,
    window: str,
    **options: Unpack[Options],
) -> Aggregate:
    """Take the value of the newest event that has one; missing if there is none."""
    return _make("last", source, column, by, window, options)


def rate(
    source: Source,
    *,
    by: By,
    window: str,
    per: str = "1h",
    **options: Unpack[Options],
) -> Aggregate:
    """Count the events of a key in a window per `per` of time; 0 if there are none."""
    per_ns = duration_ns(per, name="per")
    return _make("rate", source, None, by, window, options, per_ns=per_ns)


def distinct(
    source: Source,
    column: Column,
    *,
    by: By,
    window: str,
    exact_to: int = 256,
    **options: Unpack[Options],
) -> Aggregate:
    """Count different values of a column: exactly up to `exact_to`, above it estimated.

    The `exact_to` smallest hashes are kept ("k minimum values", Bar-Yossef et al. 2002); the
    relative standard error above is about 1 / sqrt(exact_to - 2), 6 % for 256.
    """
    if isinstance(exact_to, bool) or not isinstance(exact_to, int) or not 2 <= exact_to <= 65_536:
        raise ConfigError(
            "distinct(exact_to=...) is out of range", found=exact_to, expected="2 to 65,536"
        )
    return _make("distinct", source, column, by, window, options, exact_to=exact_to)


def quantile(
    source: Source,
    column: Column,
    q: float,
    *,
    by: By,
    window: str,
    **options: Unpack[Options],
) -> Aggregate:
    """Take a quantile of a column, within 0.8 % of its value; missing if there are no values."""
    if not isinstance(q, int | float) or not 0 <= q <= 1:
        raise ConfigError("quantile(q) is out of range", found=repr(q), expected="0 to 1")
    return _make("quantile", source, column, by, window, options, quantile=float(q))


def decayed_mean(
    source: Source,
    column: Column,
    *,
    by: By,
    half_life: str,
    **options: Unpack[DecayOptions],
) -> Aggregate:
    """Average a column, each event weighing half as much a `half_life` later; missing if none."""
    half_life_ns = duration_ns(half_life, name="half_life")
    _check_options("decayed_mean(...)", options, DecayOptions)
    spans = (EPOCHS * half_life_ns, half_life_ns)
    return _aggregate("decayed_mean", source, column, by, spans, half_life, options)


def windows(
    source: Source,
    aggregates: Mapping[str, Sequence[str] | str],
    *,
    by: By,
    windows: Sequence[str],
    where: pl.Expr | None = None,
) -> list[Aggregate]:
    """Make many aggregates of one source at once.

    Parameters
    ----------
    source, by, where
        As in `mean`.
    aggregates
        Column -> names of aggregates (count, sum, mean, min, max, last, distinct). The column
        ``"*"`` is the events themselves (count, rate).
    windows
        Durations; each aggregate is made for each.

    Examples
    --------
    >>> landings = Events("landings", time="landed", columns={"carrier": "text", "delay": "number"})
    >>> made = windows(landings, {"delay": ["mean", "max"]}, by="carrier", windows=["1h", "24h"])
    >>> [each.name for each in made][:2]
    ['landings_delay_mean_1h_by_carrier', 'landings_delay_mean_24h_by_carrier']
    """
    made: list[Aggregate] = []
    for column, kinds in aggregates.items():
        for kind in (kinds,) if isinstance(kinds, str) else kinds:
            table = _OF_EVENTS if column == "*" else _OF_COLUMNS
            if kind not in table:
                raise ConfigError(
                    f"windows(...) has an unknown aggregate for {column!r}",
                    found=repr(kind),
                    expected=", ".join(table),
                )
            arguments = (source,) if column == "*" else (source, column)
            made += [
                table[kind](*arguments, by=by, window=window, where=where) for window in windows
            ]
    return made


_OF_EVENTS: Final[dict[str, Any]] = {"count": count, "rate": rate}
_OF_COLUMNS: Final[dict[str, Any]] = {
    "count": count,
    "sum": sum,
    "mean": mean,
    "min": min,
    "max": max,
    "last": last,
    "distinct": distinct,
}


def _make(
    kind: AggregateKind,
    source: Source,
    column: Column | None,
    by: By,
    window: str,
    options: Options,
    **more: Any,
) -> Aggregate:
    window_ns = duration_ns(window, name="window")
    _check_options(f"{kind}(...)", options, Options)
    hop = options.get("hop")
    hop_ns = default_hop(window_ns) if hop is None else duration_ns(hop, name="hop")
    if hop_ns > window_ns:
        raise ConfigError(
            f"{kind}(hop=...) does not fit the window",
            found=f"hop={hop!r}, window={window!r}",
            expected="a hop that is not longer than the window",
        )
    return _aggregate(kind, source, column, by, (window_ns, hop_ns), window, options, **more)


def _aggregate(
    kind: AggregateKind,
    source: Source,
    column: Column | None,
    by: By,
    spans: tuple[int, int],
    span: str,
    options: Any,
    **more: Any,
) -> Aggregate:
    if not isinstance(source, Events | Labels | Requests | Outcomes):
        raise ConfigError(
            f"{kind}(...) has no source",
            found=repr(source),
            expected="Events(...), labels(), requests() or outcomes(...)",
            hint="The source comes first, then the column.",
        )
    if column is not None and not isinstance(column, str | pl.Expr):
        raise ConfigError(
            f"{kind}({source.name}, ...) has no column",
            found=repr(column),
            expected="the name of a column, or a Polars expression",
        )
    if not by:
        raise ConfigError(
            f"{kind}({source.name}, ...) has a window and no key",
            found=f"by={by!r}",
            expected="columns of the request that say whose events count",
        )
    for part in (column, options.get("where")):
        _check_expression(f"{kind}({source.name}, ...)", part)
    pairs = pairs_of(by, f"{kind}({source.name}, by=...)")
    logged = options.get("logged")
    if logged is not None:
        check_name(logged, f"{kind}(logged=...)")
    return Aggregate(
        name=_name(kind, source, column, pairs, span, options, more),
        kind=kind,
        source=source,
        column=column,
        by=pairs,
        window_ns=spans[0],
        hop_ns=spans[1],
        where=options.get("where"),
        default=_default(options.get("default"), f"{kind}(default=...)"),
        logged=logged,
        **more,
    )


def _check_options(what: str, options: Mapping[str, Any], known: type) -> None:
    """Refuse what no aggregate takes: a default that is misspelled would not stand for anything."""
    names = sorted(known.__annotations__)
    for name in options:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            raise ConfigError(
                f"{what} has an unknown option",
                found=f"{name}={options[name]!r}",
                expected=", ".join(names),
                hint=f"Did you mean {near[0]!r}?" if near else None,
            )


def _default(value: Any, name: str) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(
            f"{name} is no number", found=repr(value), expected="a finite number, or None: missing"
        )
    return float(value)


def _check_expression(what: str, part: str | pl.Expr | None) -> None:
    if not isinstance(part, pl.Expr):
        return
    if part.meta.has_multiple_outputs() or not part.meta.root_names():
        raise ConfigError(
            f"{what} has an expression that is not of named columns, or is several",
            found=str(part),
            expected='one expression of columns by name, such as pl.col("delay") > 0',
        )


def _name(
    kind: str,
    source: Source,
    column: Column | None,
    pairs: tuple[tuple[str, str], ...],
    span: Any,
    options: Any,
    more: Mapping[str, Any],
) -> str:
    name, where = options.get("name"), options.get("where")
    if name is not None:
        check_name(name, f"{kind}(name=...)")
        return str(name)
    if where is not None or isinstance(column, pl.Expr):
        raise ConfigError(
            f"{kind}({source.name}, ...) has an expression and no name",
            found=str(where if where is not None else column),
            expected="name=...",
        )
    if kind == "quantile":
        kind = f"q{100 * more['quantile']:g}"
    span = span if isinstance(span, str) else format_duration(duration_ns(span))
    parts = [source.name, *([] if column is None else [column]), kind, span]
    return "_".join([*parts, "by", *(mine for mine, _ in pairs)])
