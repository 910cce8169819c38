import json

import polars as pl
import pytest

import ostinato as ost
from ostinato import features


@pytest.fixture(scope="module")
def stopped(world, make_loop) -> tuple[ost.Loop, pl.DataFrame]:
    """Make a loop with a feature of events whose source stops on the fortieth day of sixty."""
    table = world(3000)
    begin = table["at"][0]
    events = table.select(at="at", kind="kind", level="x1").filter(
        (pl.col("at") - begin).dt.total_days() < 40
    )
    source = features.Events("levels", time="at", data=events)
    level = features.mean(source, "level", by="kind", window="1d", name="level")
    loop = make_loop(features=["x0", "kind", level], policy=ost.policies.scheduled("20d"))
    return loop, table


def test_the_share_missing_is_told_of_training_and_compared_with_what_was_served(stopped) -> None:
    loop, table = stopped

    result = ost.replay(loop, table, tick="12h")

    told = {
        row["subject"]: json.loads(row["evidence"])["missing"]
        for row in result.decisions.filter(pl.col("kind") == "candidate_trained").to_dicts()
    }
    assert all(list(shares) == ["level"] for shares in told.values())
    assert set(result.missing["feature"]) == {"level"}
    assert result.missing["n"].sum() == result.predictions["version"].is_not_null().sum()
    for row in result.missing.to_dicts():
        assert row["trained"] == told[row["version"]]["level"]
    moved = result.missing.filter("moved")
    assert len(moved) > 0
    assert (moved["served"] > moved["trained"] + 0.2).all()
    assert json.loads(result.to_json())["missing"] == result.missing.to_dicts()


def test_a_loop_of_plain_columns_tells_nothing_of_it(world, make_loop) -> None:
    result = ost.replay(make_loop(), world(1500), tick="1d")

    assert result.missing.is_empty()
    assert not any('"missing"' in evidence for evidence in result.decisions["evidence"])
