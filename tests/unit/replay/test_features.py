"""Computed features in a replay: as of each row, once per history, and in the lineage."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

import ostinato as ost
from ostinato.core.errors import DataError
from ostinato.core.units import HOUR_NS
from ostinato.learn.model import Model
from ostinato.replay.history import make_history
from ostinato.stores.registry_folder import FolderRegistry

LABELS, REQUESTS = ost.features.labels(), ost.features.requests()


def visits_of(table, seed=1):
    """Events of the kinds; each is known some hours after it happened."""
    rng = np.random.default_rng(seed)
    count = 2 * table.height
    first, last = table["at"].min(), table["at"].max()
    seconds = rng.integers(0, int((last - first).total_seconds()), count)
    happened = [first + timedelta(seconds=int(second)) for second in seconds]
    lag = rng.integers(0, 6 * 3600, count)
    return pl.DataFrame(
        {
            "when": happened,
            "known": [h + timedelta(seconds=int(s)) for h, s in zip(happened, lag, strict=True)],
            "sort": rng.choice(["a", "b", "c", None], count).tolist(),
            "spent": np.where(rng.random(count) < 0.1, np.nan, rng.normal(size=count)),
        }
    )


def declared(visits):
    source = ost.features.Events("visits", time="when", known="known", data=visits)
    return {
        "kind": "kind",
        "spent": ost.features.mean(source, "spent", by={"kind": "sort"}, window="1d", name="spent"),
        "share": ost.features.mean(LABELS, "label", by="kind", window="2d", name="share"),
        "asked": ost.features.count(REQUESTS, "x0", by="kind", window="3h", name="asked"),
        "x0": ost.features.Expr("double", pl.col("x0") * 2),
        "x1": "x1",
    }


def near(value, other):
    return (value is None) == (other is None) and (value is None or abs(value - other) < 1e-9)


@pytest.mark.parametrize("never", ["censored", "negative"])
def test_each_row_has_what_was_known_at_its_time_and_no_more(world, make_loop, never):
    table = world(600, days=20).with_columns(
        y=pl.when(pl.col("x3") < 1).then("y"),
        known=pl.col("at") + pl.duration(minutes=(pl.col("x2").abs() * 600).cast(pl.Int64)),
    )
    visits = visits_of(table)
    loop = make_loop(
        features=list(declared(visits).values()),
        label=ost.Label("y", time="known", horizon="12h", never=never),
    )
    shuffled = table.sample(fraction=1.0, shuffle=True, seed=3)

    history = make_history(loop, shuffled, start=None, end=None)

    assert history.frame.columns == ["kind", "spent", "share", "asked", "double", "x1"]
    rows = table.to_dicts()
    for place in [0, 1, 17, 60, 61, 200, 388, 599]:
        row, at = rows[place], rows[place]["at"]
        found = history.frame.row(place, named=True)
        spent = [
            v["spent"]
            for v in visits.to_dicts()
            if v["sort"] == row["kind"]
            and v["known"] <= at
            and in_window(v["when"], at, 24, 0.25)
            and v["spent"] == v["spent"]
        ]
        labels = [
            r["y"]
            for r in rows
            if r["kind"] == row["kind"]
            and r["y"] is not None
            and r["known"] < at
            and in_window(r["known"], at, 48, 1)
        ]
        asked = [
            r
            for r in rows
            if r["kind"] == row["kind"] and r["at"] < at and in_window(r["at"], at, 3, 1 / 60)
        ]
        assert near(found["spent"], float(np.mean(spent)) if spent else None)
        assert near(found["share"], float(np.mean(labels)) if labels else None)
        assert found["asked"] == len(asked)
        assert found["double"] == 2 * row["x0"]
    assert sorted(history.events) == ["labels", "requests", "visits"]


def in_window(moment, at, hours, hop_hours):
    """Say whether a moment's tile is in the window before a row."""
    epoch = moment.replace(year=1970, month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    hop = hop_hours * 3600
    begin = ((at - epoch).total_seconds() - hours * 3600) // hop
    return (moment - epoch).total_seconds() // hop >= begin


def test_what_comes_later_changes_no_feature_of_earlier_rows(world, make_loop):
    table = world(900, days=20)
    cut = table["at"][500]
    loop = make_loop(features=list(declared(visits_of(table)).values()))
    before = make_history(loop, table, start=None, end=None).frame[:500]

    later = table.with_columns(
        y=pl.when(pl.col("at") >= cut).then(1 - pl.col("y")).otherwise("y"),
        x0=pl.when(pl.col("at") >= cut).then(None).otherwise("x0"),
        kind=pl.when(pl.col("at") >= cut).then(pl.lit("new")).otherwise("kind"),
    )
    visits = visits_of(table).with_columns(
        spent=pl.when(pl.col("known") >= cut).then(99.0).otherwise("spent")
    )
    loop = make_loop(features=list(declared(visits).values()))

    assert make_history(loop, later, start=None, end=None).frame[:500].equals(before)
    assert make_history(loop, later, start=None, end=cut).frame.equals(before)


def test_events_from_the_end_on_are_left_out(world, make_loop):
    table = world(900, days=20)
    end = table["at"][700]
    loop = make_loop(features=list(declared(visits_of(table)).values()))

    history = make_history(loop, table, start=None, end=end)

    visits = history.events["visits"]
    assert 0 < len(visits) < 1_800
    assert visits.known_ns.max() < end.timestamp() * 10**9
    assert len(history.events["requests"]) == len(history)


def test_a_row_sees_neither_its_own_label_nor_itself(world, make_loop):
    table = world(600, days=5)
    loop = make_loop(
        features=[
            ost.features.mean(LABELS, "label", by="x0", window="2d", name="own"),
            ost.features.count(REQUESTS, by="x0", window="2d", name="times"),
        ],
        label=ost.Label("y"),  # known at once
    )

    frame = make_history(loop, table, start=None, end=None).frame

    assert frame["own"].null_count() == 600  # every x0 is another key
    assert frame["times"].sum() == 0


def test_a_version_answers_from_computed_features_and_says_what_it_was_trained_on(
    world, make_loop, tmp_path
):
    table = world(1_500, days=30).with_columns(hidden="x0").drop("x0")
    shifted = ost.features.Expr("shifted", pl.col("hidden") + 1)
    loop, without = (make_loop(features=["x1", "x2", *more]) for more in ([shifted], []))
    folder = str(tmp_path / "registry")

    run = ost.replay(loop, table, policy=ost.policies.static(), registry=folder)
    other = ost.replay(without, table, policy=ost.policies.static())

    assert run.metrics["log_loss"] < other.metrics["log_loss"] - 0.05
    with FolderRegistry(folder) as registry:
        lineage = registry.lineage(registry.aliases()["champion"])
        sample = make_history(loop, table, start=None, end=None).frame[:3]
        assert Model.from_bytes(registry.load(registry.versions()[0])).score(sample).shape == (3,)
    assert lineage.features == {"shifted": shifted.version}
    assert lineage.feature_schema == loop.feature_plan.digest != without.feature_plan.digest


def test_features_are_computed_once_for_all_policies(world, make_loop):
    calls = []

    def counted(value):
        calls.append(value)
        return value

    table = world(1_000, days=20)
    loop = make_loop(features=["x1", ost.features.Function("same", counted, inputs="x0")])
    policies = {"static": ost.policies.static(), "weekly": ost.policies.scheduled("7d")}

    ost.compare(loop, table, policies)

    assert len(calls) == table.height


def test_columns_of_keys_that_the_data_lacks_are_named(world, make_loop):
    loop = make_loop(features=list(declared(visits_of(world(50))).values()), slices=[])

    with pytest.raises(DataError, match=r"lacks columns the loop 'small' names: kind"):
        make_history(loop, world(200).drop("kind"), start=None, end=None)


def test_a_history_before_the_start_of_a_service_has_its_features_as_well(world, make_loop):
    table = world(900, days=20)
    loop = make_loop(features=list(declared(visits_of(table)).values()))
    whole = make_history(loop, table, start=None, end=None)
    begin_ns = int(whole.times_ns[400]) + 5 * HOUR_NS

    history = make_history(loop, table, start=None, end=None, begin_ns=begin_ns)

    assert history.frame.equals(whole.frame[: len(history)])
