"""FastAPI under uvicorn as its tutorial writes it: `fastapi_app.py PORT async|def`."""

from __future__ import annotations

import sys

import numpy as np
import uvicorn
from fastapi import FastAPI
from model import scorer
from pydantic import BaseModel

score = scorer()
app = FastAPI()


class Row(BaseModel):
    features: list[float]


class Answer(BaseModel):
    score: float


def answer(row: Row) -> Answer:
    return Answer(score=score(np.array([row.features]))[0])


if sys.argv[2] == "async":

    @app.post("/predict")
    async def predict(row: Row) -> Answer:
        return answer(row)

else:

    @app.post("/predict")
    def predict(row: Row) -> Answer:
        return answer(row)


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
