"""Features as served beside the same features recomputed, through whole replays."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

import ostinato as ost
from ostinato.core.errors import DataError, LoopError

HIST = HistGradientBoostingClassifier(max_iter=5)
DAY = 86_400
DAYS, CARDS, ROWS, DECLINES = 40, 150, 6_000, 500


def moments(seconds):
    since = np.datetime64("2024-01-01", "us") + seconds * np.timedelta64(1, "s")
    return pl.Series(since).dt.replace_time_zone("UTC")


def declined_before(payer, times, card, at, known):
    """Count by hand what a card's window of a week holds, as the service does."""
    found = np.zeros(len(times))
    for row, (who, now) in enumerate(zip(payer, times, strict=True)):
        inside = at // 3600 >= (now - 7 * DAY) // 3600
        found[row] = ((card == who) & (known <= now) & inside).sum()
    return found


@pytest.fixture(scope="module")
def make_stream():
    """Payments with what was served, and declines that the table gets late between two days."""

    def make(late_from=0, late_to=DAYS, *, rows=ROWS, seed=0):
        rng = np.random.default_rng(seed)
        at = np.sort(rng.integers(0, DAYS * DAY, DECLINES))
        card = rng.integers(0, CARDS, DECLINES)
        late = np.where((at >= late_from * DAY) & (at < late_to * DAY), DAY, 0)
        times = np.sort(rng.integers(0, DAYS * DAY, rows))
        payer = rng.integers(0, CARDS, rows)
        served = declined_before(payer, times, card, at, at)
        amount = rng.normal(size=rows)
        odds = amount + served - 1.0
        payments = pl.DataFrame(
            {
                "at": moments(times),
                "card": payer,
                "amount": amount,
                "served": served,
                "fraud": (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int64),
            }
        )
        declined = pl.DataFrame({"at": moments(at), "known": moments(at + late), "card": card})
        return payments, declined

    return make


def make_loop(declined, **changes):
    source = ost.features.Events("declines", time="at", known="known", data=declined)
    declines = ost.features.count(
        source, by="card", window="7d", hop="1h", name="declines", logged="served"
    )
    settings = {
        "name": "payments",
        "task": "binary",
        "time": "at",
        "unit": "card",
        "features": ["amount", declines],
        "label": ost.Label("fraud", delay="1h"),
        "learner": LogisticRegression(),
        "train_on": "recomputed",
        "policy": ost.policies.scheduled(
            "5d", gates=(), rollout=ost.Immediate(watch=None), holdout="1d"
        ),
        "monitors": None,
    }
    return ost.Loop(**{**settings, **changes})


def replay(loop, payments):
    return ost.replay(loop, payments, start="2024-01-11", tick="6h")


def kinds(result, *wanted):
    decisions = result.decisions.filter(pl.col("kind").is_in(wanted))
    return decisions["kind"].to_list()


def test_what_is_served_as_it_is_computed_changes_nothing(make_stream):
    payments, declined = make_stream(late_to=0)

    with_parity = replay(make_loop(declined), payments)
    without = replay(make_loop(declined, parity=None), payments)

    assert kinds(with_parity, "parity_broken", "parity_restored") == []
    assert with_parity.predictions.equals(without.predictions)
    assert with_parity.cost["retrains"] == 6


def test_the_first_training_on_a_late_table_is_stopped_by_name(make_stream):
    payments, declined = make_stream()

    with pytest.raises(LoopError, match="The first champion is not trained: parity of declines"):
        replay(make_loop(declined), payments)


def test_the_cause_is_named(make_stream):
    payments, declined = make_stream()

    with pytest.raises(LoopError, match="The source is 1 d late where it is recomputed"):
        replay(make_loop(declined), payments)


def test_a_table_that_falls_behind_later_holds_the_next_training_back(make_stream):
    payments, declined = make_stream(late_from=10)

    found = replay(make_loop(declined), payments)

    broken = found.decisions.filter(pl.col("kind") == "parity_broken")
    held = found.decisions.filter(pl.col("reason").str.contains("parity of declines is broken"))
    assert broken["subject"].unique().to_list() == ["declines"]
    assert "The source is 1 d late where it is recomputed" in broken["reason"][-1]
    assert found.cost["retrains"] == 0
    assert held["kind"].unique().to_list() == ["trigger_changed"]


