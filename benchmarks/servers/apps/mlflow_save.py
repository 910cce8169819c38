"""Save the model in MLflow's format, for `mlflow models serve`: `mlflow_save.py FOLDER`."""

from __future__ import annotations

import sys

import mlflow.sklearn
from model import load

mlflow.sklearn.save_model(
    load(),
    sys.argv[1],
    pyfunc_predict_fn="predict_proba",
    serialization_format="cloudpickle",
    pip_requirements=["scikit-learn"],
)
