from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from textwrap import dedent

import numpy as np
import polars as pl
import pytest

pytestmark = pytest.mark.timeout(300)

LOOP = """
from sklearn.linear_model import LogisticRegression
import ostinato as ost

DATA = "history.parquet"

loop = ost.Loop(
    name="shop",
    task="binary",
    time="ts",
    features=["x", "shop"],
    label=ost.Label("label", time="label_ts", horizon="12h"),
    learner=LogisticRegression(),
    slices=["shop"],
    policy=ost.policies.scheduled("7d"),
    monitors=ost.Monitors(window="7d", fast="7d"),
)

POLICIES = {"never": ost.policies.static(), "weekly": ost.policies.scheduled("7d")}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """120 days of requests; the meaning of x turns round after 50 days."""
    folder = tmp_path_factory.mktemp("shop")
    rng = np.random.default_rng(1)
    rows = 120 * 24 * 3
    minutes = np.sort(rng.integers(0, 120 * 24 * 60, rows)).tolist()
    times = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=m) for m in minutes]
    x = rng.normal(size=rows)
    slope = np.where(np.array(minutes) < 50 * 24 * 60, 2.5, -2.5)
    label = rng.random(rows) < 1 / (1 + np.exp(-slope * x))
    frame = pl.DataFrame(
        {
            "ts": times,
            "label_ts": [t + timedelta(hours=2) for t in times],
            "x": x,
            "shop": rng.choice(["north", "south"], rows),
            "label": label.astype(int),
        }
    )
    frame.write_parquet(folder / "history.parquet")
    (folder / "shop_loop.py").write_text(dedent(LOOP))
    return folder


@pytest.fixture
def ostinato(folder):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "ostinato.cli.main", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            timeout=240,
        )

    return run


def test_replay_gives_the_whole_document_as_json(ostinato):
    done = ostinato(
        "replay", "shop_loop.py", "--data", "history.parquet", "--policy", "scheduled:14d", "--json"
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["format"] == "ostinato.replay/1"
    assert document["cost"]["retrains"] >= 3


def test_replay_writes_a_report_and_a_journal_and_a_short_text(ostinato, folder):
    done = ostinato(
        "replay",
        "shop_loop.py:loop",
        "--html",
        "replay.html",
        "--journal",
        "journal.db",
        "--tick",
        "6h",
    )
    assert done.returncode == 0, done.stderr
    assert "log_loss" in done.stdout
    assert "report: replay.html" in done.stderr
    assert (folder / "replay.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert (folder / "journal.db").stat().st_size > 0


def test_a_replay_is_the_same_twice(ostinato):
    runs = [
        ostinato("replay", "shop_loop.py", "--tick", "200", "--seed", "7", "--json")
        for _ in range(2)
    ]
    first, second = (json.loads(run.stdout) for run in runs)
    assert first["journal_hash"] == second["journal_hash"]


def test_compare_takes_the_policies_of_the_file(ostinato, folder):
    done = ostinato("compare", "shop_loop.py", "--html", "compare.html", "--tick", "6h", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [row["policy"] for row in document["table"]] == ["never", "weekly"]
    assert "weekly" in (folder / "compare.html").read_text(encoding="utf-8")


def test_compare_prints_a_table_and_the_advice(ostinato):
    done = ostinato(
        "compare", "shop_loop.py", "--policy", "static", "--policy", "weekly", "--tick", "12h"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("policy")
    assert "orth it" in done.stdout


def test_advise_says_yes_with_0_where_the_world_turned_round(ostinato):
    done = ostinato("advise", "shop_loop.py", "--tick", "12h", "--price-per-unit", "10", "--json")
    advice = json.loads(done.stdout)
    assert done.returncode == (0 if advice["worth_it"] else 1)
    assert advice["prices"]["metric_unit"] == 10.0
    assert advice["low"] <= advice["value_per_month"] <= advice["high"]


def test_advise_says_no_with_1_where_training_costs_more_than_it_brings(ostinato):
    done = ostinato("advise", "shop_loop.py", "--tick", "12h", "--price-per-train-hour", "1e12")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("Not worth it")


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay", "nowhere.py"),
        ("replay", "shop_loop.py", "--data", "nowhere.parquet"),
        ("replay", "shop_loop.py", "--policy", "whenever"),
        ("compare", "shop_loop.py", "--tick", "soon"),
        ("advise", "shop_loop.py:other"),
        ("replay", "shop_loop.py", "--start", "yesterday"),
        ("replay",),
    ],
)
def test_input_errors_leave_with_2_and_without_a_traceback(ostinato, arguments):
    done = ostinato(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "rror" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_file_that_init_writes_runs(ostinato):
    written = ostinato("init", "history.parquet", "--output", "written.py")
    assert written.returncode == 0, written.stderr
    done = ostinato("replay", "written.py", "--policy", "static", "--tick", "1d")
    assert done.returncode == 0, done.stderr
