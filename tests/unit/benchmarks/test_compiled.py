"""The benchmark of compiled models, small: families are compiled, and faster."""

from __future__ import annotations

import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

import compiled


@pytest.mark.parametrize(
    ("learner", "form"),
    [
        (HistGradientBoostingClassifier(max_iter=5), "trees"),
        (LogisticRegression(max_iter=1000), "linear"),
    ],
)
def test_a_family_is_measured_in_the_quick_run(learner, form):
    rows = list(compiled.measure(learner, "binary", quick=True))

    assert [row.rows for row in rows] == list(compiled.QUICK_SIZES)
    assert {row.form for row in rows} == {form}
    assert all(row.difference < 1e-12 for row in rows)
    assert all(row.times_original > 2 for row in rows)


def test_every_learner_is_told_with_its_task():
    found = [task for task, _ in compiled.learners(trees=2)]

    assert set(found) == {"binary", "multiclass", "regression"}
