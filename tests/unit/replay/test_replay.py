"""The whole loop over small histories."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

import ostinato as ost


@pytest.fixture(scope="module")
def changed(world, make_loop):
    return ost.replay(make_loop(), world(change=0.5), tick="6h")


def test_every_row_after_the_start_is_predicted_exactly_once(changed, world):
    table = world(change=0.5)
    assert changed.predictions.height == table.height - table.height // 10
    assert changed.predictions["prediction_id"].n_unique() == changed.predictions.height
    assert changed.predictions["score"].null_count() == 0
    assert changed.predictions["time"].is_sorted()


def test_the_metrics_are_those_of_the_predictions(changed):
    known = changed.predictions.filter(pl.col("label").is_not_null())
    labels, scores = known["label"].to_numpy(), known["score"].to_numpy()
    assert changed.metrics["log_loss"] == pytest.approx(log_loss(labels, scores), rel=1e-9)
    assert changed.metrics["roc_auc"] == pytest.approx(roc_auc_score(labels, scores), rel=1e-9)
    assert changed.metrics["accuracy"] == pytest.approx(accuracy_score(labels, scores >= 0.5))
    assert changed.metrics["n"] == changed.predictions.height
    assert changed.metrics["label_coverage"] == 1.0


def test_tables_have_the_columns_of_the_contract(changed):
    assert changed.predictions.columns == [
        "prediction_id",
        "time",
        "version",
        "role",
        "score",
        "label",
    ]
    assert changed.decisions.columns == [
        "seq", "time", "kind", "subject", "reason", "evidence", "policy_digest", "hash",
    ]  # fmt: skip
    assert changed.decisions["seq"].to_list() == list(range(changed.decisions.height))
    assert changed.predictions["time"].dtype == pl.Datetime("ns", "UTC")
    wanted = {
        "train_seconds",
        "predict_seconds",
        "retrains",
        "promotions",
        "rollbacks",
        "value",
        "cost",
    }
    assert wanted <= set(changed.cost)
    assert all(isinstance(json.loads(text), dict) for text in changed.decisions["evidence"])


def test_the_timeline_adds_up_to_the_whole(changed):
    line = changed.timeline.filter(pl.col("log_loss").is_not_null())
    mean = (line["log_loss"] * line["labelled"]).sum() / line["labelled"].sum()
    assert changed.timeline["n"].sum() == changed.predictions.height
    assert mean == pytest.approx(changed.metrics["log_loss"], rel=1e-9)


def test_slices_are_exact(changed, world):
    table = world(change=0.5)
    served = table[table.height // 10 :]
    chosen = (served["kind"] == "b").to_numpy()
    known = changed.predictions.filter(pl.Series(chosen))
    row = changed.slices.filter(pl.col("value") == "b").row(0, named=True)
    assert row["n"] == chosen.sum()
    assert row["log_loss"] == pytest.approx(log_loss(known["label"], known["score"]), rel=1e-9)


def test_learning_helps_after_a_change_and_static_never_learns(changed, world, make_loop):
    static = ost.replay(make_loop(), world(change=0.5), policy=ost.policies.static(), tick="6h")
    assert static.cost["retrains"] == 0
    assert static.predictions["version"].n_unique() == 1
    assert changed.cost["promotions"] >= 1
    assert changed.metrics["log_loss"] < static.metrics["log_loss"] - 0.02
    assert changed.cost["value"] > 0
    assert static.cost["value"] == pytest.approx(0.0, abs=1e-9)


def test_a_model_serves_only_after_it_was_trained_and_promoted(changed):
    trained = {v["version"]: v["trained_at"] for v in changed.versions.to_dicts()}
    for row in changed.predictions.filter(pl.col("role") == "champion").group_by("version").agg(
        pl.col("time").min()
    ).to_dicts():  # fmt: skip
        assert row["time"] >= trained[row["version"]]


def test_training_takes_time(world, make_loop):
    quick = ost.replay(make_loop(), world(change=0.5), tick="6h", train_takes="1s")
    slow = ost.replay(make_loop(), world(change=0.5), tick="6h", train_takes="5d")
    gap = [
        frame.filter(pl.col("kind").is_in(["training_requested", "candidate_trained"]))[
            2:4, "time"
        ].to_list()
        for frame in (quick.decisions, slow.decisions)
    ]
    assert (gap[1][1] - gap[1][0]).days >= 5 > (gap[0][1] - gap[0][0]).days


def test_rows_need_not_be_sorted(world, make_loop):
    table = world(3000, change=0.5).unique("at", keep="first", maintain_order=True)
    shuffled = table.sample(fraction=1.0, shuffle=True, seed=3)
    hashes = {ost.replay(make_loop(), each, tick="1d").journal_hash for each in (table, shuffled)}
    assert len(hashes) == 1


@pytest.mark.parametrize("form", ["parquet", "csv", "delta", "pandas", "arrow", "lazy"])
def test_any_table_gives_the_same_decisions(form, world, make_loop, tmp_path):
    table = world(2000)
    if form == "parquet":
        given = tmp_path / "data.parquet"
        table.write_parquet(given)
    elif form == "csv":
        given = tmp_path / "data.csv"
        table.write_csv(given)
    elif form == "delta":
        given = tmp_path / "data"
        table.write_delta(str(given))
    else:
        given = {"pandas": table.to_pandas, "arrow": table.to_arrow, "lazy": table.lazy}[form]()
    policy = ost.policies.static()
    expected = ost.replay(make_loop(), table, policy=policy, tick="1d")
    found = ost.replay(make_loop(), given, policy=policy, tick="1d")
    assert found.journal_hash == expected.journal_hash
    assert found.metrics["log_loss"] == pytest.approx(expected.metrics["log_loss"], rel=1e-12)


def test_a_tick_can_be_a_number_of_rows(world, make_loop):
    result = ost.replay(make_loop(), world(3000), tick=250)
    assert result.timeline["n"].to_list()[:-1] == [250] * (result.timeline.height - 1)
    assert result.metrics["n"] == 2700


def test_start_and_end_bound_what_is_served(world, make_loop):
    result = ost.replay(
        make_loop(),
        world(),
        start="1970-01-20",
        end="1970-02-10",
        tick="1d",
        policy=ost.policies.static(),
    )
    assert str(result.predictions["time"].min()) >= "1970-01-20"
    assert str(result.predictions["time"].max()) < "1970-02-10"


def test_unlabelled_rows_are_served_and_never_scored(world, make_loop):
    table = world(3000).with_columns(
        pl.when(pl.int_range(pl.len()) % 4 == 0).then(None).otherwise(pl.col("y")).alias("y")
    )
    result = ost.replay(make_loop(), table, tick="1d", policy=ost.policies.static())
    assert result.metrics["n"] == 2700
    assert result.metrics["label_coverage"] == pytest.approx(0.75, abs=0.01)
    assert result.predictions.filter(pl.col("label").is_null())["score"].null_count() == 0


def test_never_arriving_labels_can_count_as_negative(world, make_loop):
    table = world(3000).with_columns(pl.when(pl.col("y") == 1).then(1).otherwise(None).alias("y"))
    label = ost.Label("y", delay="6h", horizon="12h", never="negative")
    loop = make_loop(label=label, classes=[0, 1])
    result = ost.replay(loop, table, tick="1d", policy=ost.policies.static())
    assert result.metrics["label_coverage"] == 1.0
    assert set(result.predictions["label"].unique()) == {0.0, 1.0}
    assert result.metrics["roc_auc"] > 0.7


def test_multiclass_scores_are_rows_of_probabilities(world, make_loop):
    table = world(3000).with_columns(
        label=pl.when(pl.col("x0") > 1)
        .then(pl.lit("high"))
        .when(pl.col("x1") > 0)
        .then(pl.lit("mid"))
        .otherwise(pl.lit("low"))
    )
    loop = make_loop(task="multiclass", label=ost.Label("label", delay="6h"))
    result = ost.replay(loop, table, tick="1d")
    scores = np.array(result.predictions["score"].to_list())
    assert scores.shape == (2700, 3)
    assert np.allclose(scores.sum(axis=1), 1.0)
    assert result.metrics["accuracy"] > 0.8
    assert {"log_loss", "brier", "f1"} <= set(result.metrics)


def test_regression_has_its_own_metrics(world, make_loop):
    table = world(3000, change=0.5).with_columns(target=2 * pl.col("x0") + pl.col("x1"))
    loop = make_loop(
        task="regression",
        label=ost.Label("target", delay="6h"),
        learner=LinearRegression(),
        metric="rmse",
    )
    result = ost.replay(loop, table, tick="1d")
    assert result.metrics["r2"] > 0.99
    assert result.timeline["rmse"].max() < 0.1
    assert "mape" in result.metrics


def test_a_comparison_has_a_row_per_policy_and_names_the_regret(world, make_loop):
    table = ost.compare(
        make_loop(),
        world(change=0.5),
        {"static": ost.policies.static(), "weekly": ost.policies.scheduled("7d", holdout="3d")},
        tick="6h",
    ).table
    assert table["policy"].to_list() == ["static", "weekly"]
    assert table.columns == [
        "policy",
        "log_loss",
        "log_loss_low",
        "log_loss_high",
        "retrains",
        "promotions",
        "rollbacks",
        "label_coverage",
        "train_seconds",
        "predict_seconds",
        "cost",
        "value",
        "regret",
    ]
    assert (table["log_loss_low"] < table["log_loss"]).all()
    assert (table["log_loss"] < table["log_loss_high"]).all()
    assert table["regret"].min() == 0.0
    assert table["regret"].max() > 0.0


def test_a_static_policy_joins_when_there_is_none(world, make_loop):
    found = ost.compare(
        make_loop(), world(2000), {"weekly": ost.policies.scheduled("7d")}, tick="1d"
    )
    assert list(found.replays) == ["static", "weekly"]


def test_policies_share_trainings_and_are_charged_for_them(world, make_loop):
    twice = ost.compare(
        make_loop(),
        world(2000),
        {"a": ost.policies.scheduled("7d"), "b": ost.policies.scheduled("7d")},
        tick="1d",
    )
    a, b = twice.replays["a"], twice.replays["b"]
    assert a.journal_hash == b.journal_hash
    assert a.cost["train_seconds"] == b.cost["train_seconds"] > 0


def test_results_are_written_as_json_and_html(changed, tmp_path):
    changed.to_json(tmp_path / "r.json")
    document = json.loads((tmp_path / "r.json").read_text())
    assert document["format"] == "ostinato.replay/1"
    assert document["journal_hash"] == changed.journal_hash
    assert len(document["timeline"]["time"]) == changed.timeline.height
    changed.to_html(tmp_path / "r.html")
    assert "<html" in (tmp_path / "r.html").read_text()[:500].lower()


def test_the_journal_can_be_kept_and_verified(world, make_loop, tmp_path):
    from ostinato.stores.journal_sqlite import SqliteJournal

    result = ost.replay(make_loop(), world(2000), tick="1d", journal=str(tmp_path / "journal.db"))
    with SqliteJournal(tmp_path / "journal.db", readonly=True) as journal:
        assert journal.verify() == result.decisions.height
        assert journal.head()[1] == result.journal_hash


def test_the_versions_can_be_kept_with_their_provenance(world, make_loop, tmp_path):
    from ostinato.learn.model import Model
    from ostinato.stores.registry_folder import FolderRegistry

    folder = str(tmp_path / "registry")
    result = ost.replay(make_loop(), world(3000, change=0.5), tick="1d", registry=folder)
    with FolderRegistry(folder) as registry:
        assert registry.versions() == result.versions["version"].to_list()
        lineage = registry.lineage(registry.aliases()["champion"])
        assert lineage.data_rows > 100
        assert lineage.libraries["scikit-learn"]
        assert list(lineage.metrics) == ["recent"]  # the others are judged on again
        assert lineage.cost["cpu_seconds"] > 0
        model = Model.from_bytes(registry.load(registry.aliases()["champion"]))
        assert model.score(world(3000).select("x0", "x1", "x2", "x3", "kind")).shape == (3000,)
        champions = [version for _, version in registry.alias_history("champion")]
    promoted = result.decisions.filter(pl.col("kind") == "promoted")["subject"].to_list()
    assert champions == promoted


def test_progress_tells_how_far_it_is(world, make_loop):
    seen = []
    ost.replay(make_loop(), world(2000), tick="6h", progress=seen.append)
    assert seen[-1].events == seen[-1].events_total == 1800
    assert [p.events for p in seen] == sorted(p.events for p in seen)
    assert seen[-1].decisions > 0


def test_affected_labels_compare_only_what_each_version_answered(world, make_loop):
    label = ost.Label("y", delay="6h", horizon="12h", affected_by_prediction=True)
    rollout = ost.Canary(steps=[0.3, 1.0], over="1d")
    result = ost.replay(
        make_loop(label=label),
        world(20000, change=0.4),
        policy=ost.policies.scheduled("7d", holdout="3d", window=ost.Last("10d"), rollout=rollout),
        tick="6h",
    )
    assert result.cost["promotions"] >= 1
    assert result.predictions.filter(pl.col("role") == "canary").height > 100


def test_a_unit_keeps_its_version_while_the_canary_stands(world, make_loop):
    table = world(8000, change=0.4).with_columns(who=pl.int_range(pl.len()) % 40)
    policy = ost.policies.scheduled(
        "7d", holdout="3d", rollout=ost.Canary(steps=[0.3, 1.0], over="3d")
    )
    result = ost.replay(make_loop(unit="who"), table, policy=policy, tick="6h")
    served = result.predictions.with_columns(who=table["who"][800:])
    canaries = served.filter(pl.col("role") == "canary")
    assert canaries.height > 0
    for version in canaries["version"].unique():
        units = canaries.filter(pl.col("version") == version)["who"].unique().to_list()
        span = canaries.filter(pl.col("version") == version)["time"]
        inside = served.filter(
            pl.col("time").is_between(span.min(), span.max()) & pl.col("who").is_in(units)
        )
        assert inside["role"].unique().to_list() == ["canary"]


def test_holdback_units_stay_on_the_previous_champion(world, make_loop):
    policy = ost.policies.scheduled("7d", holdout="3d", rollout=ost.Immediate(holdback=0.2))
    result = ost.replay(make_loop(), world(8000, change=0.4), policy=policy, tick="6h")
    held = result.predictions.filter(pl.col("role") == "holdback")
    assert held.height > 100


def test_warm_start_continues_from_the_champion(world, make_loop):
    from sklearn.linear_model import SGDClassifier

    learner = SGDClassifier(loss="log_loss", random_state=0)
    policy = ost.policies.scheduled(
        "7d", holdout="3d", warm_start=True, gates=[], rollout=ost.Immediate()
    )
    result = ost.replay(make_loop(learner=learner), world(3000), policy=policy, tick="1d")
    parents = result.versions["parent"].to_list()
    assert parents[0] is None
    assert parents[1] == result.versions["version"][0]


@pytest.mark.parametrize("name", ["lightgbm", "xgboost"])
def test_boosting_libraries_run_the_loop(name, world, make_loop):
    learner = getattr(ost.learners, name)("binary", n_estimators=20)
    result = ost.replay(make_loop(learner=learner), world(2000), tick="1d")
    assert result.metrics["roc_auc"] > 0.7


def test_every_window_trains(world, make_loop):
    windows = [
        ost.Expanding(),
        ost.Last("10d"),
        ost.Decayed(half_life="10d"),
        ost.SinceChange(minimum="5d"),
    ]
    rows = []
    for window in windows:
        policy = ost.policies.scheduled("14d", holdout="3d", window=window)
        # The second training: when later ones begin depends on how long its candidate is proved.
        rows.append(
            ost.replay(make_loop(), world(3000), policy=policy, tick="1d").versions["rows"][1]
        )
    assert rows[0] > rows[1]
    assert rows[2] == rows[0]  # fading keeps the rows and lowers their weight


def test_learners_of_the_user_stay_untouched(world, make_loop):
    learner = LogisticRegression()
    ost.replay(make_loop(learner=learner), world(1000), tick="1d", policy=ost.policies.static())
    assert not hasattr(learner, "coef_")


@pytest.mark.parametrize("tick", ["1d", 50])
def test_labels_known_at_once_never_come_before_their_requests(world, make_loop, tick):
    # Whole days, so that many requests fall on the very moment of a tick.
    table = world(3000).with_columns(pl.col("at").dt.truncate("1d"))
    loop = make_loop(label=ost.Label("y"), policy=ost.policies.scheduled("7d", holdout="7d"))

    result = ost.replay(loop, table, tick=tick)

    assert "labels_unusable" not in result.decisions["kind"].to_list()
    assert result.cost["retrains"] >= 3
