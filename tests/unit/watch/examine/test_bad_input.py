"""An examination survives whatever columns and labels hold, and says what it could not measure."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest

from ostinato.core.canonical import canonical_json
from ostinato.core.errors import LearnerError
from ostinato.watch.examine import examine

ROWS = 400


@pytest.fixture
def world(planted):
    return planted("binary", rows=ROWS)


def framed(sample, **columns):
    return dataclasses.replace(
        sample, frame=sample.frame.with_columns(pl.Series(k, v) for k, v in columns.items())
    )


def test_odd_columns_are_examined_or_said_to_be_none(world):
    reference, current, champion = world
    rng = np.random.default_rng(0)
    both = {
        "empty": pl.Series([None] * ROWS, dtype=pl.Float64),
        "null": pl.Series([None] * ROWS, dtype=pl.Null),
        "constant": [7] * ROWS,
        "key": [f"id-{i}" for i in range(ROWS)],
        "wide": [f"{i % 300}" for i in range(ROWS)],
        "infinite": [float("inf"), 1.0] * (ROWS // 2),
        "day": pl.Series(np.arange(ROWS)).cast(pl.Date),
        "nested": [{"a": 1}] * ROWS,
        "vector": [[float(a), 1.0, 2.0] for a in rng.normal(size=ROWS)],
        "flag": [True, None] * (ROWS // 2),
        "nan": [float("nan")] * ROWS,
    }
    p, q = (
        framed(reference, **both, mixed=[1.5] * ROWS),
        framed(current, **both, mixed=["x"] * ROWS),
    )

    found = examine(p, q, champion)

    unmeasured = found.evidence["unmeasured"]
    assert found.cause == "none found"
    for name in ("empty", "null"):
        assert "no value" in unmeasured[name]
    for name in ("constant", "nan"):
        assert "one value" in unmeasured[name], name
    assert "cannot be compared" in unmeasured["nested"]
    assert canonical_json(found)


def test_a_column_that_one_side_lacks_is_said(world):
    reference, current, champion = world

    found = examine(
        framed(reference, old=[1.0] * ROWS), framed(current, new=[1.0] * ROWS), champion
    )

    assert found.evidence["unmeasured"]["old"] == "is missing from the current rows"
    assert found.evidence["unmeasured"]["new"] == "is missing from the reference"


@pytest.mark.parametrize("rows", [0, 1, 19])
def test_too_few_rows_are_said(world, rows):
    reference, current, champion = world

    few = examine(reference, current.taken(np.arange(rows)), champion)
    none = examine(reference.taken(np.arange(rows)), current, champion)

    assert few.cause == none.cause == "none found"
    assert f"There are {rows} rows in the current rows" in few.reason
    assert f"There are {rows} rows in the reference" in none.reason


def test_labels_of_one_class_are_said(world):
    reference, current, champion = world
    ones = reference.labels == 1.0
    p, q = reference.taken(ones), current.taken(current.labels == 1.0)

    unmeasured = examine(p, q, champion).evidence["unmeasured"]

    assert "one class" in unmeasured["label shift"]
    assert "one class" in unmeasured["labels"]


def test_a_reference_without_labels_leaves_inputs_to_compare(world):
    reference, current, champion = world
    nothing = np.full(ROWS, np.nan)

    found = examine(
        dataclasses.replace(reference, labels=nothing, losses=nothing), current, champion
    )

    assert "cannot be told" in found.reason
    assert found.evidence["domain"]["stance"] == "alike"
    assert "0 labelled rows in the reference" in found.evidence["unmeasured"]["parts"]


def test_no_columns_at_all_are_survived(world):
    reference, current, champion = world
    p, q = (
        dataclasses.replace(each, frame=pl.DataFrame({"c": [1] * ROWS}))
        for each in (reference, current)
    )

    found = examine(p, q, dataclasses.replace(champion, score=None))

    assert found.evidence["domain"]["auc"] == pytest.approx(0.5)
    assert "no column" in found.evidence["unmeasured"]["reconstruction"]


def test_a_champion_that_fails_to_answer_again_is_said(planted):
    reference, current, champion = planted("binary", "missing", rows=ROWS)

    def fails(frame):
        raise LearnerError("It raised", found="x", expected="y", hint="z")

    found = examine(reference, current, dataclasses.replace(champion, score=fails))

    assert "could not be measured" in found.evidence["unmeasured"]["x0"]
    assert found.evidence["broken"][0]["cost"] is None


def test_losses_that_are_all_the_same_are_survived(world):
    reference, current, champion = world
    p, q = (dataclasses.replace(each, losses=np.zeros(ROWS)) for each in (reference, current))

    found = examine(p, q, dataclasses.replace(champion, loss=lambda labels, _: 0.0 * labels))

    assert found.cause == "none found"
    assert "all rows lose the same" in found.evidence["unmeasured"]["slices"]


def test_texts_are_compared_by_what_they_are_made_of(planted):
    reference, current, champion = planted("binary", rows=1200)
    p = framed(reference, note=[f"Order {i} came on time" for i in range(1200)])
    q = framed(
        current, note=[f"order {i} CAME LATE, sender did not answer {i}" for i in range(1200)]
    )

    found = examine(p, q, champion)

    assert any(name.startswith("note (") for name in found.evidence["domain"]["columns"])
    assert found.evidence["domain"]["stance"] == "act"


def test_vectors_are_compared_by_their_widest_directions(planted):
    reference, current, champion = planted("binary", rows=600)
    rng = np.random.default_rng(0)
    p = framed(reference, embedding=rng.normal(size=(600, 8)).tolist())
    q = framed(current, embedding=(rng.normal(size=(600, 8)) + 0.7).tolist())

    found = examine(p, q, champion)

    assert any(name.startswith("embedding (") for name in found.evidence["domain"]["columns"])
    assert found.evidence["domain"]["stance"] == "act"
