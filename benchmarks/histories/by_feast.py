"""Feast: historical retrieval from its offline stores."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.types import Float64
from feast.value_type import ValueType

from histories.child import Answer, Task, main

COLUMNS = [f"f{each}" for each in range(5)]


def join(folder: Path, offline: str) -> Task:
    entity = Entity(name="entity", join_keys=["entity"], value_type=ValueType.INT64)
    view = FeatureView(
        name="view",
        entities=[entity],
        ttl=timedelta(days=365),
        schema=[Field(name=column, dtype=Float64) for column in COLUMNS],
        source=FileSource(
            name="source", path=str(folder / "few_features.parquet"), timestamp_field="ts"
        ),
    )
    home = Path(mkdtemp(dir=folder))
    store = FeatureStore(
        config=RepoConfig(
            project="histories",
            provider="local",
            registry=str(home / "registry.db"),
            offline_store={"type": offline},
            online_store={"type": "sqlite", "path": str(home / "online.db")},
            entity_key_serialization_version=3,
        )
    )
    store.apply([entity, view])
    labels = pd.read_parquet(folder / "few_labels.parquet").rename(
        columns={"ts": "event_timestamp"}
    )

    def compute() -> Answer:
        asked = [f"view:{column}" for column in COLUMNS]
        found = store.get_historical_features(entity_df=labels, features=asked).to_df()[COLUMNS]
        return Answer(len(found), int(found.notna().sum().sum()), float(found.sum().sum()))

    return compute


if __name__ == "__main__":
    main({offline: partial(join, offline=offline) for offline in ("duckdb", "dask")})