def test_what_the_difference_does_to_the_score_stands_in_the_evidence(make_stream):
    payments, declined = make_stream(late_from=10)

    decisions = replay(make_loop(declined), payments).decisions

    broken = decisions.filter(pl.col("kind") == "parity_broken")["evidence"]
    evidence = json.loads(broken[-1])
    assert 0 < evidence["effect"] <= evidence["effect_max"] < 1
    assert evidence["low"] < evidence["share"] < evidence["high"]
    assert evidence["parameter"] == -DAY * 10**9
    assert 0 < evidence["newest_event_age_s"] < 7 * DAY


def test_learning_goes_on_when_the_table_has_caught_up(make_stream):
    payments, declined = make_stream(late_from=10, late_to=14, rows=15_000)
    loop = make_loop(declined, parity=ost.features.Parity(tolerance=0.01))

    found = replay(loop, payments)

    told = kinds(found, "parity_broken", "parity_restored", "candidate_trained")
    after = told[told.index("parity_restored") :]
    assert "candidate_trained" not in told[told.index("parity_broken") : -len(after)]
    assert "candidate_trained" in after


def test_parity_can_warn_without_holding_back(make_stream):
    payments, declined = make_stream()

    found = replay(make_loop(declined, parity=ost.features.Parity(hold_training=False)), payments)

    assert "parity_broken" in kinds(found, "parity_broken")
    assert found.cost["retrains"] == 6


def test_models_learn_what_trainings_are_told_to_take(make_stream):
    payments, declined = make_stream()

    served = replay(make_loop(declined, parity=None, train_on="served"), payments)
    late = replay(make_loop(declined, parity=None), payments)

    assert served.metrics["log_loss"] < late.metrics["log_loss"]


def test_a_log_begins_with_its_first_value(make_stream):
    payments, declined = make_stream(late_to=0)
    begins = pl.col("at") >= pl.datetime(2024, 1, 21, time_zone="UTC")
    young = payments.with_columns(served=pl.when(begins).then("served"))

    found = replay(make_loop(declined), young)

    assert kinds(found, "parity_broken") == []
    assert found.predictions.equals(replay(make_loop(declined), payments).predictions)


def test_a_logged_value_that_is_missing_later_was_served_missing(make_stream):
    payments, declined = make_stream(late_to=0)
    lost = pl.col("at") >= pl.datetime(2024, 1, 21, time_zone="UTC")
    holey = payments.with_columns(served=pl.when(~lost).then("served"))

    found = replay(make_loop(declined, learner=HIST), holey)

    broken = found.decisions.filter(pl.col("kind") == "parity_broken")
    assert "No value was served" in broken["reason"][0]


def test_a_logged_column_must_hold_numbers(make_stream):
    payments, declined = make_stream()

    with pytest.raises(DataError, match="'served' cannot hold 'declines' as it was served"):
        replay(make_loop(declined), payments.with_columns(pl.lit("two").alias("served")))


def test_a_logged_column_must_be_there(make_stream):
    payments, declined = make_stream()

    with pytest.raises(DataError, match="served"):
        replay(make_loop(declined), payments.drop("served"))


def test_two_replays_decide_the_same_to_the_byte(make_stream):
    payments, declined = make_stream(late_from=10)

    one, two = (replay(make_loop(declined), payments) for _ in range(2))

    assert one.decisions["hash"].to_list() == two.decisions["hash"].to_list()


def test_a_sample_of_the_units_is_enough(make_stream):
    payments, declined = make_stream(late_from=10)
    loop = make_loop(declined, parity=ost.features.Parity(sample=0.5))

    found = replay(loop, payments)

    assert "parity_broken" in kinds(found, "parity_broken")


def test_compared_policies_are_told_the_same(make_stream):
    payments, declined = make_stream(late_from=10)
    weekly = ost.policies.scheduled("7d")

    found = ost.compare(
        make_loop(declined),
        payments,
        policies={"static": ost.policies.static(), "weekly": weekly},
        start="2024-01-11",
        tick="6h",
    )

    told = [
        replay.decisions.filter(pl.col("kind") == "parity_broken")["reason"].to_list()
        for replay in found.replays.values()
    ]
    assert told[0] == told[1] != []
