"""Both executions at the edges of their arithmetic, equal to the bit."""

import numpy as np
import polars as pl
import pytest

from ostinato import features
from ostinato.features.asof import as_of
from ostinato.features.online import OnlineStore
from ostinato.features.plan import make_plan
from ostinato.features.prepare import LARGEST, EventBatch

SECOND = 1_000_000_000
SOURCES = tuple(features.Events(name, time="at") for name in ("clicks", "buys", "views"))


def aggregates(source, by, window, **options):
    """All kinds of aggregates of one source, key and window."""
    name = f"{source.name}_{by}_{window}_{options.get('hop', '')}"
    plain = {"by": by, "window": window, **options}
    return [
        features.count(source, name=f"count_{name}", **plain),
        features.count(source, "value", name=f"values_{name}", **plain),
        features.rate(source, name=f"rate_{name}", **plain),
        *(
            getattr(features, kind)(source, "value", name=f"{kind}_{name}", **plain)
            for kind in ("sum", "mean", "min", "max", "last")
        ),
        *(
            features.quantile(source, "value", at, name=f"q{at}_{name}", **plain)
            for at in (0.0, 0.5, 1.0)
        ),
        *(
            features.distinct(source, "value", exact_to=to, name=f"distinct{to}_{name}", **plain)
            for to in (2, 40, 65_536)
        ),
    ]


def batch_of(source, rng, times, known, values, keys):
    frame = pl.DataFrame(
        {"key": rng.choice(keys, len(times)).tolist(), "value": values, "other": "one"}
    )
    return EventBatch(source=source.name, times_ns=times, known_ns=known, frame=frame)


def both(plan, batches, rows, times, *, between=lambda store, at: store):
    """Compute features as of times, and serve them one by one as events come in."""
    requests = pl.DataFrame(rows, schema=list(plan.inputs), orient="row")
    history = as_of(plan, requests, np.array(times, dtype=np.int64), batches, workers=2)
    store = OnlineStore(plan)
    for batch in batches.values():
        store.ingest(batch)
    served = []
    for at, (row, time) in enumerate(zip(rows, times, strict=True)):
        store = between(store, at)
        served += store.lookup([row], [time])
    return history.rows(), served


def test_three_sources_many_tallies_and_a_store_that_is_pruned_and_restored() -> None:
    rng = np.random.default_rng(3)
    declared = []
    for source in SOURCES:
        declared += aggregates(source, "key", "30s")
        declared += aggregates(source, "other", "20s", hop="7s")
        declared += [features.decayed_mean(source, "value", by="key", half_life="3s")]
    plan = make_plan(declared)
    batches = {}
    for source in SOURCES:
        times = rng.integers(-60 * SECOND, 60 * SECOND, 3_000)
        values = np.round(rng.normal(0, 1e3, 3_000), 1)
        values[rng.random(3_000) < 0.1] = np.nan
        late = (rng.exponential(5, 3_000) * SECOND).astype(np.int64)
        batches[source.name] = batch_of(source, rng, times, times + late, values, ["a", "b", None])
    times = np.sort(rng.integers(-70 * SECOND, 100 * SECOND, 150)).tolist()
    rows = [(key, "one") for key in rng.choice(["a", "b", "nobody"], len(times)).tolist()]

    def disturbed(store, at):
        if at % 20 == 7:
            store.prune(times[at])
        if at % 30 == 11:
            return OnlineStore.restore(plan, store.snapshot())
        return store

    history, served = both(plan, batches, rows, times, between=disturbed)

    assert served == history


@pytest.mark.parametrize("window", ["1ns", "3ns", "50000d"])
def test_windows_of_a_nanosecond_and_of_a_century(window) -> None:
    rng = np.random.default_rng(1)
    plan = make_plan(aggregates(SOURCES[0], "key", window))
    times = np.r_[rng.integers(-20, 20, 40), rng.integers(-(2**61), 2**61, 40)]
    batch = batch_of(SOURCES[0], rng, times, times, rng.normal(size=80), ["a"])
    asked = np.sort(np.r_[rng.integers(-30, 30, 30), -(2**62), 2**62, times[60:]]).tolist()

    history, served = both(plan, {"clicks": batch}, [("a",)] * len(asked), asked)

    assert served == history


def test_the_largest_and_the_smallest_numbers() -> None:
    plan = make_plan(aggregates(SOURCES[0], "key", "1000s"))
    edge = np.nextafter(LARGEST, 0.0)
    values = np.array([edge, -edge, 5e-324, -5e-324, 2.0**-64, -(2.0**-65), -0.0, 0.0, 1e-300, 0.1])
    values = np.tile(values, 100)
    times = np.arange(len(values), dtype=np.int64) * SECOND
    rng = np.random.default_rng(1)
    batch = batch_of(SOURCES[0], rng, times, times, values, ["a"])
    asked = [*range(0, 1_000 * SECOND, 7 * SECOND), 1_500 * SECOND, 2_500 * SECOND]

    history, served = both(plan, {"clicks": batch}, [("a",)] * len(asked), asked)

    assert served == history
    assert served[-1][:4] == (0.0, 0.0, 0.0, 0.0), "all of it was taken off again"
