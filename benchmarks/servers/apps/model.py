"""The model as scikit-learn answers with it; all apps but the compiled ones score through this."""

from __future__ import annotations

import os

import joblib


def load():
    """The model that `SERVED_MODEL` names."""
    return joblib.load(os.environ["SERVED_MODEL"])


def scorer():
    """Return a function from rows (n, features) to the scores of class 1 (n,)."""
    model = load()
    return lambda rows: model.predict_proba(rows)[:, 1]
