from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from ostinato.checks import check_registry
from ostinato.checks.samples import START_NS, sample_lineage
from ostinato.core.errors import ConfigError, StoreError, TamperedError
from ostinato.learn.encoding import Encoding
from ostinato.learn.model import Model
from ostinato.stores import MlflowRegistry, mlflow_history

LOAD = """
    import json
    import warnings

    import mlflow
    import pandas as pd

    warnings.simplefilter("ignore")
    mlflow.set_tracking_uri("{url}")
    model = mlflow.pyfunc.load_model("models:/{name}@champion")
    print(json.dumps(model.predict(pd.DataFrame({rows})).tolist()))
"""


class Failing:
    """An MLflow client on which some calls fail, as when the process dies before them."""

    def __init__(self, client, *names):
        self.client, self.names = client, names

    def __getattr__(self, name):
        if name in self.names:
            raise ConnectionError(name)
        return getattr(self.client, name)


def fail(registry, *names):
    """Return the registry as one whose calls of these names fail."""
    client = Failing(registry._client, *names)
    failing = MlflowRegistry(registry.url, registry.name)
    failing._client, failing._versions = client, replace(failing._versions, client=client)
    return failing


def runs(registry):
    client = registry._client
    experiment = client.get_experiment_by_name(registry.name)
    return client.search_runs([experiment.experiment_id])


def file_of(registry, name):
    """The one file of that name among the artifacts of a registry with one version."""
    place = Path(registry.url.removeprefix("sqlite:///")).parent / "mlartifacts"
    (run,) = runs(registry)
    return place / run.info.run_id / "artifacts" / "model" / name


@pytest.fixture
def registry(mlflow_registry):
    return mlflow_registry()


@pytest.fixture
def filled(registry):
    registry.register("v1", b"one", sample_lineage())
    return registry


def test_it_keeps_the_contract(mlflow_registry, mlflow_url):
    def tamper(registry, content):
        place = Path(mlflow_url.removeprefix("sqlite:///")).parent
        for path in sorted(place.rglob("model.pkl")):
            if hashlib.sha256(path.read_bytes()).hexdigest() == content:
                path.write_bytes(b"dishonest")

    def reopen(registry):
        return MlflowRegistry(registry.url, registry.name)

    check_registry(mlflow_registry, reopen, tamper=tamper)


def test_aliases_are_those_of_mlflow(filled):
    filled.register("v2", b"two", sample_lineage(2))
    filled.set_alias("champion", "v1", ts_event_ns=START_NS)
    filled.set_alias("champion", "v2", ts_event_ns=START_NS + 1)
    filled.set_alias("previous", "v1", ts_event_ns=START_NS + 1)
    found = {
        alias: filled._client.get_model_version_by_alias(filled.name, alias).tags
        for alias in ("champion", "previous")
    }
    assert found["champion"]["ostinato.version"] == "v2"
    assert found["previous"]["ostinato.version"] == "v1"


@pytest.mark.parametrize("alias", ["latest", "Latest", "v1", "V20", "a.b", "a@b"])
def test_alias_that_mlflow_reserves_is_refused(filled, alias):
    with pytest.raises(ConfigError, match="alias cannot be used"):
        filled.set_alias(alias, "v1", ts_event_ns=START_NS)
    assert filled.aliases() == {}


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "a@champion", "it's"])
def test_name_that_mlflow_could_not_find_again_is_refused(name):
    with pytest.raises(ConfigError, match="registered model cannot be used"):
        MlflowRegistry("http://models:5000", name)


