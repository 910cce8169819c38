"""An alarm of a slice has the rows of the slice examined, where there are enough of them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import ostinato as ost
from ostinato.core.watched import ExaminationRequested
from ostinato.loop.examining import examine_rows, sample_of

NAMES = ("region=north", "region=west")
POLICY = {
    "by_inputs": [],
    "by_loss": ["slice degradation (all slices)"],
    "by_time": [],
    "holds": [],
    "broken": "",
    "autonomy": "auto",
    "paused": "",
    "busy": "",
}


@pytest.fixture
def loop():
    return ost.Loop(
        name="slices",
        task="binary",
        time="at",
        features=["x"],
        label=ost.Label("label", delay="1h"),
        learner=ost.learners.linear("binary"),
    )


def answers(x):
    return 1.0 / (1.0 + np.exp(-2.0 * x))


def sample(loop, *, turned, west, rows=2_000, seed=0):
    """A share of rows is of the west, where what x means has turned round or not."""
    rng = np.random.default_rng(seed)
    x, inside = rng.normal(size=rows), rng.random(rows) < west
    chance = answers(np.where(inside & turned, -x, x * (1.6 if turned else 1.0)))
    return sample_of(
        loop,
        pl.DataFrame({"x": x}),
        times_ns=np.arange(rows) * 60_000_000_000,
        labels=(rng.random(rows) < chance).astype(np.float64),
        scores=answers(x),
        groups=inside.astype(np.int32)[:, None],
    )


def examined(loop, subject, *, west=0.15):
    order = ExaminationRequested(
        ts_event_ns=0,
        ts_record_ns=0,
        subject=subject,
        reason="",
        evidence={"policy": POLICY},
        request="e1",
        champion="v001",
        from_ns=0,
        to_ns=1,
    )
    return examine_rows(
        loop,
        sample(loop, turned=False, west=west),
        sample(loop, turned=True, west=west, seed=1),
        order,
        score=lambda frame: answers(frame["x"].to_numpy()),
        now_ns=0,
        classes=("no", "yes"),
        group_names=NAMES,
    )


def test_the_slice_that_alarms_is_examined_alone(loop):
    made = examined(loop, "performance/log_loss @region=west")

    assert made.cause == "concept drift"
    assert made.reason.startswith("Of region=west: The loss rose")
    assert made.evidence["slice"] == "region=west"
    assert max(made.evidence["rows"]["labelled"]) < 400


def test_a_slice_of_few_rows_is_told_and_all_rows_are_examined(loop):
    made = examined(loop, "performance/log_loss @region=west", west=0.02)

    assert "of 100 that are needed" in made.evidence["unmeasured"]["slice"]
    assert "slice" not in made.evidence
    assert made.evidence["rows"]["reference"] == 2_000


@pytest.mark.parametrize("subject", ["performance/log_loss", "schedule"])
def test_an_alarm_of_all_rows_has_all_of_them_examined(loop, subject):
    made = examined(loop, subject)

    assert "slice" not in made.evidence["unmeasured"]
    assert made.evidence["rows"]["reference"] == 2_000
