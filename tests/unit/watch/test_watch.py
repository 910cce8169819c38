from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
from sklearn import metrics as sk

from ostinato.core.records import OutcomesRevealed, RowsLabelled
from ostinato.core.snapshot import decode, encode
from ostinato.stats.metrics import METRICS, companions
from ostinato.watch import ANSWERS, tables

TASKS = ["binary", "multiclass", "regression"]
SKLEARN = {
    "binary": {
        "accuracy": lambda y, p: sk.accuracy_score(y, p >= 0.5),
        "brier": sk.brier_score_loss,
        "f1": lambda y, p: sk.f1_score(y, p >= 0.5),
        "log_loss": lambda y, p: sk.log_loss(y, np.clip(p, 1e-7, 1 - 1e-7)),
    },
    "multiclass": {
        "accuracy": lambda y, p: sk.accuracy_score(y, p.argmax(axis=1)),
        "log_loss": lambda y, p: sk.log_loss(y, np.clip(p, 1e-7, 1), labels=[0, 1, 2]),
    },
    "regression": {
        "mae": sk.mean_absolute_error,
        "mse": sk.mean_squared_error,
        "r2": sk.r2_score,
        "rmse": sk.root_mean_squared_error,
    },
}


def scored(labels, scores):
    known = ~np.isnan(labels)
    return known & ~np.isnan(scores if scores.ndim == 1 else scores[:, 0])


def answers(rows):
    stacked = np.stack([rows.scores[version] for version in rows.versions])
    return stacked[rows.answered, np.arange(len(rows))]


def check(table, task, rows, scores, sums=None):
    """Compare every metric of every group with its exact value over the same rows."""
    known = scored(rows.labels, scores)
    groups = [known, *(known & (rows.groups == code).any(axis=1) for code in range(5))]
    for group, chosen in enumerate(groups):
        labels, given = rows.labels[chosen], scores[chosen]
        assert table["n"][group] == chosen.sum()
        for name in set(companions(task)) & set(table) - {"average_precision"}:
            exact = METRICS[name].value(labels, given)
            bound = 1e-9
            if name == "roc_auc":
                bound += sums.auc_error_bound(group)
            assert table[name][group] == pytest.approx(exact, rel=1e-9, abs=bound, nan_ok=True), (
                name
            )
        for name, reference in SKLEARN[task].items():
            if len(np.unique(labels)) > 1:
                assert table[name][group] == pytest.approx(reference(labels, given), abs=1e-6), name


@pytest.mark.parametrize("task", TASKS)
def test_every_metric_of_every_slice_is_the_one_over_its_rows(watching, draw, task):
    watch = watching(task)
    rows = watch.matured(
        draw,
        task,
        600,
        times=draw.integers(0, 100, 600),
        versions=("v1", "v2", "v3"),
        missing=0.1,
        unlabelled=0.2,
    )
    for part in np.array_split(np.arange(600), 7):
        watch.tick(watch.only(rows, part))
    found = {closed.version: closed.table for closed in tables(watch.state.performance, 0, 0)}
    assert set(found) == {"v1", "v2", "v3", ANSWERS}
    sums = watch.state.performance.buckets[0]
    for version in rows.versions:
        check(found[version], task, rows, rows.scores[version], sums[version])
    check(found[ANSWERS], task, rows, answers(rows), sums[ANSWERS])
    assert all(table["matured"].tolist() == [600.0] for table in found.values())


@pytest.mark.parametrize("task", TASKS)
def test_revised_rows_are_as_if_they_had_always_been_so(watching, draw, task):
    revised, straight = watching(task), watching(task)
    rows = revised.matured(
        draw, task, 300, times=draw.integers(0, 100, 300), versions=("v1", "v2"), unlabelled=0.3
    )
    late = np.flatnonzero(np.isnan(rows.labels))[:40]
    wrong = np.flatnonzero(~np.isnan(rows.labels))[:40]
    lost = np.flatnonzero(~np.isnan(rows.labels))[40:50]
    other = revised.matured(draw, task, 90, times=[1] * 90).labels
    other[80:] = np.nan
    chosen = np.concatenate([late, wrong, lost])
    final = rows.labels.copy()
    final[chosen] = other

    revised.tick(rows)
    revised.tick(revised.revised(rows, chosen, other))
    truth = straight.only(rows, np.arange(300))
    truth.labels[:] = final
    straight.tick(truth)

    for ours, theirs in zip(
        tables(revised.state.performance, 0, 0),
        tables(straight.state.performance, 0, 0),
        strict=True,
    ):
        assert ours.version == theirs.version
        for name, values in theirs.table.items():
            np.testing.assert_allclose(ours.table[name], values, rtol=1e-9, atol=1e-9, err_msg=name)
    assert len(revised.losses) == 1  # what was decided on stays decided


