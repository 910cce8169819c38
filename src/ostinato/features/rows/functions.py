"""Python functions carried out, one row at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from ostinato.core.errors import DataError
from ostinato.features.declared import Function
from ostinato.features.rows.inputs import in_kind
from ostinato.features.rows.outputs import (
    Value,
    column_of,
    finished,
    is_missing,
    kind_of_value,
    kind_with,
    wider,
)


class Functions:
    """A function of a plan.

    Parameters
    ----------
    feature
        Its declaration.
    kinds
        Of the request's columns; of the feature itself where it is known from history.
    """

    def __init__(self, feature: Function, kinds: Mapping[str, str]) -> None:
        self.feature, self.kind = feature, kinds.get(feature.name)
        self._input_kinds = [kinds.get(name) for name in feature.inputs]

    def table(self, frame: pl.DataFrame) -> pl.Series:
        """Return the feature for the rows of a table.

        Raises
        ------
        DataError
            If the function raises, or gives values that do not go together.
        """
        kinds = self._input_kinds
        values = [
            self._call([in_kind(value, kind) for value, kind in zip(row, kinds, strict=True)])
            for row in frame.select(self.feature.inputs).iter_rows()
        ]
        kind = self.kind or self._kind(values)
        return column_of(self.feature.name, [self._finished(value, kind) for value in values], kind)

    def row(self, inputs: Sequence[Any]) -> Value:
        """Return the feature of one row, of its inputs in their kinds.

        Raises
        ------
        DataError
            As `table`.
        """
        value = self._call(inputs)
        kind = self.kind or self._kind([value])
        return self._finished(value, kind)

    def _call(self, inputs: Sequence[Any]) -> Any:
        feature = self.feature
        try:
            value = feature.function(*inputs)
            return value.item() if isinstance(value, np.generic) else value
        except Exception as error:  # a user's function may raise anything
            raise DataError(
                f"The function of the feature {feature.name!r} failed",
                found=f"{type(error).__name__}: {error} ({self._shown(inputs)})",
                expected="a value, or None where it is missing",
            ) from error

    def _shown(self, inputs: Sequence[Any]) -> str:
        pairs = zip(self.feature.inputs, inputs, strict=True)
        return ", ".join(f"{name}={value!r}" for name, value in pairs)

    def _kind(self, values: Sequence[Any]) -> str:
        """Return the kind that holds all values, the default too."""
        kinds = list(dict.fromkeys(self._kind_of(v) for v in values if not is_missing(v)))
        default = self.feature.default
        if not kinds:
            return "number" if default is None else kind_of_value(default)
        found = kinds[0]
        for other in kinds[1:]:
            found = self._wider(found, other)
        return kind_with(self.feature.name, found, default)

    def _kind_of(self, value: Any) -> str:
        try:
            return kind_of_value(value)
        except TypeError as error:
            raise DataError(
                f"The function of the feature {self.feature.name!r} gives what no model takes",
                found=str(error),
                expected="a number, a truth value, text or None",
            ) from error

    def _wider(self, one: str, other: str) -> str:
        try:
            return wider(one, other)
        except TypeError as error:
            raise DataError(
                f"The function of the feature {self.feature.name!r} gives values of several kinds",
                found=str(error),
                expected="numbers and truth values, or text alone",
            ) from error

    def _finished(self, value: Any, kind: str) -> Value:
        if not is_missing(value):
            given = self._kind_of(value)
            fits = self._wider(kind, given) == kind or (kind, given) == ("integer", "number")
            if not fits:
                raise DataError(
                    f"The function of the feature {self.feature.name!r} gives another kind of "
                    "value than it did over history",
                    found=f"{value!r}, of kind {given}",
                    expected=kind,
                )
        return finished(value, kind, self.feature.default)