def test_lineage_can_be_read_and_searched_in_mlflow(registry):
    lineage = replace(
        sample_lineage(7),
        parameters={"depth": 3, "odd name!": None, "long": "x" * 9_000},
        metrics={"recent": {"log_loss": 0.25, "auc": float("nan")}},
    )
    registry.register("v1", b"one", lineage)
    (run,) = runs(registry)
    assert (run.info.run_name, run.info.status) == ("v1", "FINISHED")
    assert run.data.params["learner"] == "sample.Learner"
    assert run.data.params["learner.depth"] == "3"
    assert run.data.params["learner.odd name_"] == "null"
    assert run.data.params["learner.long"] == "x" * 500
    assert run.data.metrics["recent.log_loss"] == 0.25
    assert run.data.metrics["cost.wall_seconds"] == 1.5
    (version,) = registry._client.search_model_versions(
        f"name='{registry.name}' and tags.`ostinato.lake`='events@3'"
    )
    assert version.tags["ostinato.artifact"] == hashlib.sha256(b"one").hexdigest()
    assert version.tags["ostinato.data_from"] == "2023-11-14T22:13:20Z"
    assert version.tags["ostinato.features"] == "recent_delay@ffffffffffff"
    assert version.tags["ostinato.feature_schema"] == "s" * 64
    assert version.tags["ostinato.source_schemas"] == "landings 2@f3a09c41d2be"
    assert version.description.startswith("sample.Learner, trained on 1,000 rows from 2023-11-14")
    assert registry.lineage("v1").parameters["long"] == "x" * 9_000


def test_more_parameters_and_metrics_than_mlflow_takes_are_kept_in_the_lineage(registry):
    lineage = replace(
        sample_lineage(),
        parameters={f"p{n}": n for n in range(150)},
        metrics={"recent": {f"m{n}": float(n) for n in range(1_200)}},
    )
    registry.register("v1", b"one", lineage)
    assert registry.lineage("v1") == lineage


def test_version_that_a_crash_left_half_done_is_not_there_and_goes_on_with_its_run(registry):
    steps = ("log_batch", "log_artifacts", "set_terminated", "create_model_version")
    for step in steps:
        with pytest.raises(StoreError, match="could not be used"):
            fail(registry, step).register("v1", b"one", sample_lineage())
        assert registry.versions() == []
    registry.register("v1", b"one", sample_lineage())
    assert registry.load("v1") == b"one"
    assert len(runs(registry)) == 1


def test_run_of_other_content_is_not_gone_on_with(registry):
    with pytest.raises(StoreError):
        fail(registry, "create_model_version").register("v1", b"one", sample_lineage(1))
    registry.register("v1", b"two", sample_lineage(2))
    assert (registry.load("v1"), registry.lineage("v1").seed) == (b"two", 2)
    assert len(runs(registry)) == 2


def test_alias_that_a_crash_left_behind_its_history_is_mended(filled):
    with pytest.raises(StoreError):
        fail(filled, "set_registered_model_alias").set_alias("champion", "v1", ts_event_ns=START_NS)
    assert filled.aliases() == {"champion": "v1"}
    assert filled._client.get_registered_model(filled.name).aliases == {}
    filled.set_alias("champion", "v1", ts_event_ns=START_NS + 9)
    assert filled._client.get_registered_model(filled.name).aliases == {"champion": 1}
    assert filled.alias_history("champion") == [(START_NS, "v1")]


def test_alias_moved_by_hand_is_put_back_by_a_move_made_again(filled):
    filled.register("v2", b"two", sample_lineage())
    filled.set_alias("champion", "v1", ts_event_ns=START_NS)
    filled.set_alias("champion", "v2", ts_event_ns=START_NS + 1)
    filled._client.set_registered_model_alias(filled.name, "champion", "1")
    filled.set_alias("champion", "v1", ts_event_ns=START_NS)
    assert filled.aliases() == {"champion": "v2"}
    found = filled._client.get_model_version_by_alias(filled.name, "champion")
    assert found.tags["ostinato.version"] == "v2"


def test_of_two_versions_with_one_name_the_first_counts(filled):
    (kept,) = filled._versions.all()
    other = {**kept.tags, "ostinato.artifact": "0" * 64}
    filled._client.create_model_version(filled.name, kept.source, kept.run_id, tags=other)
    assert filled.versions() == ["v1"]
    assert filled.load("v1") == b"one"


def test_versions_that_others_registered_under_the_name_are_left_alone(filled):
    (kept,) = filled._versions.all()
    filled._client.create_model_version(filled.name, kept.source, kept.run_id)
    assert filled.versions() == ["v1"]


