"""All features of a plan that follow from the row itself, for tables and for single rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from ostinato.core.errors import DataError
from ostinato.core.records import Ints
from ostinato.features.declared import Expr, Function, Lookup
from ostinato.features.kinds import DTYPES
from ostinato.features.plan import FeaturePlan
from ostinato.features.rows.expressions import Expressions
from ostinato.features.rows.functions import Functions
from ostinato.features.rows.inputs import frame_of, in_kind, in_kinds, odd_rows
from ostinato.features.rows.lookups import Reference
from ostinato.features.rows.outputs import Value


class RowFeatures:
    """Computes the row features of a plan; make it with `row_features`.

    Parameters
    ----------
    plan
        The features.
    types
        Of the request's columns, in their kinds.
    kinds
        Of the request's columns that JSON can carry, and of features where known.
    """

    def __init__(
        self, plan: FeaturePlan, types: Mapping[str, pl.DataType], kinds: Mapping[str, str]
    ) -> None:
        self.names = tuple(each.name for each in plan.rows)
        self.inputs = plan.inputs
        self._kinds = kinds
        self._expressions = Expressions([e for e in plan.rows if isinstance(e, Expr)], types)
        functions = [each for each in plan.rows if isinstance(each, Function)]
        self._functions = [Functions(each, kinds) for each in functions]
        lookups = [each for each in plan.rows if isinstance(each, Lookup)]
        self._references = [Reference(each, kinds) for each in lookups]
        self._reads = tuple(dict.fromkeys(c for each in plan.rows for c in each.inputs))
        places = {name: place for place, name in enumerate(self._reads)}
        self._places = [(plan.inputs.index(name), kinds.get(name)) for name in self._reads]
        self._expression_places = [places[name] for name in self._expressions.columns]
        self._function_places = [[places[c] for c in each.inputs] for each in functions]
        self._lookup_places = [[places[c] for c in each.inputs] for each in lookups]
        made = [*(e.name for e in self._expressions.features), *(e.name for e in functions)]
        made += [each.name for each in lookups]
        self._order = [made.index(name) for name in self.names]

    def table(self, requests: pl.DataFrame, times_ns: Ints, *, check: bool = False) -> pl.DataFrame:
        """Compute the features of all rows of a table.

        Parameters
        ----------
        requests
            Rows with at least the plan's inputs.
        times_ns
            (n,) when each was asked for.
        check
            Whether to make sure that no expression looks at other rows.

        Returns
        -------
        DataFrame
            A column per feature, in the plan's order: Float64, Int64, Boolean or String.

        Raises
        ------
        InputError
            If a row cannot be computed; with `check`, if an expression depends on other rows.
        """
        frame = in_kinds(requests, self._reads, self._kinds)
        expressed = self._expressed_table(frame, check=check) if self._expressions.features else []
        called = [each.table(frame) for each in self._functions]
        looked = [each.table(frame, times_ns) for each in self._references]
        made = [*expressed, *called, *looked]
        return pl.DataFrame([made[place] for place in self._order])

    def _expressed_table(self, frame: pl.DataFrame, *, check: bool) -> list[pl.Series]:
        """Compute the expressions together, odd rows apart: types follow from the row alone."""
        odd = odd_rows(frame, self._kinds)
        alone = np.flatnonzero(odd).tolist()
        even = frame if not alone else in_kinds(frame.filter(~odd), frame.columns, self._kinds)
        found = self._expressions.table(even)
        if check:
            self._expressions.check_rows(even, found)
        if not alone:
            return found
        rows = [in_kinds(frame[row : row + 1], frame.columns, self._kinds) for row in alone]
        parts = [pl.DataFrame(found), *(pl.DataFrame(self._expressions.odd(r)) for r in rows)]
        back = np.argsort(np.concatenate([np.flatnonzero(~odd), alone]))
        return pl.concat(parts, how="vertical_relaxed")[back].get_columns()

    def rows(
        self, rows: Sequence[Sequence[Any]], times_ns: Sequence[int]
    ) -> list[tuple[Value, ...] | DataError]:
        """Compute the features of single rows.

        Parameters
        ----------
        rows
            Values of the plan's inputs, in order, as JSON gave them.
        times_ns
            When each was asked for.

        Returns
        -------
        list
            A tuple per row, in the order of `names`; for a row that cannot be computed, why.
        """
        if not rows:
            return []
        given = [tuple([in_kind(row[at], kind) for at, kind in self._places]) for row in rows]
        expressed = self._expressed(given)
        return [
            before if isinstance(before, DataError) else self._rest(row, time_ns, before)
            for row, time_ns, before in zip(given, times_ns, expressed, strict=True)
        ]

    def _expressed(self, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Value, ...] | DataError]:
        """Compute the expressions together; one by one where a row is odd or fails."""
        if not self._expressions.features:
            return [()] * len(rows)
        picked = [tuple([row[place] for place in self._expression_places]) for row in rows]
        odd = any(map(self._is_odd, picked))
        if odd and len(rows) > 1:
            return [one for row in rows for one in self._expressed([row])]
        frame = frame_of(picked, self._expressions.columns, self._kinds)
        try:
            found = self._expressions.odd(frame) if odd else self._expressions.table(frame)
        except DataError as error:
            if len(rows) == 1:
                return [error]
            return [one for row in rows for one in self._expressed([row])]
        return list(zip(*(column.to_list() for column in found), strict=True))

    def _is_odd(self, row: tuple[Any, ...]) -> bool:
        """Say whether a column of integers holds a number that is not whole."""
        return any(
            isinstance(value, float) and self._kinds.get(name) == "integer"
            for value, name in zip(row, self._expressions.columns, strict=True)
        )

    def _rest(
        self, row: tuple[Any, ...], time_ns: int, before: tuple[Value, ...]
    ) -> tuple[Value, ...] | DataError:
        try:
            called = [
                each.row([row[place] for place in places])
                for each, places in zip(self._functions, self._function_places, strict=True)
            ]
        except DataError as error:
            return error
        looked = [
            each.row([row[place] for place in places], time_ns)
            for each, places in zip(self._references, self._lookup_places, strict=True)
        ]
        made = (*before, *called, *looked)
        return tuple([made[place] for place in self._order])


def row_features(
    plan: FeaturePlan, kinds: Mapping[str, str], *, types: Mapping[str, pl.DataType] | None = None
) -> RowFeatures:
    """Make ready to compute the row features of a plan; reference tables are read.

    Parameters
    ----------
    plan
        The features.
    kinds
        What the plan's inputs hold, one of `ostinato.features.sources.KINDS`; of functions what
        they give, as it was found over history.
    types
        Types of inputs that JSON cannot carry, such as times; a table may have them.

    Raises
    ------
    InputError
        If an expression does not fit the inputs, or a reference table cannot be used.
    """
    known = {name: DTYPES[kinds[name]]() for name in plan.inputs if name in kinds}
    return RowFeatures(plan, {**(types or {}), **known}, kinds)
