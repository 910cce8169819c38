"""The same rows and seed give the same bytes, in this process and in any other."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from lightgbm import LGBMClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from xgboost import XGBClassifier

from ostinato.learn.limits import measured_fit
from ostinato.learn.model import Model
from ostinato.learn.pickling import canonical_pickle

LEARNERS = {
    "histogram": lambda: HistGradientBoostingClassifier(max_iter=10),
    "logistic": LogisticRegression,
    "forest": lambda: RandomForestClassifier(5),
    "lightgbm": lambda: LGBMClassifier(n_estimators=10, subsample=0.5, subsample_freq=1),
    "xgboost": lambda: XGBClassifier(n_estimators=10, subsample=0.5),
}


def trained(name: str) -> Model:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {"c": [f"c{v}" for v in rng.integers(0, 30, 500)], "x": rng.normal(size=500)}
    )
    labels = (rng.random(500) < 0.5).astype(float)
    model, _ = measured_fit(
        LEARNERS[name](),
        frame,
        labels,
        None,
        features=frame.columns,
        task="binary",
        classes=2,
        seed=11,
    )
    return model


def digests() -> dict[str, str]:
    return {name: hashlib.sha256(trained(name).to_bytes()).hexdigest() for name in LEARNERS}


@pytest.mark.parametrize("name", LEARNERS)
def test_bytes_survive_being_read_and_written_again(name):
    data = trained(name).to_bytes()
    assert Model.from_bytes(data).to_bytes() == data


def test_bytes_show_content_and_not_how_it_lies_in_memory():
    apart = b"content".decode()
    same = [("content", "content"), ("content", apart)]
    assert canonical_pickle(same[0]) == canonical_pickle(same[1])
    record = np.dtype({"names": ["a", "b"], "formats": ["u1", "f8"], "offsets": [0, 8]})
    zeros, ones = (np.frombuffer(bytearray([fill] * 32), dtype=record) for fill in (0, 1))
    for name in ("a", "b"):
        zeros[name] = ones[name] = 5
    assert zeros.tobytes() != ones.tobytes()
    assert canonical_pickle(zeros) == canonical_pickle(ones)
    assert canonical_pickle({"b", "a", "c"}) == canonical_pickle({"c", "b", "a"})
    assert pickle.loads(canonical_pickle({"b", "a"})) == {"a", "b"}


@pytest.mark.parametrize("hash_seed", ["1", "77"])
def test_other_processes_with_other_hash_seeds_write_the_same_bytes(hash_seed):
    script = f"import runpy; print(runpy.run_path({__file__!r})['digests']())"
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == str(digests())
