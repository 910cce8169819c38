from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

import ostinato as ost
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.loop import answer_monitors
from ostinato.loop.watching import Sights
from ostinato.replay.history import make_history
from ostinato.replay.label_sights import label_sights


def loop_of(task, **label):
    return ost.Loop(
        name="orders",
        task=task,
        time="at",
        features=["a"],
        label=ost.Label("late", time="known", horizon="2d", **label),
        learner=DummyRegressor() if task == "regression" else DummyClassifier(),
        policy=ost.Policy(explore=0.1) if label.get("selective") else ost.policies.static(),
        monitors=ost.Monitors(drift_floor=0.1, quality_floor=0.02, loss_tolerance=0.2),
    )


def history_of(loop, *, days=20, per_day=50):
    """Twenty days; every fifth label never comes, the others a day later."""
    draw = np.random.default_rng(3)
    hours = np.sort(draw.random(days * per_day)) * 24 * days
    at = pl.Series(hours * HOUR_NS, dtype=pl.Int64).cast(pl.Datetime("ns"))
    values = draw.integers(0, 2, len(hours))
    never = np.arange(len(hours)) % 5 == 0
    table = pl.DataFrame({"at": at, "a": hours, "late": values, "known": at.dt.offset_by("1d")})
    missing = pl.when(pl.Series(never)).then(None)
    table = table.with_columns(missing.otherwise(pl.col(c)).alias(c) for c in ("late", "known"))
    return make_history(loop, table, start="1970-01-15", end=None)


def made(loop, maker):
    history = history_of(loop)
    labels = label_sights(loop, history, DAY_NS)
    return maker(loop, Sights(fast_ns=HOUR_NS, slow_ns=DAY_NS, labels=labels), ())


def test_labels_of_the_history_are_counted_as_they_were_known_at_the_start():
    loop = loop_of("binary")
    found = label_sights(loop, history_of(loop), DAY_NS)

    days = [start // DAY_NS for start in found.starts_ns]
    assert days == list(range(1, 12))  # the first is not whole; two have not matured
    shares = [found.cells.told(counts) / counts[0] for counts in found.counts]
    assert shares == pytest.approx([0.8] * 11, abs=0.02)
    assert [start // DAY_NS for start in found.arrived_ns] == list(range(3, 13))
    per_prediction = sum(c.sum() for c in found.arrived) / sum(found.asked)
    assert per_prediction == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize(("task", "classes"), [("binary", 2), ("regression", 0)])
def test_scores_are_watched_by_the_floors_that_were_declared(task, classes):
    [scores] = made(loop_of(task), answer_monitors.outputs)

    assert (scores.task, scores.classes) == (task, classes)
    assert (scores.floor, scores.missing_floor) == (0.1, 0.02)
    assert bool(scores.label_borders) == (task == "regression")


def test_labels_are_watched_as_they_mature_and_as_they_come():
    matured, come = made(loop_of("binary"), answer_monitors.labels)

    assert (matured.label, come.label) == ("late", "late")
    assert (matured.impossible_floor, come.odd_floor) == (0.02, 0.02)
    assert {matured.name, come.name} == {"labels", "arrivals"}


def test_where_an_absent_label_means_no_how_labels_come_is_not_watched():
    (matured,) = made(loop_of("binary", never="negative"), answer_monitors.labels)

    assert matured.name == "labels"


def test_estimates_know_whose_labels_count():
    [plain] = made(loop_of("binary"), answer_monitors.estimate)
    [own] = made(loop_of("binary", affected_by_prediction=True), answer_monitors.estimate)
    [explored] = made(loop_of("binary", selective=True), answer_monitors.estimate)

    assert (plain.tolerance, plain.own, plain.explored) == (0.2, False, False)
    assert (own.own, own.explored) == (True, False)
    assert (explored.own, explored.explored) == (False, True)


@pytest.mark.parametrize("maker", ["outputs", "labels", "estimate"])
def test_nothing_is_made_where_the_labels_before_are_not_known(maker):
    sights = Sights(fast_ns=HOUR_NS, slow_ns=DAY_NS)

    assert getattr(answer_monitors, maker)(loop_of("binary"), sights, ()) == ()
