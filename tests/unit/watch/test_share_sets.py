from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.watch.measured import strongest
from ostinato.watch.reading import Shares, Stream
from ostinato.watch.share_cells import ShareCells
from ostinato.watch.share_sets import BORDERS, LARGEST, REST, watched_sets


def test_fine_cells_merge_to_borders_near_the_deciles():
    draw = np.random.default_rng(1)
    counts = draw.multinomial(100_000, np.full(64, 1 / 64)).astype(float)

    found = watched_sets(counts, ordered=True)

    below = np.cumsum(counts)[found] / counts.sum()
    assert below == pytest.approx(BORDERS, abs=1 / 64)


def test_a_column_of_one_value_is_watched_on_both_sides_of_it():
    assert watched_sets(np.array([0.0, 0.0, 9.0, 0.0]), ordered=True) == [1, 2]
    assert watched_sets(np.array([9.0, 0.0, 0.0]), ordered=True) == [0]
    assert watched_sets(np.array([0.0, 0.0, 9.0]), ordered=True) == [1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 100), min_size=3, max_size=80).filter(sum), st.booleans())
def test_sets_are_few_ascending_and_never_all_of_the_rows(counts, ordered):
    found = watched_sets(np.array(counts, dtype=float), ordered=ordered)

    assert found == sorted(set(found))
    assert 1 <= len(found) <= max(len(BORDERS), LARGEST + 1)
    if ordered:
        assert found[0] >= 0
        assert found[-1] < len(counts) - 1
    else:
        assert (found[0] == REST) == (len(counts) > LARGEST)


def test_of_two_cells_the_second_is_watched_and_one_cell_is_not():
    assert watched_sets(np.array([3.0, 1.0]), ordered=True) == [1]
    assert watched_sets(np.array([3.0]), ordered=False) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.lists(st.integers(0, 9), min_size=1, max_size=5)),
        min_size=1,
        max_size=6,
    )
)
def test_lines_are_counts_or_those_up_to_the_cell_stream_by_stream(columns):
    names = [f"c{place}" for place in range(len(columns))]
    readings = [
        Shares(
            stream=Stream(family="drift", subject=name),
            counts=np.array(counts, dtype=float),
            ordered=ordered,
        )
        for name, (ordered, counts) in zip(names, columns, strict=True)
    ]
    cells = ShareCells().grown(names, readings)
    counts = np.concatenate([each.counts for each in readings])

    expected = [
        np.cumsum(each) if ordered and len(each) > 2 else np.array(each)
        for ordered, each in columns
    ]
    assert cells.rows(counts).tolist() == [sum(each) for _, each in columns]
    assert cells.lines(counts).tolist() == np.concatenate(expected).tolist()
    kept = np.arange(len(columns)) % 2 == 0
    assert cells.kept(kept).names == names[::2]
    assert len(cells.kept(kept).owner_) == sum(len(each) for _, each in columns[::2])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=6), min_size=1, max_size=8))
def test_the_strongest_line_of_each_stream_is_found_the_first_of_equals(streams):
    strength = np.array([value for each in streams for value in each], dtype=float)
    owner = np.repeat(np.arange(len(streams)), [len(each) for each in streams])
    asked = np.arange(0, len(streams), 2)

    found = strongest(strength, owner, asked)

    starts = np.cumsum([0, *map(len, streams)])
    assert found.tolist() == [starts[s] + int(np.argmax(streams[s])) for s in asked]
