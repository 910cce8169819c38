"""What a feature is: a transform of a row, a look-up, or an aggregate over a window of events.

Each is declared once and carried out in two ways, for one request and over all of history.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Final, Literal

import polars as pl

from ostinato.core.canonical import digest
from ostinato.core.errors import ConfigError
from ostinato.features.sources import Source, check_name

Default = float | int | bool | str | None

AggregateKind = Literal[
    "count",
    "sum",
    "mean",
    "min",
    "max",
    "last",
    "rate",
    "distinct",
    "quantile",
    "decayed_mean",
]

EPOCHS: Final = 64
"""Half-lives that a decayed mean looks back: what is older weighs less than 2^-64."""


@dataclass(frozen=True, slots=True, eq=False)
class Expr:
    """A feature made of a request's columns by a Polars expression, row by row.

    Parameters
    ----------
    name
        Of the feature.
    expression
        Of columns of the request; the value of a row must not depend on other rows.
    default
        Stands for a missing value, in training and serving alike.

    Examples
    --------
    >>> Expr("is_weekend", pl.col("weekday") >= 6).inputs
    ('weekday',)
    """

    name: str
    expression: pl.Expr
    _: KW_ONLY
    default: Default = None

    def __post_init__(self) -> None:
        check_name(self.name, "Expr(name)")
        if not isinstance(self.expression, pl.Expr):
            raise ConfigError(
                f"Expr({self.name!r}) has no expression",
                found=repr(self.expression),
                expected='a Polars expression such as pl.col("weekday") >= 6',
            )
        if not self.inputs:
            raise ConfigError(
                f"Expr({self.name!r}) names no column",
                found=str(self.expression),
                expected='columns of the request by name, such as pl.col("weekday")',
            )

    @property
    def inputs(self) -> tuple[str, ...]:
        """Columns of the request that it reads."""
        return tuple(dict.fromkeys(self.expression.meta.root_names()))

    @property
    def version(self) -> str:
        """Digest of the definition."""
        return digest(["expr", self.name, definition_of(self.expression), self.default])


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A feature made of a request's columns by a Python function, one row at a time.

    Parameters
    ----------
    name
        Of the feature.
    function
        Takes the values of `inputs` in order (None: missing), returns a number, text, truth value
        or None. It must depend on them alone.
    inputs
        Columns of the request.
    default
        Stands for a missing value.
    """

    name: str
    function: Callable[..., Any]
    _: KW_ONLY
    inputs: Sequence[str]
    default: Default = None

    def __post_init__(self) -> None:
        check_name(self.name, "Function(name)")
        object.__setattr__(self, "inputs", _columns(self.inputs, f"Function({self.name!r})"))
        if not callable(self.function):
            raise ConfigError(
                f"Function({self.name!r}) has no function",
                found=repr(self.function),
                expected="a callable that takes the inputs in order",
            )

    @property
    def version(self) -> str:
        """Digest of the definition: its source text, or its code where there is none."""
        return digest(["function", self.name, _code(self.function), self.inputs, self.default])


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """A feature read from a reference table, as of the time of the request.

    Parameters
    ----------
    name
        Of the feature.
    table
        A path, a table of anything Narwhals reads, or a function that returns one.
    key
        Column of the request, or several; or request's column -> table's column.
    column
        Column of the table with the value.
    valid_from, valid_to
        Columns with the times from which on (inclusive) and up to which (exclusive, null: no end) a
        row holds. Without `valid_from` a row holds always, and keys must be unique.
    default
        Stands for a missing value.
    """

    name: str
    _: KW_ONLY
    table: Any = field(compare=False, repr=False)
    key: str | Sequence[str] | Mapping[str, str]
    column: str
    valid_from: str | None = None
    valid_to: str | None = None
    default: Default = None

    def __post_init__(self) -> None:
        check_name(self.name, "Lookup(name)")
        check_name(self.column, f"Lookup({self.name!r}, column=...)")
        object.__setattr__(self, "key", _pairs(self.key, f"Lookup({self.name!r}, key=...)"))
        if self.valid_to is not None and self.valid_from is None:
            raise ConfigError(
                f"Lookup({self.name!r}) has an end of validity and no beginning",
                found=f"valid_to={self.valid_to!r}",
                expected="valid_from=... as well",
            )

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """(request's column, table's column) of the key."""
        return self.key  # type: ignore[return-value] # made of whatever was given

    @property
    def inputs(self) -> tuple[str, ...]:
        """Columns of the request that it reads."""
        return tuple(mine for mine, _ in self.pairs)

    @property
    def version(self) -> str:
        """Digest of the definition; the content of the table is none of it."""
        parts = [self.pairs, self.column, self.valid_from, self.valid_to, self.default]
        return digest(["lookup", self.name, *parts])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aggregate:
    """A feature that sums up the events of a key in a window before the request.

    Made by `count`, `sum`, `mean`, ...; what each means to the bit is in
    ``docs/concepts/features.md``.

    Parameters
    ----------
    name
        Of the feature.
    kind
        Which aggregate.
    source
        Of the events.
    column
        Column of the source, or an expression of columns; None: the events themselves.
    by
        (request's column, source's column) of the key.
    window_ns, hop_ns
        Nanoseconds that are looked back, and by which the window's far edge moves.
    where
        Only events for which it is true.
    default
        Stands for a missing value.
    quantile
        In [0, 1], of kind ``"quantile"``.
    per_ns
        Nanoseconds that a ``"rate"`` counts events per.
    exact_to
        Different values that ``"distinct"`` counts exactly.
    logged
        Column of a history with the value as it was served. It says where a value was written down
        and not what it is: no part of the version.
    """

    name: str
    kind: AggregateKind
    source: Source
    column: str | pl.Expr | None
    by: tuple[tuple[str, str], ...]
    window_ns: int
    hop_ns: int
    where: pl.Expr | None = None
    default: float | None = None
    quantile: float = 0.0
    per_ns: int = 0
    exact_to: int = 0
    logged: str | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Columns of the request that it reads."""
        return tuple(mine for mine, _ in self.by)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the source that it reads."""
        found = [theirs for _, theirs in self.by]
        for part in (self.column, self.where):
            if isinstance(part, pl.Expr):
                found += part.meta.root_names()
            elif part is not None:
                found.append(part)
        return tuple(dict.fromkeys(found))

    @property
    def version(self) -> str:
        """Digest of the definition, with what its source says of times."""
        source = self.source
        timing = [getattr(source, part, None) for part in ("time", "known", "delay")]
        return digest(
            [
                self.name,
                self.kind,
                [source.name, *timing],
                definition_of(self.column),
                self.by,
                [self.window_ns, self.hop_ns],
                definition_of(self.where),
                self.default,
                [self.quantile, self.per_ns, self.exact_to],
            ]
        )


