"""How MLflow loads a version outside Ostinato: `mlflow.pyfunc.load_model("models:/loop@champion")`.

MLflow imports this module by name and calls `_load_pyfunc`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import narwhals as nw

from ostinato.core.errors import DataError
from ostinato.core.records import Floats
from ostinato.learn.model import Model
from ostinato.stores.mlflow_model import read_artifact


class PythonModel:
    """Scores tables with a model of Ostinato.

    Parameters
    ----------
    model
        The model.
    """

    def __init__(self, model: Model) -> None:
        self.model = model

    def predict(self, table: Any, params: dict[str, Any] | None = None) -> Floats:
        """Score the rows of a table.

        Parameters
        ----------
        table
            n rows with at least the features: pandas, Polars, Arrow, whatever Narwhals reads.
        params
            MLflow hands its own; the model has none.

        Returns
        -------
        numpy.ndarray
            As `Model.score`: (n,) probabilities of class 1 or numbers, or (n, classes).

        Raises
        ------
        DataError
            If it is no table, or lacks a feature.
        """
        del params
        try:
            frame = nw.from_native(table, eager_only=True).to_polars()
        except TypeError as error:
            raise DataError(
                "The rows are no table",
                found=type(table).__name__,
                expected="a pandas, Polars or Arrow table with one column per feature",
            ) from error
        return self.model.score(frame)


def _load_pyfunc(path: str) -> PythonModel:
    # The hash is checked before anything is unpickled: reading a pickle runs code.
    return PythonModel(Model.from_bytes(read_artifact(Path(path))))
