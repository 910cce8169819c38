"""Feature views of Feast: what is read off a repository, and Feast's own answers beside ours.

The repository is a real one where Feast is installed; what must hold without Feast is told by a
stand-in that has what a store gives.
"""

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import ClassVar

import numpy as np
import polars as pl
import pytest

from ostinato import features
from ostinato.core.errors import ConfigError
from ostinato.core.units import HOUR_NS, SECOND_NS
from ostinato.features.asof import as_of
from ostinato.features.feast import from_feast
from ostinato.features.plan import make_plan
from ostinato.features.reading import read_sources


@dataclass
class StandInField:
    name: str
    dtype: str


@dataclass
class StandInSource:
    path: str | None = "stats.parquet"
    timestamp_field: str = "ts"
    created_timestamp_column: str = ""
    field_mapping: dict[str, str] = field(default_factory=dict)


@dataclass
class StandInView:
    name: str = "driver_stats"
    ttl: timedelta | None = timedelta(hours=3)
    batch_source: StandInSource = field(default_factory=StandInSource)
    entity_columns: list[StandInField] = field(
        default_factory=lambda: [StandInField("driver_id", "Int64")]
    )
    features: list[StandInField] = field(
        default_factory=lambda: [
            StandInField("trips", "Int64"),
            StandInField("rating", "Float32"),
            StandInField("city", "String"),
            StandInField("tags", "Array(String)"),
        ]
    )


class StandInStore:
    views: ClassVar[list[StandInView]] = []

    def __init__(self, repo_path: str) -> None:
        self.repo_path = repo_path

    def list_feature_views(self) -> list[StandInView]:
        return self.views


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Make a folder that a stand-in for Feast takes for its own, with these views."""
    module = ModuleType("feast")
    module.FeatureStore = StandInStore
    monkeypatch.setitem(sys.modules, "feast", module)
    (tmp_path / "feature_store.yaml").write_text("project: small\n", encoding="utf-8")

    def with_views(*views):
        monkeypatch.setattr(StandInStore, "views", list(views))
        return tmp_path

    return with_views


def test_a_view_becomes_a_source_and_its_features_the_last_values(repository) -> None:
    view = StandInView(
        batch_source=StandInSource(
            created_timestamp_column="written", field_mapping={"n_trips": "trips"}
        )
    )
    folder = repository(view)

    trips, rating = from_feast(folder, "driver_stats:trips", "driver_stats:rating")

    assert (trips.name, trips.kind, trips.column) == ("trips", "last", "trips")
    assert trips.by == (("driver_id", "driver_id"),)
    assert trips.window_ns == 3 * HOUR_NS
    assert trips.source is rating.source
    assert trips.source.name == "driver_stats"
    assert (trips.source.time, trips.source.known) == ("ts", "written")
    assert trips.source.data == folder / "stats.parquet"
    assert trips.source.renamed == {"n_trips": "trips"}
    assert trips.source.columns == {
        "driver_id": "integer",
        "trips": "integer",
        "rating": "number",
        "city": "text",
    }


def test_names_can_be_those_feast_gives_in_full(repository) -> None:
    folder = repository(StandInView(), StandInView(name="car_stats"))

    made = from_feast(
        folder, "driver_stats:trips", "car_stats:trips", full_feature_names=True, hop="1s"
    )

    assert [each.name for each in made] == ["driver_stats__trips", "car_stats__trips"]
    assert [each.hop_ns for each in made] == [SECOND_NS] * 2


@pytest.mark.parametrize("ttl", [None, timedelta(0)])
def test_a_view_without_a_time_to_live_looks_back_a_century_in_two_tiles(repository, ttl) -> None:
    [trips] = from_feast(repository(StandInView(ttl=ttl)), "driver_stats:trips")

    plan = make_plan([trips])

    assert plan.tallies[0].levels[0].tiles == 2
    assert trips.window_ns > 99 * 365 * 24 * HOUR_NS


def test_a_created_column_that_says_nothing_of_when_rows_were_known_is_left_out(repository) -> None:
    view = StandInView(batch_source=StandInSource(created_timestamp_column="written"))

    [trips] = from_feast(repository(view), "driver_stats:trips", created=False)

    assert trips.source.known is None


@pytest.mark.parametrize(
    ("references", "message"),
    [
        ((), "names no feature"),
        (("trips",), "is not named in full"),
        (("driver_stat:trips",), "no feature view 'driver_stat'.*\n.*Did you mean 'driver_stats'"),
        (("driver_stats:trip",), "no feature 'trip'.*\n.*Did you mean 'trips'"),
        (("driver_stats:city",), "'city' of the Feast view 'driver_stats' is no number"),
        (("driver_stats:tags",), "'tags' of the Feast view 'driver_stats' is no number"),
    ],
)
def test_what_the_repository_does_not_have_is_named(repository, references, message) -> None:
    with pytest.raises(ConfigError, match=message):
        from_feast(repository(StandInView()), *references)


@pytest.mark.parametrize("path", [None, "s3://bucket/stats.parquet"])
def test_a_source_that_is_no_file_here_is_refused(repository, path) -> None:
    view = StandInView(batch_source=StandInSource(path=path))

    with pytest.raises(ConfigError, match="source of the Feast view 'driver_stats' is no file"):
        from_feast(repository(view), "driver_stats:trips")


def test_a_view_without_an_entity_is_refused(repository) -> None:
    with pytest.raises(ConfigError, match="'driver_stats' has no entity"):
        from_feast(repository(StandInView(entity_columns=[])), "driver_stats:trips")


def test_a_folder_that_is_no_repository_is_refused(repository) -> None:
    folder = repository(StandInView()) / "elsewhere"

    with pytest.raises(ConfigError, match="no Feast repository"):
        from_feast(folder, "driver_stats:trips")


def test_where_feast_is_not_installed_the_error_says_how_to(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "feast", None)

    with pytest.raises(ConfigError, match=r"pip install 'ostinato\[feast\]'"):
        from_feast(tmp_path, "driver_stats:trips")


# ---------------------------------------------------------------- with Feast itself

START = datetime(2024, 1, 1, tzinfo=UTC)

YAML = """\
project: small
registry: registry.db
provider: local
online_store:
  type: sqlite
  path: online.db