def test_changed_description_is_refused(filled):
    path = file_of(filled, "data/description.json")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"seed":0', b'"seed":1'))
    with pytest.raises(TamperedError, match="The description of a version was changed"):
        filled.lineage("v1")


def test_description_sealed_anew_is_refused(mlflow_registry):
    first, second = mlflow_registry(), mlflow_registry()
    first.register("v1", b"one", sample_lineage())
    second.register("v1", b"one", sample_lineage(1))
    file_of(first, "data/description.json").write_bytes(
        file_of(second, "data/description.json").read_bytes()
    )
    with pytest.raises(TamperedError, match="the digest in its tag"):
        first.lineage("v1")


def test_missing_artifact_is_a_store_error(filled):
    file_of(filled, "data/model.pkl").unlink()
    with pytest.raises(StoreError, match=r"model\.pkl"):
        filled.load("v1")


def test_history_changed_by_hand_is_refused(filled):
    filled.set_alias("champion", "v1", ts_event_ns=START_NS)
    tag = "ostinato.history.champion.0000"
    assert filled._client.get_registered_model(filled.name).tags[tag] == f"{START_NS} v1"
    filled._client.set_registered_model_tag(filled.name, tag, "yesterday v1")
    with pytest.raises(StoreError, match="history of the aliases cannot be read"):
        filled.aliases()


def test_moves_that_fill_a_tag_go_on_in_the_next(filled, monkeypatch):
    monkeypatch.setattr(mlflow_history, "TAG_CHARACTERS_MAX", 100)
    filled.register("v2", b"two", sample_lineage())
    moves = [(START_NS + n, f"v{1 + n % 2}") for n in range(9)]
    for ts_event_ns, version in moves:
        filled.set_alias("champion", version, ts_event_ns=ts_event_ns)
    tags = filled._client.get_registered_model(filled.name).tags
    assert filled.alias_history("champion") == moves
    assert sorted(tags) == [f"ostinato.history.champion.{n:04d}" for n in range(3)]


def test_signature_says_what_the_model_takes(mlflow_registry):
    sample = pl.DataFrame(
        {
            "carrier": pl.Series(["UA", None], dtype=pl.Categorical),
            "distance": [1, 2],
            "seats": [None, 3],
            "wind": [0.5, None],
            "night": [True, False],
            "wet": [None, True],
        }
    )
    registry = mlflow_registry(sample=sample, classes=3)
    registry.register("v1", b"one", sample_lineage())
    text = file_of(registry, "MLmodel").read_text()
    found = [
        f'\\"type\\": \\"{kind}\\", \\"name\\": \\"{name}\\"' in text
        for name, kind in (
            ("carrier", "string"),
            ("distance", "long"),
            ("seats", "any"),
            ("wind", "double"),
            ("night", "boolean"),
            ("wet", "any"),
        )
    ]
    assert all(found), text
    assert '\\"shape\\": [-1, 3]' in text


def test_requirements_are_those_of_the_training(filled):
    lines = file_of(filled, "requirements.txt").read_text().splitlines()
    assert lines[0] == "numpy==2.0"
    assert any(line.startswith("ostinato") for line in lines)
    assert not any(line.startswith("python") for line in lines)


def test_champion_is_loaded_and_scores_outside(mlflow_registry, in_another_process):
    rows = {"carrier": ["UA", "AA", None, "UA"], "distance": [100, 900, 250, 1_000]}
    frame = pl.DataFrame(rows)
    encoding = Encoding.fit(frame, frame.columns, style="onehot")
    estimator = LogisticRegression().fit(encoding.transform(frame), [1, 0, 1, 0])
    model = Model(encoding=encoding, estimator=estimator, task="binary", classes=2, seen=(0, 1))
    registry = mlflow_registry(sample=frame)
    registry.register("v1", model.to_bytes(), sample_lineage())
    registry.set_alias("champion", "v1", ts_event_ns=START_NS)
    printed = in_another_process(LOAD.format(url=registry.url, name=registry.name, rows=rows))
    assert json.loads(printed) == model.score(frame).tolist()