@pytest.mark.parametrize("task", TASKS)
def test_merged_summaries_of_parts_are_those_of_all_rows(watching, draw, task):
    rows = watching(task).matured(draw, task, 400, times=draw.integers(0, 100, 400))
    whole, parts = watching(task), [watching(task) for _ in range(3)]
    whole.tick(rows)
    for watch, part in zip(parts, np.array_split(np.arange(400), 3), strict=True):
        watch.tick(watch.only(rows, part))
    merged = deepcopy(parts[2].state.performance.buckets[0]["v1"])
    merged.merge(parts[0].state.performance.buckets[0]["v1"])
    merged.merge(parts[1].state.performance.buckets[0]["v1"])
    for name, values in whole.state.performance.buckets[0]["v1"].table().items():
        np.testing.assert_allclose(merged.table()[name], values, rtol=1e-9, atol=1e-9)


def test_batch_borders_do_not_matter(watching, draw):
    rows = watching().matured(draw, "binary", 200, times=draw.integers(0, 300, 200), missing=0.2)
    whole, one_by_one = watching(), watching()
    whole.tick(rows)
    for row in range(200):
        one_by_one.tick(one_by_one.only(rows, np.array([row])))
    assert encode(whole.state) == encode(one_by_one.state)


def test_rows_of_one_record_are_divided_by_the_time_of_their_prediction(watching, draw):
    watch = watching()
    rows = watch.matured(draw, "binary", 90, times=[5] * 30 + [199] * 20 + [10_000] * 40)
    watch.tick(rows)
    assert watch.state.performance.seen == {10_000: 40}
    found = watch.buckets()
    assert {key: table["n"][0] for key, table in found.items()} == {(0, "v1"): 30, (100, "v1"): 20}


def test_bucket_closes_once_when_no_revision_can_change_it(watching, draw):
    watch = watching()
    rows = watch.matured(draw, "binary", 20, times=[50] * 20)
    watch.tick(rows)
    watch.tick(watch.matured(draw, "binary", 5, times=[349] * 5))
    assert watch.closed == []
    watch.tick(watch.matured(draw, "binary", 5, times=[350] * 5))
    assert [closed.bucket_ns for closed in watch.closed] == [0]
    watch.tick(watch.revised(rows, [1, 2], np.array([0.0, 0.0])), rows)
    watch.tick(watch.matured(draw, "binary", 5, times=[700] * 5))
    assert [closed.bucket_ns for closed in watch.closed] == [0, 300]
    assert watch.state.performance.left_out == 24


def test_memory_does_not_grow_with_the_length_of_the_stream(watching, draw):
    watch = watching()
    sizes = {}
    for tick in range(1, 1_001):
        watch.tick(watch.matured(draw, "binary", 4, times=[tick * 20] * 4))
        if tick in {100, 1_000}:
            sizes[tick] = len(encode(watch.state))
    assert sizes[1_000] < 1.1 * sizes[100]
    starts = [closed.bucket_ns for closed in watch.closed]
    assert starts == list(range(0, starts[-1] + 100, 100))


def test_answers_are_summarised_apart_once_a_second_version_is_there(watching, draw):
    watch = watching()
    alone = watch.matured(draw, "binary", 50, times=[1] * 50)
    watch.tick(alone)
    assert list(watch.state.performance.buckets[0]) == ["v1"]
    both = watch.matured(draw, "binary", 50, times=[2] * 50, versions=("v1", "v2"))
    watch.tick(both)
    after = watch.matured(draw, "binary", 50, times=[3] * 50, versions=("v2",))
    watch.tick(after)
    sums = watch.state.performance.buckets[0]
    assert {version: int(s.table()["n"][0]) for version, s in sums.items()} == {
        "v1": 100,
        "v2": 100,
        ANSWERS: 150,
    }
    labels = np.concatenate([rows.labels for rows in (alone, both, after)])
    given = np.concatenate([answers(rows) for rows in (alone, both, after)])
    assert sums[ANSWERS].table()["brier"][0] == pytest.approx(np.mean((given - labels) ** 2))


@pytest.mark.parametrize("task", TASKS)
def test_losses_are_those_of_each_labelled_row_and_version(watching, draw, task):
    watch = watching(task)
    rows = watch.matured(
        draw, task, 80, times=[7] * 80, versions=("v1", "v2"), missing=0.2, unlabelled=0.2
    )
    watch.tick(rows)
    (seen,) = watch.losses
    labelled = np.flatnonzero(~np.isnan(rows.labels))
    assert seen.offsets.tolist() == rows.offsets[labelled].tolist()
    assert seen.matured_to_ns == rows.matured_to_ns
    assert seen.groups.tolist() == rows.groups[labelled].tolist()
    for version in rows.versions:
        scores, labels = rows.scores[version][labelled], rows.labels[labelled]
        known = scored(labels, scores)
        assert np.isnan(seen.losses[version][~known]).all()
        metric = METRICS[watch.state.config_.metric]
        assert seen.losses[version][known].mean() == pytest.approx(
            metric.value(labels[known], scores[known])
        )


