"""BentoML, one worker, arrays in and out: `bentoml serve bento_app:Plain` (or `Batched`)."""

from __future__ import annotations

import bentoml
import numpy as np
from model import scorer

PATIENT = {"timeout": 30}


@bentoml.service(workers=1, traffic=PATIENT)
class Plain:
    def __init__(self):
        self.score = scorer()

    @bentoml.api
    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.score(rows)


@bentoml.service(workers=1, traffic=PATIENT)
class Batched:
    def __init__(self):
        self.score = scorer()

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=1_000)
    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.score(rows)
