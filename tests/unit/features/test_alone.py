import numpy as np
import polars as pl
import pytest

from ostinato import features
from ostinato.core.errors import ConfigError
from ostinato.features.compute import compute
from ostinato.features.plan import make_plan
from ostinato.features.prepare import EventBatch

COUNT = 400
TIMES = np.arange(COUNT, dtype=np.int64) * 1_000_000_000
DELAY = pl.col("delay")


@pytest.fixture
def events():
    rng = np.random.default_rng(5)
    frame = pl.DataFrame(
        {
            "carrier": rng.choice(["AA", "UA"], COUNT),
            "delay": np.where(rng.random(COUNT) < 0.1, None, rng.integers(0, 60, COUNT)).tolist(),
        }
    )
    return {"landings": EventBatch(source="landings", times_ns=TIMES, known_ns=TIMES, frame=frame)}


def computed(declared, events):
    requests = pl.DataFrame({"carrier": ["AA"] * 3})
    return compute(make_plan([declared]), requests, TIMES[[50, 100, 399]], events)


@pytest.mark.parametrize(
    "expression",
    [
        DELAY - DELAY.mean(),
        DELAY.shift(-1),
        DELAY.mean().over("carrier"),
        DELAY.fill_null(strategy="backward"),
        DELAY.rank(),
        DELAY.max(),
        DELAY.drop_nulls(),
    ],
)
@pytest.mark.parametrize("role", ["column", "where", "distinct"])
def test_no_expression_of_events_sees_later_ones(landings, events, expression, role) -> None:
    options = {"by": "carrier", "window": "1h", "name": "x"}
    declared = {
        "column": lambda: features.mean(landings, expression, **options),
        "where": lambda: features.count(landings, where=expression > 20, **options),
        "distinct": lambda: features.distinct(landings, expression, **options),
    }[role]()

    with pytest.raises(ConfigError) as raised:
        computed(declared, events)

    assert "'landings' looks at other events than one" in str(raised.value)
    assert "sees the future" in str(raised.value)


@pytest.mark.parametrize(
    "expression",
    [
        DELAY.fill_null(0).clip(0, 30).log1p(),
        pl.when(DELAY > 15).then(1).otherwise(0),
        (pl.col("carrier") == "AA") & (DELAY > 5),
        DELAY / 0.0,
    ],
)
def test_expressions_of_an_event_alone_are_good(landings, events, expression) -> None:
    declared = features.distinct(landings, expression, by="carrier", window="1h", name="x")

    assert computed(declared, events)["x"].null_count() == 0