def test_rows_without_labels_count_as_matured_and_give_no_losses(watching, draw):
    watch = watching()
    watch.tick(watch.matured(draw, "binary", 10, times=[1] * 10, unlabelled=1.0))
    assert watch.losses == []
    assert watch.state.performance.seen == {0: 10}
    watch.tick(watch.matured(draw, "binary", 30, times=[2] * 30))
    (closed,) = tables(watch.state.performance, 0, 0)
    assert (closed.table["matured"].tolist(), closed.table["n"][0]) == ([40.0], 30.0)


def test_version_that_scored_nothing_has_no_summaries(watching, draw):
    watch = watching("multiclass")
    rows = watch.matured(draw, "multiclass", 30, times=[1] * 30, missing=1.0)
    watch.tick(rows)
    assert watch.state.performance.buckets == {0: {}}
    assert np.isnan(watch.losses[0].losses["v1"]).all()


def test_summaries_grow_when_groups_appear(watching, draw):
    watch = watching(groups=1)
    rows = watch.matured(draw, "binary", 200, times=[1] * 200)
    watch.tick(rows)
    (closed,) = tables(watch.state.performance, 0, 0)
    check(closed.table, "binary", rows, rows.scores["v1"], watch.state.performance.buckets[0]["v1"])


def test_restored_watch_goes_on_as_if_nothing_had_happened(watching, draw):
    watch = watching()
    batches = [
        watch.matured(draw, "binary", 20, times=[t] * 20, versions=v)
        for t, v in [(1, ("v1",)), (50, ("v1", "v2")), (120, ("v2",)), (500, ("v2",))]
    ]
    watch.tick(*batches[:2])
    again = watching()
    again.state = decode(encode(watch.state))
    again.state.config_ = watch.state.config_
    for batch in batches[2:]:
        assert encode(watch.tick(batch)) == encode(again.tick(batch))


def test_rows_before_1970_have_buckets_too(watching, draw):
    watch = watching()
    watch.tick(watch.matured(draw, "binary", 10, times=[-950] * 10))
    watch.tick(watch.matured(draw, "binary", 10, times=[-550] * 10))
    assert [closed.bucket_ns for closed in watch.closed] == [-1_000]


def test_further_metrics_are_computed_only_when_a_guardrail_looks_at_them(watching, draw):
    plain, guarded = watching("binary"), watching("binary", guards=("error_rate", "log_loss"))
    rows = plain.matured(
        draw, "binary", 60, times=range(60), versions=("v1", "v2"), missing=0.2, unlabelled=0.2
    )

    plain.tick(rows)
    guarded.tick(rows)

    assert plain.losses[0].guards == {}
    found = guarded.losses[0]
    assert list(found.guards) == ["error_rate", "log_loss"]
    assert found.guards["log_loss"] is found.losses
    labels = rows.labels[~np.isnan(rows.labels)]
    for version in ("v1", "v2"):
        scores = rows.scores[version][~np.isnan(rows.labels)]
        wrong = np.where(np.isnan(scores), np.nan, (scores >= 0.5) != (labels == 1))
        assert np.array_equal(found.guards["error_rate"][version], wrong, equal_nan=True)
        assert np.array_equal(
            found.losses[version], plain.losses[0].losses[version], equal_nan=True
        )


def test_first_labels_become_losses_of_every_version_and_no_sums(watching, draw):
    stage = watching()
    rows = stage.matured(draw, "binary", 50, times=range(50), versions=("v1", "v2"), missing=0.2)
    labelled = RowsLabelled(
        ts_event_ns=60,
        ts_record_ns=60,
        times_ns=rows.times_ns,
        label_times_ns=rows.times_ns + 7,
        labels=rows.labels,
        versions=rows.versions,
        answered=rows.answered,
        roles=rows.roles,
        scores=rows.scores,
    )

    (revealed,) = stage.tick(labelled)

    assert isinstance(revealed, OutcomesRevealed)
    assert revealed.label_times_ns.tolist() == labelled.label_times_ns.tolist()
    for version in ("v1", "v2"):
        scores, found = rows.scores[version], revealed.losses[version]
        wanted = -np.log(np.where(rows.labels == 1, scores, 1 - scores))
        scored = ~np.isnan(scores)
        assert np.isnan(found[~scored]).all()
        assert found[scored] == pytest.approx(wanted[scored])
    assert stage.state.performance.buckets == {}
