"""Expressions carried out by Polars, on whole tables and on the few rows of one turn alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from ostinato.core.errors import ConfigError, DataError
from ostinato.features.alone import sampled_rows
from ostinato.features.declared import Expr
from ostinato.features.kinds import kind_of_type
from ostinato.features.rows.outputs import finished_column, finished_expression, kind_with


class Expressions:
    """The expressions of a plan, all computed at once.

    Parameters
    ----------
    features
        Their declarations.
    types
        Of the request's columns, in their kinds.

    Raises
    ------
    ConfigError
        If an expression does not fit the columns, or gives what no model takes.
    """

    def __init__(self, features: Sequence[Expr], types: Mapping[str, pl.DataType]) -> None:
        self.features = tuple(features)
        self.columns = tuple(dict.fromkeys(c for each in features for c in each.inputs))
        found = {each.name: _type(each, types) for each in features}
        self.kinds = {each.name: _kind(each, found[each.name]) for each in features}
        self._all = [each.expression.alias(each.name) for each in features]
        # One call of Polars for all that is done to a row: each call costs more than the row.
        self._finished = [
            finished_expression(
                each.expression, found[each.name], self.kinds[each.name], each.default
            ).alias(each.name)
            for each in features
        ]

    def table(self, frame: pl.DataFrame) -> list[pl.Series]:
        """Return a column per feature for rows whose columns are in their kinds.

        Raises
        ------
        DataError
            If a row cannot be computed.
        """
        found = self._computed(frame, self._finished)
        return [found[each.name] for each in self.features]

    def odd(self, frame: pl.DataFrame) -> list[pl.Series]:
        """Do the same for a row with columns of other types than their kinds say."""
        found = self._computed(frame, self._all)
        return [
            finished_column(found[each.name], self.kinds[each.name], each.default)
            for each in self.features
        ]

    def _computed(self, frame: pl.DataFrame, expressions: list[pl.Expr]) -> pl.DataFrame:
        try:
            return frame.with_columns(expressions)
        except pl.exceptions.PolarsError as error:
            raise self._blame(frame) or error from error

    def _blame(self, frame: pl.DataFrame) -> DataError | None:
        """Find the expression that fails."""
        for each, expression in zip(self.features, self._all, strict=True):
            try:
                frame.with_columns(expression)
            except pl.exceptions.PolarsError as error:
                return DataError(
                    f"The feature {each.name!r} cannot be computed",
                    found=f"{str(error).splitlines()[0]} ({_inputs(each, frame)})",
                    expected=f"columns that fit {each.expression}",
                )
        return None

    def check_rows(self, frame: pl.DataFrame, together: Sequence[pl.Series]) -> None:
        """Refuse expressions whose value of a row depends on other rows.

        Parameters
        ----------
        frame, together
            Rows, and what `table` gave for all of them.

        Raises
        ------
        ConfigError
            If a sampled row computed alone has another value.
        """
        if not frame.height:
            return
        for row in sampled_rows(frame.select(self.columns)).tolist():
            alone = self.table(frame[row : row + 1])
            for each, one, all_rows in zip(self.features, alone, together, strict=True):
                if not one.equals(all_rows[row : row + 1]):
                    raise ConfigError(
                        f"The feature {each.name!r} depends on other rows than its own",
                        found=f"{each.expression}: {one[0]!r} for row {row} alone, "
                        f"{all_rows[row]!r} among the others",
                        expected="a value that follows from the row's own columns",
                        hint="Windows over events (ostinato.features.mean and the like) look at "
                        "what was known before.",
                    )


def _type(feature: Expr, types: Mapping[str, pl.DataType]) -> pl.DataType:
    unknown = [name for name in feature.inputs if name not in types]
    if unknown:
        raise ConfigError(
            f"The feature {feature.name!r} reads columns that no request can carry",
            found=", ".join(unknown),
            expected="columns of numbers, truth values or text",
            hint="Times and the like cannot be given over HTTP: derive numbers from them.",
        )
    empty = pl.DataFrame(schema={name: types[name] for name in feature.inputs})
    try:
        return empty.select(feature.expression.alias(feature.name)).schema[feature.name]
    except pl.exceptions.PolarsError as error:
        raise ConfigError(
            f"The feature {feature.name!r} does not fit the request's columns",
            found=f"{feature.expression}: {str(error).splitlines()[0]}",
            expected=", ".join(f"{name} ({types[name]})" for name in feature.inputs),
        ) from error


def _kind(feature: Expr, dtype: pl.DataType) -> str:
    kind = kind_of_type(dtype)
    if kind is None:
        raise ConfigError(
            f"The feature {feature.name!r} gives what no model takes",
            found=f"{feature.expression} is {dtype}",
            expected="numbers, truth values or text",
            hint="Derive one of them from it, such as .dt.hour().",
        )
    return kind_with(feature.name, kind, feature.default)


def _inputs(feature: Expr, frame: pl.DataFrame) -> str:
    first = frame.select(feature.inputs).row(0, named=True)
    return "first row: " + ", ".join(f"{name}={value!r}" for name, value in first.items())
