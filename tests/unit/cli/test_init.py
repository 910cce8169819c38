from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from ostinato.cli.init import app
from ostinato.loop.loading import data_of, load_loop


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    times = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=h) for h in range(300)]
    frame = pl.DataFrame(
        {
            "ts": times,
            'odd "name"\n': rng.normal(size=300),
            "shop": rng.choice(["a", "b"], 300),
            "label": rng.integers(0, 2, 300),
        }
    )
    path = tmp_path / "some shop.parquet"
    frame.write_parquet(path)
    return path


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.mark.parametrize("flags", [[], ["--name", "my-loop"]])
def test_the_file_written_loads(data, tmp_path, flags):
    output = tmp_path / "loop.py"
    done = run(data, "--output", output, *flags)
    assert done.exit_code == 0, done.output
    file = load_loop(str(output))
    assert file.loop.name == (flags[1] if flags else "some-shop")
    assert file.loop.features == ('odd "name"\n', "shop")
    assert list(file.policies) == ["static", "weekly", "monthly", "triggered"]
    assert data_of(file, None).resolve() == data


def test_what_was_inferred_is_told_on_stderr_and_the_path_on_stdout(data, tmp_path):
    done = run(data, "--output", tmp_path / "loop.py")
    assert done.stdout.strip() == str(tmp_path / "loop.py")
    assert "time" in done.stderr
    assert "left out:" not in done.stderr


def test_columns_without_a_part_are_told_and_time_and_label_are_not_among_them(data, tmp_path):
    table = pl.read_parquet(data).with_columns(post_refund=pl.lit(0.0), always=pl.lit("same"))
    table.write_parquet(data)

    told = run(data, "--output", tmp_path / "loop.py").stderr.splitlines()
    found = json.loads(run(data, "--output", tmp_path / "two.py", "--json").stdout)

    left_out = [line.split()[2] for line in told if line.startswith("left out:")]
    assert left_out == ["post_refund", "always"]
    assert list(found["left_out"]) == ["post_refund", "always"]


def test_with_json_what_was_inferred_is_data(data, tmp_path):
    done = run(data, "--output", tmp_path / "loop.py", "--json")
    assert json.loads(done.stdout)["task"] == "binary"


def test_a_loop_file_is_not_overwritten_unless_forced(data, tmp_path):
    output = tmp_path / "loop.py"
    output.write_text("mine")
    refused = run(data, "--output", output)
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert output.read_text() == "mine"
    assert run(data, "--output", output, "--force").exit_code == 0


def test_data_that_is_not_there_is_told(tmp_path):
    done = run(tmp_path / "nowhere.parquet", "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["error"] == "DataError"


def test_a_csv_file_is_read_as_well(data, tmp_path):
    frame = pl.read_parquet(data)
    frame.drop(frame.columns[1]).with_columns(x=pl.int_range(300) % 7 + 0.5).write_csv(
        tmp_path / "d.csv"
    )
    done = run(tmp_path / "d.csv", "--output", tmp_path / "loop.py")
    assert done.exit_code == 0, done.output
    assert load_loop(str(tmp_path / "loop.py")).loop.time == "ts"