Declared = Expr | Function | Lookup | Aggregate

_PYTHON: Final = ('"AnonymousFunction":', '"callback":')  # how Polars writes Python functions


def text_of(part: str | pl.Expr | None) -> str | None:
    """Write a column or an expression as text that tells it from others.

    What Polars prints of an expression does not: it leaves out how many decimals are kept, and what
    is in the middle of a list. Where a Python function is part of it, the text holds its code, and
    is another one in another process.
    """
    return f"expr:{part.meta.serialize(format='json')}" if isinstance(part, pl.Expr) else part


def definition_of(part: str | pl.Expr | None) -> str | None:
    """Write a column or an expression as text for a digest: the same in every process.

    Python functions in an expression count as one and the same; `Function` tells them apart.
    """
    text = text_of(part)
    if isinstance(part, pl.Expr) and any(mark in str(text) for mark in _PYTHON):
        return f"expr:{part}"
    return text


def _code(function: Callable[..., Any]) -> Any:
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        if code is None:
            return f"{type(function).__module__}.{type(function).__qualname__}"
        return [code.co_code.hex(), repr(code.co_consts), list(code.co_names)]


def _columns(given: Any, what: str) -> tuple[str, ...]:
    found = (given,) if isinstance(given, str) else tuple(given)
    for column in found:
        check_name(column, what)
    if not found:
        raise ConfigError(f"{what} names no column", expected="at least one")
    return found


def _pairs(given: Any, what: str) -> tuple[tuple[str, str], ...]:
    """Read a key: a column, several, or request's column -> the other's."""
    if isinstance(given, Mapping):
        for column in (*given, *given.values()):
            check_name(column, what)
        pairs = tuple(given.items())
    elif given and not isinstance(given, str) and all(isinstance(each, tuple) for each in given):
        pairs = tuple(given)
    else:
        pairs = tuple((column, column) for column in _columns(given or (), what))
    if not pairs:
        raise ConfigError(f"{what} names no column", expected="at least one")
    return pairs


pairs_of = _pairs
