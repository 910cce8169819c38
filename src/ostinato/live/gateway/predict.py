"""`POST /loops/{loop}/predict`: one answer, or many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ostinato.live.events import Id
from ostinato.live.gateway.batcher import Batcher, Call
from ostinato.live.gateway.exchange import Exchange
from ostinato.live.gateway.http import Request, Response
from ostinato.live.gateway.inputs import Asked, Inputs
from ostinato.live.gateway.ports import Prediction
from ostinato.live.gateway.route import Route, only_loop
from ostinato.live.schema import InputSchema


class Labelled(msgspec.Struct, gc=False):
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

    def ask(self, exchange: Exchange) -> None:
        """Answer a request when its batch is scored and stored.

        Raises
        ------
        HttpError
            If it does not fit, or nobody can answer.
        """
        self.batcher.put(_Call(self, exchange, self._read(exchange.body)))

    def shown(self, predictions: list[Prediction], *, many: bool) -> bytes:
        """Return the body of a response."""
        told = [self._with_label(each) for each in predictions] if self._labelled else predictions
        return self._encode({"predictions": told} if many else told[0])

    async def handle(self, request: Request) -> Response:
        """Answer a request, as `ask` does, for whoever comes by another way."""
        only_loop(self.schema.loop, request.arguments["loop"])
        asked = self._read(request.body)
        predictions = await self.batcher.ask(asked.rows, asked.ids, asked.times_ns)
        return Response(200, self.shown(predictions, many=asked.many))

    def routes(self) -> list[Route]:
        """Return what this answers."""
        return [Route("POST", "/loops/{loop}/predict", "predict", self.handle)]

    def _with_label(self, found: Prediction) -> Labelled:
        score = found.score
        assert isinstance(score, Sequence), "a score per class"
        label: Any = self.schema.classes[max(range(len(score)), key=score.__getitem__)]
        return Labelled(found.prediction_id, score, label, found.version, found.role, found.epoch)


class _Call(Call):
    """A request whose answer goes straight to its connection."""

    __slots__ = ("exchange", "many", "predict")

    def __init__(self, predict: Predict, exchange: Exchange, asked: Asked) -> None:
        super().__init__(asked.rows, asked.ids, asked.times_ns)
        self.predict, self.exchange, self.many = predict, exchange, asked.many

    def answered(self, predictions: list[Prediction]) -> None:
        self.exchange.json(self.predict.shown(predictions, many=self.many))

    def failed(self, error: Exception) -> None:
        self.exchange.fail(error)