entity_key_serialization_version: 3
"""


def moments(seconds) -> pl.Series:
    times = pl.Series(START.timestamp() * 1_000_000 + np.asarray(seconds) * 1_000_000)
    return times.cast(pl.Int64).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


@pytest.fixture
def feast():
    return pytest.importorskip("feast", reason="Feast is not installed")


@pytest.fixture
def store(feast, tmp_path):
    """Make a repository with 3,000 rows of 20 drivers over two days, some known late."""
    from feast.types import Float64, Int64

    rng = np.random.default_rng(5)
    seconds = rng.permutation(172_800)[:3000]
    pl.DataFrame(
        {
            "driver_id": rng.integers(20, size=3000),
            "ts": moments(seconds),
            "written": moments(seconds + rng.choice([0, 0, 60, 7200], size=3000)),
            "n_trips": rng.integers(100, size=3000),
            "rating": rng.random(3000),
        }
    ).write_parquet(tmp_path / "stats.parquet")
    (tmp_path / "feature_store.yaml").write_text(YAML, encoding="utf-8")
    driver = feast.Entity(name="driver", join_keys=["driver_id"])
    source = feast.FileSource(
        path="stats.parquet",
        timestamp_field="ts",
        created_timestamp_column="written",
        field_mapping={"n_trips": "trips"},
    )
    schema = [feast.Field(name="trips", dtype=Int64), feast.Field(name="rating", dtype=Float64)]
    views = [
        feast.FeatureView(
            name=name, entities=[driver], ttl=ttl, schema=schema, source=source, online=False
        )
        for name, ttl in (("short", timedelta(minutes=20)), ("forever", timedelta(0)))
    ]
    made = feast.FeatureStore(repo_path=str(tmp_path))
    made.apply([driver, *views])
    return made


def requests() -> tuple[pl.DataFrame, np.ndarray]:
    rng = np.random.default_rng(6)
    seconds = rng.integers(0, 172_800, size=400)
    rows = pl.DataFrame(
        {"row": np.arange(400), "driver_id": rng.integers(22, size=400)}
    ).with_columns(event_timestamp=moments(seconds))
    return rows, (int(START.timestamp()) + seconds) * SECOND_NS


def feasts_answers(store, rows, references, **options) -> pl.DataFrame:
    job = store.get_historical_features(entity_df=rows.to_pandas(), features=references, **options)
    return pl.from_pandas(job.to_df()).sort("row")


@pytest.mark.filterwarnings("ignore")  # of Feast and Dask
@pytest.mark.parametrize("view", ["short", "forever"])
def test_features_are_those_feast_retrieves(store, tmp_path, view) -> None:
    references = [f"{view}:trips", f"{view}:rating"]
    rows, times_ns = requests()

    plan = make_plan(from_feast(tmp_path, *references, hop="1s"))
    ours = as_of(plan, rows, times_ns, read_sources(plan))
    theirs = feasts_answers(store, rows, references, filter_by_created_timestamp=True)

    there = theirs["row"].to_numpy()
    assert len(there) > 250
    assert ours[there]["trips"].to_list() == theirs["trips"].cast(pl.Float64).to_list()
    assert ours[there]["rating"].to_list() == theirs["rating"].to_list()
    left_out = ours.filter(~pl.int_range(len(ours)).is_in(there.tolist()))
    assert left_out["rating"].null_count() == len(left_out)  # Feast drops rows without a value


@pytest.mark.filterwarnings("ignore")  # of Feast and Dask
def test_unless_it_is_told_feast_sees_rows_before_they_were_written(store, tmp_path) -> None:
    rows, times_ns = requests()
    references = ["forever:trips"]

    theirs = feasts_answers(store, rows, references)
    plan = make_plan(from_feast(tmp_path, *references, created=False))
    ours = as_of(plan, rows, times_ns, read_sources(plan))
    known = make_plan(from_feast(tmp_path, *references))
    honest = as_of(known, rows, times_ns, read_sources(known))

    there = theirs["row"].to_numpy()
    assert ours[there]["trips"].to_list() == theirs["trips"].cast(pl.Float64).to_list()
    assert honest[there]["trips"].to_list() != theirs["trips"].cast(pl.Float64).to_list()
    assert isinstance(known.windowed[0].source, features.Events)
