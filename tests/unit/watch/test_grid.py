"""Cells of columns, and the cells that values fall into."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from ostinato.watch.cells import MOST_KNOWN, CategoryCells, NumberCells
from ostinato.watch.counting import coder_of
from ostinato.watch.grid import fit_grid


def counted(grid, column):
    """Rows in the cells of the first column of a grid."""
    cells = grid.columns[0]
    found = [block.cells.copy() for block in coder_of(cells).blocks(column)]
    return np.bincount(np.concatenate(found), minlength=cells.size)


def fitted(values, **kwargs):
    frame = pl.DataFrame({"x": values}, strict=False)
    return fit_grid(frame, ["x"], **kwargs)


def expected(cells, values):
    """The same by a search among the borders."""
    known = np.asarray(values, dtype=np.float64)
    found = np.searchsorted(np.array(cells.borders), known, side="right")
    found[np.isnan(known)] = cells.missing
    return np.bincount(found, minlength=cells.size)


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: rng.normal(size=40_000),
        lambda rng: np.exp(rng.normal(size=40_000) * 3),
        lambda rng: 1e9 + rng.normal(size=40_000),
        lambda rng: -rng.pareto(0.7, 40_000),
        lambda rng: rng.uniform(-1e-12, 1e-12, 40_000),
        lambda rng: rng.integers(-3, 30, 40_000).astype(float),
        lambda rng: np.where(rng.random(40_000) < 0.6, 0.0, rng.normal(1000, 1, 40_000)),
        lambda rng: rng.choice([1e300, -1e300, 5.0], 40_000),
    ],
)
def test_counts_are_those_of_a_search_among_the_borders(draw):
    rng = np.random.default_rng(3)
    grid = fitted(draw(rng))
    current = np.concatenate([draw(rng) * 1.3, [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e308, -1e308]])
    cells = grid.columns[0]
    assert isinstance(cells, NumberCells)
    if cells.starts:  # codes know no more than 32 bits of the distance to the centre
        current = np.where(abs(current) == 1e308, 1e37, current)
    assert counted(grid, pl.Series("x", current)).tolist() == expected(cells, current).tolist()


def test_cells_hold_about_equal_parts_of_the_reference():
    values = np.random.default_rng(0).normal(size=50_000)
    grid = fitted(values, cells=32)
    cells = grid.columns[0]
    inside = counted(grid, pl.Series("x", values))[slice(*cells.inside)]
    assert inside.sum() == 50_000
    assert len(inside) == 32
    assert inside[3:-3].min() > 50_000 / 28 * 0.7
    assert inside.max() < 50_000 / 28 * 1.3
    assert max(inside[0], inside[-1]) < 50_000 / 28 / 8  # thin ones at the ends


def test_two_heaps_far_from_each_other_are_both_resolved():
    rng = np.random.default_rng(1)
    values = np.concatenate([np.zeros(30_000), rng.normal(1e6, 1, 20_000)])
    grid = fitted(values)
    inside = counted(grid, pl.Series("x", values))
    assert np.sort(inside)[-2] < 2_000  # the second heap is cut into many cells
    assert inside.max() == 30_000


def test_each_of_a_few_values_has_a_cell_of_its_own():
    grid = fitted([0, 1, 1, 2, 2, 2, None])
    cells = grid.columns[0]
    counts = counted(grid, pl.Series("x", [0, 1, 2, 2, None], dtype=pl.Int64))
    assert counts[slice(*cells.inside)].tolist() == [1, 1, 2]
    assert counts[cells.missing] == 1


def test_values_beyond_the_range_and_infinities_have_cells_of_their_own():
    grid = fitted(np.linspace(0, 1, 1001))
    cells = grid.columns[0]
    counts = counted(grid, pl.Series("x", [-0.1, 0.5, 1.2, 3.0, 99.0, np.inf, -np.inf]))
    assert counts[cells.outside].sum() == 6
    assert counts[0] == counts[cells.missing - 1] == 1


def test_null_and_nan_are_one():
    grid = fitted([1.0, 2.0, 3.0])
    cells = grid.columns[0]
    column = pl.Series("x", [1.0, None, float("nan"), -float("nan")], strict=False)
    assert counted(grid, column)[cells.missing] == 3


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (pl.Int8, [-128, 0, 127, None]),
        (pl.UInt64, [0, 2**63, 2**64 - 1, None]),
        (pl.Int64, [-(2**62), 5, 2**62, None]),
        (pl.Int128, [-(2**100), 5, 2**100, None]),
        (pl.Float32, [0.1, 0.2, 0.3, None]),
        (pl.Date, [date(1800, 1, 1), date(2020, 1, 2), date(9999, 1, 1), None]),
        (
            pl.Datetime("ms", "UTC"),
            [
                datetime(1970, 1, 1, tzinfo=UTC),
                datetime(2020, 1, 1, tzinfo=UTC),
                datetime(2021, 1, 1, tzinfo=UTC),
                None,
            ],
        ),
        (pl.Duration("us"), [timedelta(0), timedelta(1), timedelta(900), None]),
        (pl.Decimal(10, 2), ["1.50", "2.25", "3.75", None]),
    ],
)
def test_any_type_of_number_is_counted(dtype, values):
    column = pl.Series("x", values)
    column = column.cast(dtype)
    grid = fit_grid(column.to_frame(), ["x"])
    cells = grid.columns[0]
    assert isinstance(cells, NumberCells)
    counts = counted(grid, column)
    assert counts[slice(*cells.inside)].tolist() == [1, 1, 1]
    assert counts[cells.missing] == 1


def test_times_in_other_units_are_the_same_times():
    moments = [datetime(2024, 1, day, tzinfo=UTC) for day in range(1, 20)]
    grid = fit_grid(pl.DataFrame({"x": pl.Series(moments, dtype=pl.Datetime("ns", "UTC"))}), ["x"])
    cells = grid.columns[0]
    for dtype in (pl.Datetime("ms", "UTC"), pl.Datetime("us", "UTC"), pl.Date):
        assert counted(grid, pl.Series("x", moments).cast(dtype))[slice(*cells.inside)].sum() == 19


def test_categories_have_cells_for_frequent_values_the_rest_and_new_ones():
    grid = fitted([f"v{k}" for k in range(100) for _ in range(200 - k)])
    cells = grid.columns[0]
    assert isinstance(cells, CategoryCells)
    counts = counted(grid, pl.Series("x", ["v0", "v0", "v62", "v63", "v99", "other", None]))
    assert counts[0] == 2
    assert counts[62] == 1
    assert counts[cells.rest : cells.missing + 1].tolist() == [2, 1, 1]


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical, pl.Enum(["new", "a", "b", "c"])])
def test_text_and_coded_categories_count_alike(dtype):
    grid = fitted(["a", "b", "b", None])
    column = pl.Series("x", ["a", "b", "c", None, "new", "a"], dtype=pl.String).cast(dtype)
    cells = grid.columns[0]
    counts = counted(grid, column)
    assert counts[:2].tolist() == [1, 2]  # the most frequent of the reference comes first
    assert counts[[cells.new, cells.missing]].tolist() == [2, 1]


def test_new_values_come_with_examples():
    grid = fitted(["a", "b"])
    blocks = list(coder_of(grid.columns[0]).blocks(pl.Series("x", ["a", "z", "y", "z"])))
    assert blocks[0].examples == ("z", "y")


def test_truth_values_are_categories():
    grid = fitted([True, False, True, None])
    cells = grid.columns[0]
    counts = counted(grid, pl.Series("x", [True, None, False, False]))
    assert cells.values == ("true", "false")
    assert counts[[0, 1, cells.missing]].tolist() == [1, 2, 1]


def test_many_known_values_are_all_known():
    known = [f"id {k}" for k in range(5_000)]
    grid = fitted([*known, *["id 7"] * 30])
    cells = grid.columns[0]
    counts = counted(grid, pl.Series("x", [*known, "id x"]))
    assert cells.values == ("id 7",)  # the others came too seldom for a cell of their own
    assert counts[cells.new] == 1
    assert counts[cells.rest] == 5_000 - 1


def test_what_is_new_is_not_known_of_a_column_with_too_many_values():
    grid = fitted([f"id {k}" for k in range(MOST_KNOWN + 1)])
    cells = grid.columns[0]
    assert cells.crowded
    assert not cells.others
    counts = counted(grid, pl.Series("x", ["never seen"]))
    assert counts[cells.rest] == 1


def test_a_column_without_values_still_counts_what_is_missing():
    for dtype in (pl.Null, pl.Float64, pl.String, pl.List(pl.Float64)):
        grid = fit_grid(pl.DataFrame({"x": pl.Series([None, None], dtype=dtype)}), ["x"])
        cells = grid.columns[0]
        counts = counted(grid, pl.Series("x", [1.0, None]))
        assert counts[[cells.new, cells.missing]].tolist() == [1, 1]


def test_values_of_another_type_are_read_or_counted_as_unreadable():
    grid = fitted([1.0, 2.0, 3.0])
    cells = grid.columns[0]
    counts = counted(grid, pl.Series("x", ["2", " 3.0", "many", None]))
    assert counts[slice(*cells.inside)].tolist() == [0, 1, 1]
    assert counts[[cells.missing, cells.missing + 1]].tolist() == [1, 1]
    nested = counted(grid, pl.Series("x", [[1], None]))
    assert nested[[cells.missing, cells.missing + 1]].tolist() == [1, 1]


def test_vectors_are_watched_by_their_length_and_some_projections():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(500, 8))
    frame = pl.DataFrame({"x": pl.Series(vectors.tolist(), dtype=pl.List(pl.Float64))})
    grid = fit_grid(frame, ["x"])
    assert grid.names == ("x[norm]", "x[1]", "x[2]", "x[3]", "x[4]")
    norms = np.linalg.norm(vectors, axis=1)
    cells = grid.columns[0]
    assert cells.borders[cells.inside[0] - 1] <= norms.min()
    arrays = frame["x"].cast(pl.Array(pl.Float32, 8))
    assert counted(grid, arrays)[slice(*cells.inside)].sum() == 500
    odd = pl.Series("x", [[1.0] * 8, [1.0], None], dtype=pl.List(pl.Float64))
    assert counted(grid, odd)[[cells.missing, cells.missing + 1]].tolist() == [1, 1]


def test_what_cannot_be_counted_is_said():
    frame = pl.DataFrame(
        {
            "s": [{"a": 1}],
            "words": [["a", "b"]],
            "ragged": pl.Series([[1.0, 2.0]]),
            "b": [b"x"],
        }
    )
    ragged = pl.concat([frame, frame.with_columns(ragged=pl.Series([[1.0]]))])
    grid = fit_grid(ragged, ["s", "words", "ragged", "b", "gone"])
    reasons = dict(grid.unmeasured)
    assert not grid.columns
    assert reasons["ragged"] == "lists are of several lengths"
    assert reasons["gone"] == "the reference has no such column"
    assert set(reasons) == {"s", "words", "ragged", "b", "gone"}


def test_a_grid_is_known_by_its_digest():
    values = np.random.default_rng(0).normal(size=1000)
    assert fitted(values).digest == fitted(values).digest != fitted(values + 1).digest


@pytest.mark.parametrize("values", [[], [5.0], [5.0, 5.0, 5.0], [np.inf, 1.0], [np.inf]])
def test_references_with_hardly_any_values_work(values):
    grid = fitted(pl.Series("x", values, dtype=pl.Float64))
    counts = counted(grid, pl.Series("x", [5.0, 6.0, -6.0, None]))
    assert counts.sum() == 4
