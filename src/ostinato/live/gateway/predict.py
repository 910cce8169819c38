"""`POST /loops/{loop}/predict`: one answer, or many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ostinato.live.events import Id
from ostinato.live.gateway.batcher import Batcher
from ostinato.live.gateway.http import Request, Response
from ostinato.live.gateway.inputs import Inputs
from ostinato.live.gateway.ports import Prediction
from ostinato.live.gateway.route import Route, only_loop
from ostinato.live.schema import InputSchema


class One(msgspec.Struct, gc=False):
    """An answer: a number (the probability of the second class, or the target)."""

    prediction_id: Id
    score: float | list[float]
    version: str
    role: str
    epoch: int


class OneOfMany(msgspec.Struct, gc=False):
    """An answer with a probability per class, and the most probable class."""

    prediction_id: Id
    score: float | list[float]
    label: bool | int | float | str
    version: str
    role: str
    epoch: int


class Predict:
    """Answers prediction requests.

    Parameters
    ----------
    schema
        The fields of a row.
    batcher
        Scores and logs.
    timed
        Whether requests say their own time.
    """

    def __init__(self, schema: InputSchema, batcher: Batcher, *, timed: bool) -> None:
        self.schema, self.batcher = schema, batcher
        self._read = Inputs(schema, timed=timed).read
        self._encode = msgspec.json.Encoder().encode
        self._labelled = schema.task == "multiclass"

    async def answer(self, body: bytes) -> bytes:
        """Answer the body of a request with the body of a response.

        Raises
        ------
        HttpError
            If it does not fit, or nobody can answer.
        """
        asked = self._read(body)
        predictions = await self.batcher.ask(asked.rows, asked.ids, asked.times_ns)
        if asked.many:
            return self._encode({"predictions": [self._shown(each) for each in predictions]})
        return self._encode(self._shown(predictions[0]))

    async def handle(self, request: Request) -> Response:
        """Answer a request."""
        only_loop(self.schema.loop, request.arguments["loop"])
        return Response(200, await self.answer(request.body))

    def routes(self) -> list[Route]:
        """Return what this answers."""
        return [Route("POST", "/loops/{loop}/predict", "predict", self.handle)]

    def _shown(self, prediction: Prediction) -> One | OneOfMany:
        prediction_id, score, version, role, epoch = prediction
        if not self._labelled:
            return One(prediction_id, score, version, role, epoch)
        assert isinstance(score, Sequence), "a score per class"
        label: Any = self.schema.classes[max(range(len(score)), key=score.__getitem__)]
        return OneOfMany(prediction_id, score, label, version, role, epoch)
