"""Each kind of bad input has its own clear error, or a documented handling."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

import ostinato as ost

STATIC = ost.policies.static()


def run(loop, table, **changes):
    return ost.replay(loop, table, **{"policy": STATIC, "tick": "1d", **changes})


def test_missing_columns_are_named_with_a_guess(world, make_loop):
    with pytest.raises(ost.DataError, match="x3") as caught:
        run(make_loop(), world(1000).rename({"x3": "x_3"}))
    assert "x_3" in str(caught.value)


def test_times_that_cannot_be_read_are_counted(world, make_loop):
    table = world(1000).with_columns(at=pl.col("at").dt.strftime("%Y-%m-%d %H:%M:%S"))
    table = table.with_columns(
        at=pl.when(pl.int_range(pl.len()) == 7).then(pl.lit("soon")).otherwise(pl.col("at"))
    )
    with pytest.raises(ost.DataError, match="1 times") as caught:
        run(make_loop(), table)
    assert "soon" in str(caught.value)


def test_missing_times_are_refused(world, make_loop):
    table = world(1000).with_columns(
        at=pl.when(pl.int_range(pl.len()) < 3).then(None).otherwise(pl.col("at"))
    )
    with pytest.raises(ost.DataError, match="3 times"):
        run(make_loop(), table)


def test_duplicate_times_keep_their_order(world, make_loop):
    table = world(1000).with_columns(at=pl.col("at").dt.truncate("1d"))
    result = run(make_loop(), table)
    assert result.metrics["n"] == result.predictions.height > 800


def test_a_label_before_its_prediction_is_refused(world, make_loop):
    table = world(1000).with_columns(known=pl.col("at") - pl.duration(hours=1))
    loop = make_loop(label=ost.Label("y", time="known"))
    with pytest.raises(ost.DataError, match="before their prediction"):
        run(loop, table)


def test_doubled_ids_are_refused(world, make_loop):
    table = world(1000).with_columns(key=pl.int_range(pl.len()) // 2)
    with pytest.raises(ost.DataError, match="doubled"):
        run(make_loop(id="key"), table)


def test_ids_of_the_data_name_the_predictions(world, make_loop):
    table = world(1000).with_columns(key=pl.concat_str(pl.lit("r"), pl.int_range(pl.len())))
    result = run(make_loop(id="key"), table)
    assert result.predictions["prediction_id"][0] == "r100"
    assert result.metrics["label_coverage"] == 1.0


def test_labels_outside_the_known_classes_are_left_out_and_reported(world, make_loop):
    table = world(2000).with_columns(
        y=pl.when(pl.int_range(pl.len()) == 1500).then(7).otherwise(pl.col("y"))
    )
    result = run(make_loop(), table)
    assert result.metrics["label_coverage"] == pytest.approx(1 - 1 / 1800)
    assert result.decisions.filter(pl.col("kind") == "labels_unusable").height == 1


def test_three_classes_are_no_binary_task(world, make_loop):
    table = world(1000).with_columns(y=pl.int_range(pl.len()) % 3)
    with pytest.raises(ost.DataError, match="two classes"):
        run(make_loop(), table)


def test_one_class_before_the_start_is_refused(world, make_loop):
    table = world(1000).with_columns(
        y=pl.when(pl.int_range(pl.len()) < 200).then(0).otherwise(pl.col("y"))
    )
    with pytest.raises(ost.DataError, match="class"):
        run(make_loop(), table)


def test_one_class_in_a_later_window_fails_the_training_and_keeps_the_champion(world, make_loop):
    table = world(4000, days=60).with_columns(
        y=pl.when(pl.int_range(pl.len()) > 1000).then(0).otherwise(pl.col("y"))
    )
    policy = ost.policies.scheduled("7d", window=ost.Last("10d"), holdout="2d")
    result = run(make_loop(), table, policy=policy)
    failed = result.decisions.filter(pl.col("kind") == "training_failed")
    assert failed.height >= 1
    assert "class" in failed["reason"][0]
    assert result.predictions["score"].null_count() == 0


def test_missing_and_infinite_numbers_are_handled_once(world, make_loop):
    rng = np.random.default_rng(1)
    x = world(2000)["x0"].to_numpy().copy()
    x[rng.random(2000) < 0.1] = np.nan
    x[rng.random(2000) < 0.05] = np.inf
    result = run(make_loop(), world(2000).with_columns(x0=pl.Series(x)))
    assert result.predictions["score"].is_finite().all()


def test_new_categories_are_scored(world, make_loop):
    table = world(2000).with_columns(
        kind=pl.when(pl.int_range(pl.len()) > 1000).then(pl.lit("new")).otherwise(pl.col("kind"))
    )
    assert run(make_loop(), table).predictions["score"].null_count() == 0


def test_empty_data_is_refused(world, make_loop):
    with pytest.raises(ost.DataError, match="empty"):
        run(make_loop(), world(100).clear())


def test_too_few_rows_before_the_start_are_refused(world, make_loop):
    with pytest.raises(ost.DataError, match="too little history"):
        run(make_loop(), world(100))


def test_a_window_with_too_few_rows_fails_the_training(world, make_loop):
    policy = ost.policies.scheduled("7d", window=ost.Last("1h"))

    result = run(make_loop(), world(1500), policy=policy)

    failed = result.decisions.filter(pl.col("kind") == "training_failed")
    assert failed.height == result.cost["failed_trainings"] >= 3
    assert "too few rows" in failed["reason"][0]
    assert result.cost["promotions"] == 0
    assert result.predictions["version"].n_unique() == 1  # trained on all history
    assert result.predictions["score"].null_count() == 0


def test_a_journal_file_that_holds_a_run_is_not_taken_for_another(world, make_loop, tmp_path):
    path = str(tmp_path / "journal.db")
    held = run(make_loop(), world(1500), journal=path).decisions.height
    with pytest.raises(ost.StoreError, match=f"already holds {held} decisions") as caught:
        run(make_loop(), world(1500), journal=path)
    assert "journal.db" in str(caught.value)
    assert "Choose a new file" in caught.value.hint


def test_a_history_before_1970_is_a_history(world, make_loop):
    table = world(3000)
    earlier = table.with_columns(at=pl.col("at") - pl.duration(days=3653))
    policy = ost.policies.scheduled("7d", window=ost.Last("30d"), holdout="3d")

    then = run(make_loop(), earlier, policy=policy)
    now = run(
        make_loop(), table.with_columns(at=pl.col("at") + pl.duration(days=7 * 2000)), policy=policy
    )

    assert then.predictions["time"].dt.year().unique().to_list() == [1960]
    assert then.cost["retrains"] >= 3
    assert then.cost["failed_trainings"] == 0
    assert then.metrics["log_loss"] == pytest.approx(now.metrics["log_loss"], rel=0.05)


def test_a_start_after_the_data_is_refused(world, make_loop):
    with pytest.raises(ost.DataError, match="after the start"):
        run(make_loop(), world(1000), start="2030-01-01")


def test_a_missing_file_is_named(make_loop, tmp_path):
    with pytest.raises(ost.DataError, match="does not exist"):
        run(make_loop(), tmp_path / "nothing.parquet")


def test_a_file_of_another_kind_is_refused(make_loop, tmp_path):
    path = tmp_path / "data.parquet"
    path.write_text("not parquet")
    with pytest.raises(ost.DataError, match="cannot be read"):
        run(make_loop(), path)


def test_a_regression_label_must_be_a_number(world, make_loop):
    from sklearn.linear_model import LinearRegression

    loop = make_loop(
        task="regression",
        label=ost.Label("kind"),
        features=["x0"],
        slices=[],
        learner=LinearRegression(),
    )
    with pytest.raises(ost.DataError, match="no numbers"):
        run(loop, world(1000))


class Odd(ClassifierMixin, BaseEstimator):
    """A learner that misbehaves on request."""

    def __init__(self, how="fine"):
        self.how = how

    def fit(self, X, y):
        if self.how == "raises" or (self.how == "raises later" and len(y) > 300):
            raise RuntimeError("the learner broke")
        if self.how == "hangs" and len(y) > 300:
            while True:
                pass
        self.classes_ = np.unique(y)
        self.model_ = LogisticRegression().fit(np.nan_to_num(X), y)
        self.rows_ = len(y)
        return self

    def predict_proba(self, X):
        scores = self.model_.predict_proba(np.nan_to_num(X))
        if self.how == "wrong shape":
            return scores[:-1]
        if self.how == "nan later" and self.rows_ > 300:
            return np.full_like(scores, np.nan)
        return scores


@pytest.mark.parametrize("how", ["raises", "wrong shape"])
def test_a_learner_that_fails_from_the_start_stops_the_replay_with_its_reason(
    how, world, make_loop
):
    with pytest.raises(ost.LoopError, match="first champion"):
        run(make_loop(learner=Odd(how), features=["x0", "x1"]), world(2000))


@pytest.mark.parametrize("how", ["raises later", "nan later"])
def test_a_learner_that_fails_later_leaves_the_champion(how, world, make_loop):
    policy = ost.policies.scheduled("7d", holdout="2d")
    result = run(make_loop(learner=Odd(how), features=["x0", "x1"]), world(3000), policy=policy)
    assert result.cost["promotions"] == 0
    assert result.predictions["version"].n_unique() == 1
    kinds = result.decisions["kind"].to_list()
    assert kinds.count("training_failed") + kinds.count("candidate_rejected") >= 3


def test_a_learner_that_hangs_is_stopped(world, make_loop):
    policy = ost.policies.scheduled("20d", holdout="2d", train_timeout=1.0)
    result = run(make_loop(learner=Odd("hangs"), features=["x0", "x1"]), world(3000), policy=policy)
    failed = result.decisions.filter(pl.col("kind") == "training_failed")
    assert failed.height >= 1
    assert "did not finish" in failed["reason"][0]


@pytest.mark.parametrize("tick", [0, -5, "soon", "0h"])
def test_a_tick_must_be_positive(tick, world, make_loop):
    with pytest.raises(ost.ConfigError, match="tick"):
        run(make_loop(), world(1000), tick=tick)


def test_no_policies_are_no_comparison(world, make_loop):
    with pytest.raises(ost.ConfigError, match="empty"):
        ost.compare(make_loop(), world(1000), {})


def test_labels_without_a_time_to_arrive_never_arrive(world, make_loop):
    third = pl.int_range(pl.len()) % 3 == 0
    table = world(3000).with_columns(
        known=pl.when(third).then(None).otherwise(pl.col("at") + pl.duration(hours=2))
    )
    loop = make_loop(label=ost.Label("y", time="known", horizon="1d"))
    result = run(loop, table)
    assert result.metrics["label_coverage"] == pytest.approx(2 / 3, abs=0.01)
    assert result.predictions["label"].null_count() == pytest.approx(900, abs=5)


def test_labels_long_after_the_end_do_not_count(world, make_loop):
    late = pl.col("at") + pl.duration(days=400)
    table = world(3000).with_columns(
        known=pl.when(pl.int_range(pl.len()) > 1500).then(late).otherwise(pl.col("at"))
    )
    result = run(make_loop(label=ost.Label("y", time="known", horizon="1d")), table)
    assert result.metrics["label_coverage"] == pytest.approx(1200 / 2700, abs=0.01)


def test_a_negative_without_a_time_is_a_negative_at_the_horizon(world, make_loop):
    table = world(3000).with_columns(
        known=pl.when(pl.col("y") == 1).then(pl.col("at") + pl.duration(hours=2))
    )
    label = ost.Label("y", time="known", horizon="1d", never="negative")
    result = run(make_loop(label=label), table)
    assert result.metrics["label_coverage"] == 1.0
    assert result.metrics["roc_auc"] > 0.7


def test_times_in_milliseconds_are_refused(world, make_loop):
    table = world(1000).with_columns(at=pl.lit(1_700_000_000_000) + pl.int_range(pl.len()))
    with pytest.raises(ost.DataError, match="too large for seconds"):
        run(make_loop(), table)


def test_what_is_no_policy_is_refused(world, make_loop):
    with pytest.raises(ost.ConfigError, match="no Policy"):
        ost.compare(make_loop(), world(1000), {"a": "static"})
    with pytest.raises(ost.ConfigError, match="no Policy"):
        run(make_loop(), world(1000), policy="static")


def test_a_learner_that_leaves_the_process_is_a_failed_training(world, make_loop):
    class Leaving(Odd):
        def fit(self, X, y):
            raise SystemExit(0)

    with pytest.raises(ost.LoopError, match="first champion"):
        run(make_loop(learner=Leaving(), features=["x0", "x1"]), world(2000))


def test_hourly_data_can_be_judged_on_a_week(make_loop):
    rows = 24 * 200
    rng = np.random.default_rng(0)
    x = rng.normal(size=rows)
    sign = np.where(np.arange(rows) < rows // 3, 1.0, -1.0)
    table = pl.DataFrame(
        {
            "at": np.arange(rows, dtype=np.int64) * 3600,
            "x0": x,
            "y": (rng.random(rows) < 1 / (1 + np.exp(-2 * sign * x))).astype(int),
        }
    )
    loop = make_loop(features=["x0"], slices=[])
    policy = ost.policies.scheduled("14d", window=ost.Last("30d"))
    assert run(loop, table, policy=policy).cost["promotions"] >= 1
