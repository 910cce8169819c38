from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import ostinato as ost
from ostinato.cli.suite import app
from ostinato.loop.loading import load_loop

LOOP = """
from sklearn.linear_model import LogisticRegression
import ostinato as ost

DATA = "shop.parquet"
loop = ost.Loop(
    name="shop", task="binary", time="ts", features=["price", "place"],
    label=ost.Label("bought", delay="1h"), learner=LogisticRegression(),
    suite="checks/shop.toml",
)
"""


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    return pl.DataFrame(
        {
            "ts": [begin + timedelta(minutes=30 * i) for i in range(2000)],
            "price": rng.lognormal(3, 1, 2000).round(2),
            "place": rng.choice(["a", "b", "c"], 2000),
            "bought": rng.integers(0, 2, 2000),
        }
    )


@pytest.fixture
def folder(tmp_path, table):
    table.write_parquet(tmp_path / "shop.parquet")
    (tmp_path / "loop.py").write_text(LOOP)
    (tmp_path / "checks").mkdir()
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_a_suite_is_inferred_for_a_loop_where_the_loop_looks_for_it(folder):
    done = run("infer", folder / "loop.py")
    assert done.exit_code == 0, done.output
    assert "version 1 of 2 columns" in done.stderr
    suite = load_loop(str(folder / "loop.py")).loop.suite
    assert isinstance(suite, ost.Suite)
    assert suite.name == "shop"
    assert suite.inferred["rows"] < 200, "the rows before the start"


def test_checking_the_same_data_passes_and_broken_data_ends_with_one(folder, table):
    run("infer", folder / "loop.py")
    sound = run("check", folder / "loop.py", "--json")
    assert sound.exit_code == 0, sound.output
    assert json.loads(sound.stdout)["passed"]
    broken = table.with_columns(pl.lit(None, dtype=pl.Float64).alias("price"))
    broken.write_parquet(folder / "new.parquet")
    done = run("check", folder / "loop.py", "--data", folder / "new.parquet")
    assert done.exit_code == 1
    assert "failed: price: 2,000 of 2,000 (100%) rows without a value" in done.stdout


def test_only_the_rows_of_a_span_are_looked_at(folder, table):
    run("infer", folder / "loop.py")
    late = table["ts"][1500]
    price = pl.when(pl.col("ts") >= late).then(1.0).otherwise(pl.col("price"))
    table.with_columns(price.alias("price")).write_parquet(folder / "shop.parquet")
    before = run("check", folder / "loop.py", "--end", late.isoformat(), "--json")
    after = run("check", folder / "loop.py", "--start", late.isoformat(), "--json")
    assert (before.exit_code, after.exit_code) == (0, 1)
    assert json.loads(after.stdout)["rows"] == 500


def test_inferring_again_writes_the_next_version_and_says_what_changed(folder, table):
    file = folder / "checks" / "shop.toml"
    run("infer", folder / "loop.py")
    same = run("infer", folder / "loop.py")
    assert "nothing changed" in same.stderr
    first = file.read_bytes()
    table.with_columns(pl.lit("d").alias("place")).write_parquet(folder / "shop.parquet")
    done = run("infer", folder / "loop.py", "--json")
    told = json.loads(done.stdout)
    assert (told["version"], told["written"]) == (2, True)
    assert "columns.place.values: + d; - " in "\n".join(told["changes"])
    assert ost.Suite.read(file).version == 2
    assert file.read_bytes() != first


def test_what_people_edited_is_not_overwritten_unasked(folder):
    file = folder / "checks" / "shop.toml"
    run("infer", folder / "loop.py")
    edited = file.read_text().replace("duplicates = { warn = 0.01", "duplicates = { warn = 0.05")
    file.write_text(edited)
    done = run("infer", folder / "loop.py", "--json")
    assert done.exit_code == 2
    assert "was edited" in json.loads(done.stdout)["what"]
    assert "batch.duplicates.warn: 0.05 -> 0.01" in json.loads(done.stdout)["found"]
    assert file.read_text() == edited
    assert "edited by hand" in run("check", folder / "loop.py").stdout
    assert run("infer", folder / "loop.py", "--replace").exit_code == 0
    assert ost.Suite.read(file).version == 2


def test_a_table_has_a_suite_beside_it(folder):
    file = folder / "shop.parquet"
    done = run("infer", file, "--label", "bought", "--time", "ts")
    assert done.exit_code == 0, done.output
    assert (folder / "shop.suite.toml").exists()
    assert run("check", file).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "{}/loop.py"], "ostinato suite infer"),
        (["check", "{}/shop.parquet"], "The suite cannot be read"),
        (["infer", "{}/none.parquet"], "does not exist"),
        (["infer", "{}/shop.parquet", "--label", "sold"], "lacks columns that are named: sold"),
        (["infer", "{}/shop.parquet", "--out", "{}/no/x.toml"], "cannot be written there"),
        (["check", "{}/loop.py:other"], "does not say which loop"),
    ],
)
def test_what_cannot_be_used_ends_with_two_and_a_sentence(folder, arguments, says):
    done = run(*[each.format(folder) for each in arguments])
    assert done.exit_code == 2
    assert says in done.stderr
