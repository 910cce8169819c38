import numpy as np
import polars as pl
import pytest

from ostinato.features.keys import hash_column, hash_value, key_hash, key_hashes


@pytest.mark.parametrize(
    "values",
    [
        [1, -5, 2**60],
        [1.0, 0.5, -0.0, 1e-7, 1e300, float("inf")],
        ["a", "", "1", "é"],
        [True, False],
    ],
)
def test_a_column_and_single_values_have_the_same_hashes(values) -> None:
    hashes, there = hash_column(pl.Series(values))

    assert there.all()
    assert hashes.tolist() == [hash_value(value) for value in values]


def test_an_integer_is_the_same_key_in_a_column_of_floats() -> None:
    assert hash_column(pl.Series([3.0, None]))[0][0] == hash_column(pl.Series([3]))[0][0]


@pytest.mark.parametrize("column", [pl.Series([None, 1.0]), pl.Series(["a", None]).reverse()])
def test_missing_values_are_told(column) -> None:
    assert hash_column(column)[1].tolist() == [False, True]
    assert hash_value(None) is None
    assert hash_value(float("nan")) is None


@pytest.mark.parametrize("dtype", [pl.String, pl.Int64, pl.Float64, pl.Boolean])
def test_an_empty_column_has_no_hashes(dtype) -> None:
    hashes, there = hash_column(pl.Series([], dtype=dtype))

    assert (hashes.dtype, there.dtype, len(hashes)) == (np.uint64, np.bool_, 0)


def test_a_key_of_several_columns_is_the_same_for_a_table_and_a_row() -> None:
    frame = pl.DataFrame({"a": [1, 2, None], "b": ["x", "y", "z"]})

    hashes, there = key_hashes(frame, ["a", "b"])

    assert there.tolist() == [True, True, False]
    assert hashes[:2].tolist() == [key_hash([1, "x"]), key_hash([2, "y"])]
    assert key_hash([None, "z"]) is None
    assert len(np.unique(hashes)) == 3


def test_the_order_of_a_key_counts() -> None:
    assert key_hash(["a", "b"]) != key_hash(["b", "a"])


def test_a_column_without_rows_has_no_hashes() -> None:
    hashes, there = hash_column(pl.Series([], dtype=pl.String))

    assert (hashes.dtype, hashes.shape, there.shape) == (np.uint64, (0,), (0,))


def test_texts_are_not_kept_for_ever() -> None:
    def next_code(text: str) -> int:
        return int(pl.Series([text]).cast(pl.Categorical).to_physical()[0])

    before = next_code("a text of its own")
    hash_column(pl.Series([f"text {number}" for number in range(1_000)]))

    assert next_code("another text of its own") <= before + 10
