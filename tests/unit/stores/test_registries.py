from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from ostinato.checks.samples import START_NS, sample_lineage
from ostinato.core.errors import ConfigError, StoreError
from ostinato.stores import FolderRegistry, MemoryRegistry, MlflowRegistry


@pytest.fixture(params=[MemoryRegistry, FolderRegistry, MlflowRegistry])
def registry(request, tmp_path, opened):
    if request.param is MlflowRegistry:
        return opened(MlflowRegistry, request.getfixturevalue("mlflow_url"), tmp_path.name)
    place = [tmp_path / "registry"] if request.param is FolderRegistry else []
    return opened(request.param, *place)


@pytest.fixture
def filled(registry):
    for version in ("v1", "v2", "v3"):
        registry.register(version, version.encode(), sample_lineage())
    return registry


@pytest.mark.parametrize(
    "name", ["../up", "a/b", "a\\b", "", ".hidden", "-x", "a b", "a\n", "ä", 3]
)
def test_name_that_is_not_a_safe_file_name_is_refused(filled, name):
    for call in (
        lambda: filled.register(name, b"", sample_lineage()),
        lambda: filled.load(name),
        lambda: filled.lineage(name),
        lambda: filled.set_alias(name, "v1", ts_event_ns=0),
        lambda: filled.set_alias("champion", name, ts_event_ns=0),
    ):
        with pytest.raises(ConfigError, match="cannot be used"):
            call()


def test_unknown_version_is_refused_with_the_known_ones(filled):
    with pytest.raises(StoreError, match="expected: one of v1, v2, v3"):
        filled.load("v4")


def test_refusal_says_what_differs(filled):
    with pytest.raises(StoreError, match="another artifact"):
        filled.register("v1", b"other", sample_lineage())
    with pytest.raises(StoreError, match="another lineage"):
        filled.register("v1", b"v1", sample_lineage(seed=5))


def test_lineage_comes_back_in_json_types(registry):
    lineage = replace(
        sample_lineage(),
        parameters={"layers": (3, np.int64(4)), "rate": np.float64(0.1)},
        metrics={"recent": {"auc": float("nan"), "n": 3}},
        parent=None,
    )
    registry.register("v1", b"", lineage)
    registry.register("v1", b"", lineage)
    found = registry.lineage("v1")
    assert found.parameters == {"layers": [3, 4], "rate": 0.1}
    assert np.isnan(found.metrics["recent"]["auc"])
    assert found.metrics["recent"]["n"] == 3.0
    assert found.parent is None
    assert (found.features, found.feature_schema) == (lineage.features, lineage.feature_schema)
    assert found.source_schemas == lineage.source_schemas


def test_alias_that_points_there_already_does_not_move(filled):
    filled.set_alias("champion", "v1", ts_event_ns=START_NS)
    filled.set_alias("champion", "v1", ts_event_ns=START_NS + 5)
    assert filled.alias_history("champion") == [(START_NS, "v1")]


def test_moves_made_again_after_recovery_change_nothing(filled):
    moves = [(START_NS, "v1"), (START_NS + 1, "v2"), (START_NS + 2, "v3")]
    for _ in range(2):
        for ts_event_ns, version in moves:
            filled.set_alias("champion", version, ts_event_ns=ts_event_ns)
    assert filled.alias_history("champion") == moves
    assert filled.aliases() == {"champion": "v3"}


def test_alias_does_not_move_back_in_time(filled):
    filled.set_alias("champion", "v1", ts_event_ns=START_NS)
    with pytest.raises(StoreError, match="back in time"):
        filled.set_alias("champion", "v2", ts_event_ns=START_NS - 1)
    filled.set_alias("canary", "v2", ts_event_ns=START_NS - 1)
    assert filled.aliases() == {"champion": "v1", "canary": "v2"}


def test_threads_may_register_at_once(registry):
    with ThreadPoolExecutor(max_workers=8) as threads:
        names = [f"v{n}" for n in range(20)] * 2
        list(threads.map(lambda name: registry.register(name, b"same", sample_lineage()), names))
    assert sorted(registry.versions()) == sorted(set(names))
