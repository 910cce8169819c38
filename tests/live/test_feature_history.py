"""History with windowed features, sent through the whole service, gives its replay's journal."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from ostinato.cli.audit import app
from ostinato.live.config import ServiceConfig
from ostinato.live.events import EventsGiven, encode
from ostinato.live.lake.lake import Lake
from ostinato.live.layout import Layout
from ostinato.live.published import Status, read
from ostinato.live.rehearsal import Rehearsal
from ostinato.live.schema import InputSchema
from ostinato.live.service import free_port
from ostinato.live.source_files import read_batch
from ostinato.loop.loading import load_loop
from ostinato.stores.eventlog_sqlite import SqliteEventLog

pytestmark = pytest.mark.timeout(400)

LOOP = """
from pathlib import Path

import polars as pl
from sklearn.tree import DecisionTreeClassifier

import ostinato as ost

F = ost.features
HERE = Path(__file__).parent
landings = F.Events("landings", time="landed", known="heard", data=HERE / "landings.parquet")
gates = F.Events("gates", time="closed", delay="5m", data=HERE / "gates.parquet")
sold = F.outcomes("sold", data=HERE / "sold.parquet")

loop = ost.Loop(
    name="late", task="binary", time="at", id="id", unit="who",
    features=[
        "x0", "kind",
        *F.windows(landings, {"delay": ["mean", "last"]}, by="kind", windows=["3h", "1d"]),
        F.count(gates, by="kind", window="6h"),
        F.mean(F.labels(), "label", by="kind", window="1d"),
        F.count(F.requests(), by="who", window="1d"),
        F.sum(sold, "value", by={"who": "unit"}, window="2d"),
        F.Expr("doubled", pl.col("x0") * 2),
    ],
    label=ost.Label("y", time="known", horizon="12h"),
    learner=DecisionTreeClassifier(max_depth=4, random_state=0), slices=["kind"],
    policy=ost.Policy(
        triggers=[ost.Every("6d")], window=ost.Last("6d"), cooldown="1d", holdout="2d", gates=[],
        max_retrains=100,
        rollout=ost.Canary(
            margin=0.2, min_samples=50, steps=(0.2, 1.0), over="12h", cap="8d", watch="4d",
            holdback=0.1,
        ),
    ),
)
"""


def moments(seconds):
    begin = np.datetime64("2024-01-01", "us")
    return pl.Series(begin + seconds * np.timedelta64(1, "s")).cast(pl.Datetime("us", "UTC"))


def write_world(home, rows=1_200, days=20):
    """Requests, landings, gates and sales; landings come late and out of order."""
    rng = np.random.default_rng(0)
    seconds = np.sort(rng.integers(0, days * 86_400, rows))
    kind, x, count = rng.choice(["a", "b", "c"], rows), rng.normal(size=rows), 2 * rows
    landed = rng.integers(0, days * 86_400, count)
    late = np.where(rng.random(count) < 0.2, rng.integers(0, 90_000, count), 0)
    odds = 1.5 * x * np.where(np.arange(rows) < rows // 2, 1, -1) + (kind == "a")
    tables = {
        "history": {
            "id": [f"r{row}" for row in range(rows)],
            "at": moments(seconds),
            "known": moments(seconds + rng.integers(600, 40_000, rows)),
            "who": rng.integers(0, 40, rows),
            "x0": x,
            "kind": kind,
            "y": (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int64),
        },
        "landings": {
            "landed": moments(landed),
            "heard": moments(landed + late),
            "kind": rng.choice(["a", "b", "c", "d"], count),
            "delay": pl.Series(rng.normal(size=count)).set(
                pl.Series(rng.random(count) < 0.1), None
            ),
        },
        "gates": {
            "closed": moments(np.sort(rng.integers(0, days * 86_400, rows))),
            "kind": rng.choice(["a", "b", "c"], rows),
        },
        "sold": {
            "time": moments(np.sort(rng.integers(0, days * 86_400, rows))),
            "unit": rng.integers(0, 40, rows),
            "value": rng.normal(size=rows),
        },
    }
    for name, columns in tables.items():
        pl.DataFrame(columns).write_parquet(home / f"{name}.parquet")


def rehearse(home):
    (home / "late.py").write_text(LOOP)
    write_world(home)
    target = str(home / "late.py")
    rehearsal = Rehearsal(
        loop=load_loop(target).loop,
        table=pl.read_parquet(home / "history.parquet"),
        data=home / "history.parquet",
        config=ServiceConfig(
            target=target,
            loop="late",
            port=free_port(),
            gateways=2,
            tick="6h",
            clock="events",
            autonomy="auto",
        ),
        tick="6h",
        start=None,
        end=None,
        speed=0.0,
        rows_per_request=16,
        exact=True,
    )
    said = []
    layout = Layout(home / "service")
    return rehearsal.run(layout, compare=True, say=said.append, report=lambda _: None), layout


def audit(what, layout):
    done = CliRunner().invoke(app, [what, "--dir", str(layout.folder), "--json"])
    return done.exit_code, json.loads(done.stdout)


def changed(layout):
    """Return a copy of a service from whose log somebody took closings of a gate."""
    copy = Layout(layout.folder.with_name("changed"))
    shutil.copytree(layout.folder, copy.folder)
    shutil.rmtree(copy.lake)
    copy.lake.mkdir()
    with closing(sqlite3.connect(copy.events)) as connection, connection:
        forged = encode(EventsGiven("gates", [None], [0], [0], {"kind": [None]}))
        statement = "UPDATE events SET payload = ? WHERE key LIKE 'e/gates/i9%'"
        assert connection.execute(statement, (forged,)).rowcount
    return copy


def test_live_equals_replay_with_features_of_every_kind_of_source(tmp_path):
    done, layout = rehearse(tmp_path)

    assert done.same, done.difference
    kinds = done.decisions
    assert kinds["candidate_trained"] >= 3, "the first champion and two more"
    assert kinds["rollout_advanced"] >= 1
    assert kinds["promoted"] >= 2, "after the start as well"
    assert audit("replay", layout) == (0, {"same": True, "difference": None})
    status, verified = audit("verify", layout)
    assert (status, verified["whole"]) == (0, True)
    assert verified["decisions"] == sum(kinds.values())

    status, computed = audit("features", layout)
    assert status == 0
    assert len(computed["features"]) == 9
    assert {each["differing"] for each in computed["features"]} == {0}
    other = changed(layout)
    status, computed = audit("features", other)
    assert status == 1
    differing = {each["feature"] for each in computed["features"] if each["differing"]}
    assert differing == {"gates_count_6h_by_kind"}

    stands = read(layout.status, Status)
    assert stands.features == ""
    taken = {source.name: source.events for source in stands.sources}
    assert set(taken) == {"landings", "gates", "labels", "requests", "outcomes_sold"}
    assert all(events > 900 for events in taken.values()), taken
    assert stands.parity, "features of landings and gates were compared with their tables"
    assert all(each.rows > 200 and each.mismatches == 0 for each in stands.parity), stands.parity
    assert stands.parity_trouble == ""

    schema = read(layout.schema, InputSchema)
    lake = Lake(layout, schema)
    with SqliteEventLog(layout.events, shared=True) as log:
        lake.compact(log)
    gates = pl.read_parquet(tmp_path / "gates.parquet")
    known = gates["closed"].dt.offset_by("5m").dt.timestamp("ns")
    ends = stands.now_ns
    posted = gates.filter(known.is_between(schema.start_ns, ends, closed="right"))
    assert lake.events_of("gates").frame.equals(posted.select("kind"))
    assert read_batch(layout.sources, "gates").frame.height == (known <= schema.start_ns).sum()
