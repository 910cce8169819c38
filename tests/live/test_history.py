"""History sent through the whole service gives the journal of its replay, byte for byte."""

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
from ostinato.live.layout import Layout
from ostinato.live.rehearsal import Rehearsal
from ostinato.live.service import free_port
from ostinato.loop.loading import load_loop

pytestmark = pytest.mark.timeout(180)

LOOP = """
from sklearn.tree import DecisionTreeClassifier
import ostinato as ost

loop = ost.Loop(
    name="late", task="binary", time="at", features=["x0", "x1", "kind"], id="id",
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
    monitors=ost.Monitors(examine="4d", window="1d", fast="6h"),
)
"""


def make_history(rows=2_000, days=20):
    """Labels come up to ten hours late, out of order; half way the meaning of x0 turns round."""
    rng = np.random.default_rng(0)
    seconds = np.sort(rng.integers(0, days * 86_400, rows))
    late = seconds + rng.integers(3_600, 36_000, rows)
    x, kind = rng.normal(size=(rows, 2)), rng.choice(["a", "b", "c"], rows)
    turned = np.where(np.arange(rows) < rows // 2, 1, -1)
    odds = 1.5 * x[:, 0] * turned - x[:, 1] + (kind == "a")
    begin = np.datetime64("2024-01-01", "us")

    def moments(after):
        return pl.Series(begin + after * np.timedelta64(1, "s")).cast(pl.Datetime("us", "UTC"))

    return pl.DataFrame(
        {
            "id": [f"r{row}" for row in range(rows)],
            "at": moments(seconds),
            "known": moments(late),
            "x0": x[:, 0],
            "x1": x[:, 1],
            "kind": kind,
            "y": (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(int),
        }
    )


def rehearse(home):
    (home / "late.py").write_text(LOOP)
    table = make_history()
    table.write_parquet(home / "history.parquet")
    target = str(home / "late.py")
    rehearsal = Rehearsal(
        loop=load_loop(target).loop,
        table=table,
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


def changed(layout, name, *statements):
    """Return a copy of a service in which somebody has changed a database."""
    copy = Layout(layout.folder.with_name(name))
    shutil.copytree(layout.folder, copy.folder)
    database = copy.journal if "journal" in name else copy.events
    with closing(sqlite3.connect(database)) as connection, connection:
        for (trigger,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            assert connection.execute(statement).rowcount, "somebody changed something"
    return copy


def test_live_equals_replay_and_the_audits_name_what_was_changed_afterwards(tmp_path):
    done, layout = rehearse(tmp_path)

    assert done.same, done.difference
    kinds = done.decisions
    assert kinds["candidate_trained"] >= 3, "the first champion and two more"
    assert kinds["rollout_advanced"] >= 1
    assert kinds["promoted"] >= 2, "after the start as well"
    assert kinds["evidence_registered"] >= 2, "what is watched has its references"
    assert kinds["diagnosis_made"] == kinds["examination_requested"] >= 1
    roles = {key.split(" as ")[1] for key in done.answers}
    assert {"champion", "canary"} <= roles

    assert audit("replay", layout) == (0, {"same": True, "difference": None})
    status, verified = audit("verify", layout)
    assert (status, verified["whole"]) == (0, True)
    assert verified["decisions"] == sum(kinds.values())

    journal = changed(
        layout,
        "changed-journal",
        'UPDATE entries SET body = replace(body, \'"kind":"promoted"\', \'"kind":"promotex"\') '
        'WHERE body LIKE \'%"kind":"promoted"%\'',
    )
    status, verified = audit("verify", journal)
    assert status == 1
    assert "promotex" in audit("replay", journal)[1]["difference"]["written"]
    assert not verified["whole"]

    log = changed(layout, "changed-log", "DELETE FROM events WHERE key LIKE 'l/%' AND offset > 100")
    status, derived = audit("replay", log)
    assert status == 1
    assert derived["difference"]["derived"] != derived["difference"]["written"]
