from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from ostinato.checks.samples import sample_lineage
from ostinato.core.errors import DataError, TamperedError
from ostinato.learn.encoding import Encoding
from ostinato.learn.model import Model
from ostinato.learn.pyfunc import PythonModel, _load_pyfunc
from ostinato.stores.mlflow_model import LOADER, describe, write_model

FRAME = pl.DataFrame(
    {"carrier": ["UA", "AA", "UA", None, "AA", "B6"], "distance": [100, 900, 250, 1_000, 70, 400]}
)


@pytest.fixture(scope="module")
def model():
    encoding = Encoding.fit(FRAME, FRAME.columns, style="onehot")
    estimator = LogisticRegression().fit(encoding.transform(FRAME), [1, 0, 1, 0, 1, 0])
    return Model(encoding=encoding, estimator=estimator, task="binary", classes=2, seen=(0, 1))


@pytest.fixture
def folder(tmp_path, model):
    if find_spec("mlflow") is None:
        pytest.skip("MLflow is not installed")
    artifact = model.to_bytes()
    write_model(tmp_path, artifact, describe("v1", artifact, sample_lineage()), None)
    return tmp_path


def test_the_module_named_in_the_model_is_this_one():
    assert _load_pyfunc.__module__ == LOADER


def test_tables_of_any_make_are_scored_alike(model):
    expected = model.score(FRAME)
    for table in (FRAME, FRAME.to_pandas(), FRAME.to_arrow()):
        np.testing.assert_array_equal(PythonModel(model).predict(table), expected)


@pytest.mark.parametrize("rows", [[[1, 2]], {"distance": 3}, None, "UA"])
def test_what_is_no_table_is_refused(model, rows):
    with pytest.raises(DataError, match="The rows are no table"):
        PythonModel(model).predict(rows)


def test_folder_is_loaded(folder, model):
    found = _load_pyfunc(str(folder / "data")).predict(FRAME)
    np.testing.assert_array_equal(found, model.score(FRAME))


def test_changed_artifact_is_not_unpickled(folder):
    path = folder / "data" / "model.pkl"
    # A pickle that would make a file when it is read.
    made = folder / "made"
    path.write_bytes(f"cbuiltins\nopen\n(V{made}\nVw\ntR.".encode())
    with pytest.raises(TamperedError, match="The artifact of version v1 was changed"):
        _load_pyfunc(str(folder / "data"))
    assert not made.exists()


def test_changed_description_is_refused(folder):
    path = folder / "data" / "description.json"
    path.write_bytes(path.read_bytes().replace(b'"version":"v1"', b'"version":"v2"'))
    with pytest.raises(TamperedError, match="The description of a version was changed"):
        _load_pyfunc(str(folder / "data"))
