"""Twenty features of three entities out of Feast's SQLite store: `feast_online.py FOLDER ROWS`.

ROWS is a JSON list of [origin, carrier, tail]. Prints microseconds of processor time as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.types import Float64
from feast.value_type import ValueType

folder, rows = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
keys = {"origin": 7, "carrier": 7, "tail": 6}
store = FeatureStore(
    config=RepoConfig(
        project="peers",
        provider="local",
        registry=str(folder / "registry.db"),
        offline_store={"type": "dask"},
        online_store={"type": "sqlite", "path": str(folder / "online.db")},
        entity_key_serialization_version=3,
    )
)
asked: list[str] = []
written, write_seconds = 0, 0.0
for place, (key, count) in enumerate(keys.items()):
    names = [f"{key}_{number}" for number in range(count)]
    known = sorted({row[place] for row in rows})
    table = pd.DataFrame({key: known, "ts": datetime.now(UTC)})
    for number, name in enumerate(names):
        table[name] = float(number)
    path = str(folder / f"{key}.parquet")
    table.to_parquet(path)
    entity = Entity(name=key, join_keys=[key], value_type=ValueType.STRING)
    view = FeatureView(
        name=f"by_{key}",
        entities=[entity],
        ttl=timedelta(days=365),
        schema=[Field(name=name, dtype=Float64) for name in names],
        source=FileSource(name=f"source_{key}", path=path, timestamp_field="ts"),
        online=True,
    )
    store.apply([entity, view])
    began = time.process_time()
    store.write_to_online_store(view.name, table)
    write_seconds += time.process_time() - began
    written += len(table)
    asked += [f"{view.name}:{name}" for name in names]


def look(some: list[list[str]]) -> float:
    entities = [dict(zip(keys, row, strict=True)) for row in some]
    began = time.process_time()
    found = store.get_online_features(features=asked, entity_rows=entities).to_dict()
    took = time.process_time() - began
    assert found["origin_6"] == [6.0] * len(some)
    return took / len(some) * 1e6


look(rows[:1])
singles = [look([row]) for row in rows[:500]]
together = [look(rows[begin : begin + 100]) for begin in range(0, min(len(rows), 1_000), 100)]
print(
    json.dumps(
        {
            "row_us": median(singles),
            "batch_row_us": median(together),
            "write_us": write_seconds / written * 1e6,
        }
    )
)
