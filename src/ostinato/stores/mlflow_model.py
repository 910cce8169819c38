"""A version as an MLflow model: a folder that `mlflow.pyfunc.load_model` reads.

- ``MLmodel``: what MLflow wants to know (JSON, which is YAML too): the module that loads the model,
  the signature,
- ``requirements.txt``, ``python_env.yaml``: what it was trained with. They are written down, not
  inferred: MLflow's inference starts a process that loads the model, which takes seconds,
- ``data/model.pkl``: the artifact, byte for byte as it was registered,
- ``data/description.json``: artifact hash, version and lineage, with their digest.

No sample rows are written: they may hold what no registry should.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from ostinato.core.canonical import digest, plain
from ostinato.core.ports import Lineage
from ostinato.stores.artifact import checked_artifact, content_hash
from ostinato.stores.sealed import sealed, unsealed

ARTIFACT: Final = "model.pkl"
DESCRIPTION: Final = "description.json"
DATA: Final = "data"

LOADER: Final = "ostinato.learn.pyfunc"
"""Module that MLflow imports to load a version. It stands above this floor, hence by name."""


def describe(version: str, artifact: bytes, lineage: Lineage) -> dict[str, Any]:
    """Return what `description.json` will hold; its digest tells versions apart."""
    return {"version": version, "artifact": content_hash(artifact), "lineage": plain(lineage)}


def write_model(
    folder: Path, artifact: bytes, description: Mapping[str, Any], signature: dict[str, Any] | None
) -> None:
    """Write the files of an MLflow model into an empty folder.

    Parameters
    ----------
    folder
        Where to.
    artifact
        The model's bytes.
    description
        From `describe`, of the same artifact.
    signature
        From `model_signature`; None: callers are not told which columns the model takes.
    """
    (folder / DATA).mkdir()
    (folder / DATA / ARTIFACT).write_bytes(artifact)
    (folder / DATA / DESCRIPTION).write_bytes(sealed(description))
    requirements = _requirements(description["lineage"]["libraries"])
    (folder / "requirements.txt").write_text("\n".join(requirements) + "\n", encoding="utf-8")
    environment = {"python": platform.python_version(), "dependencies": ["-r requirements.txt"]}
    _write_json(folder / "python_env.yaml", environment)
    _write_json(folder / "MLmodel", _mlmodel(len(artifact), description, signature))


def read_artifact(data: Path) -> bytes:
    """Return the artifact in the ``data`` folder of an MLflow model, checked against its hash.

    Raises
    ------
    TamperedError
        If the artifact or its description was changed.
    """
    place = data / DESCRIPTION
    description = unsealed(place.read_bytes(), place=str(place))
    return checked_artifact(
        (data / ARTIFACT).read_bytes(),
        description["artifact"],
        version=description["version"],
        place=str(data / ARTIFACT),
    )


def model_signature(sample: pl.DataFrame, *, classes: int = 0) -> dict[str, Any]:
    """Return MLflow's signature of a model that takes the columns of a table.

    MLflow refuses rows that do not fit, so it is told no more than what holds: whole numbers are
    "long", others "double", text and categories "string". Whole numbers and booleans with missing
    values are "any", since pandas has other types for them when nothing happens to be missing.

    Parameters
    ----------
    sample
        The features, in order; the more rows, the surer where values can be missing.
    classes
        0: the model answers one number per row. Else: so many probabilities per row.
    """
    from mlflow.types import schema  # noqa: PLC0415 - MLflow loads late, see mlflow_client.py
    from numpy import dtype  # noqa: PLC0415

    kinds = {"any": schema.AnyType()}
    columns = [(_kind(column), column.name) for column in sample]
    inputs = schema.Schema([schema.ColSpec(kinds.get(kind, kind), name) for kind, name in columns])
    shape = (-1, classes) if classes else (-1,)
    outputs = schema.Schema([schema.TensorSpec(dtype("float64"), shape)])
    return {
        "inputs": json.dumps(inputs.to_dict()),
        "outputs": json.dumps(outputs.to_dict()),
        "params": None,
    }


def _kind(column: pl.Series) -> str:
    if column.dtype.is_float() or column.dtype.is_decimal():
        return "double"
    if column.dtype != pl.Boolean and not column.dtype.is_integer():
        return "string"
    if column.null_count():
        return "any"
    return "boolean" if column.dtype == pl.Boolean else "long"


def _requirements(libraries: Mapping[str, str]) -> list[str]:
    # Without a version where Ostinato runs from a source tree that was not installed.
    try:
        own = f"ostinato=={importlib.metadata.version('ostinato')}"
    except importlib.metadata.PackageNotFoundError:
        own = "ostinato"
    others = [f"{name}=={version}" for name, version in libraries.items() if name != "python"]
    return [*sorted(others), own, "mlflow-skinny", "pandas"]


def _mlmodel(
    size: int, description: Mapping[str, Any], signature: dict[str, Any] | None
) -> dict[str, Any]:
    from mlflow.version import VERSION  # noqa: PLC0415 - see mlflow_client.py

    flavour = {
        "loader_module": LOADER,
        "data": DATA,
        "python_version": platform.python_version(),
        "env": {"virtualenv": "python_env.yaml"},
    }
    return {
        "flavors": {"python_function": flavour},
        "metadata": {"ostinato_version": description["version"]},
        "mlflow_version": VERSION,
        "model_size_bytes": size,
        "model_uuid": digest(description)[:32],
        **({} if signature is None else {"signature": signature}),
    }


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
