"""MLflow's scoring protocol: what ``mlflow models serve`` answers, answered by the loop.

Source: MLflow, "Deploy MLflow Model as a Local Inference Server": JSON with one of
``dataframe_split``, ``dataframe_records``, ``instances`` and ``inputs``, or CSV. The predictions of
a binary loop are the probabilities of its second class, of a multiclass loop one list of
probabilities per row, of a regression the targets. `params` may hold ``prediction_id`` and
``time``, one value per row.
"""

from __future__ import annotations

from importlib.metadata import version as package_version
from typing import Any, Final

import msgspec

from ostinato.live.events import Id
from ostinato.live.gateway.bodies import decode, media_type
from ostinato.live.gateway.csv_rows import read_csv
from ostinato.live.gateway.dialect import speaking
from ostinato.live.gateway.http import JSON, HttpError, Request, Response, answer
from ostinato.live.gateway.named import ids_of, times_of
from ostinato.live.gateway.ports import Predictor
from ostinato.live.gateway.route import Route, shown
from ostinato.live.gateway.rows import Row, RowReader, transposed
from ostinato.live.schema import InputSchema

CSV: Final = "text/csv"
PLAIN: Final = "text/plain; charset=utf-8"
Cell = bool | int | float | str | None

FORMS: Final = ("dataframe_split", "dataframe_records", "instances", "inputs")


class Split(msgspec.Struct, frozen=True):
    """A table as ``DataFrame.to_dict(orient="split")`` writes it; its index is skipped."""

    columns: list[str]
    data: list[list[Cell]]


class Params(msgspec.Struct, frozen=True):
    """What may stand beside the rows; other parameters are skipped."""

    prediction_id: list[Cell] | Cell = None
    time: list[Cell] | Cell = None


class Invocation(msgspec.Struct, frozen=True):
    """The body: one of the four forms, decoded once it is known which."""

    dataframe_split: msgspec.Raw = msgspec.Raw()
    dataframe_records: msgspec.Raw = msgspec.Raw()
    instances: msgspec.Raw = msgspec.Raw()
    inputs: msgspec.Raw = msgspec.Raw()
    params: Params | None = None


_INVOCATION: Final = msgspec.json.Decoder(Invocation)
_SPLIT: Final = msgspec.json.Decoder(Split)
_MATRIX: Final = msgspec.json.Decoder(list[list[Cell]])
_LIST: Final = msgspec.json.Decoder(list[Cell])


class Bodies:
    """Reads rows off the forms of the protocol.

    Parameters
    ----------
    schema
        The fields of the loop.
    timed
        Whether the clock of the service follows the events, so that clients give times.
    """

    def __init__(self, schema: InputSchema, *, timed: bool) -> None:
        self._reader, self._timed = RowReader(schema), timed

    def read(self, request: Request) -> tuple[list[Row], list[Id] | None, list[int] | None]:
        """Return rows, their ids and times.

        Raises
        ------
        HttpError
            4xx that says what is wrong.
        """
        kind = media_type(request, default=JSON, allowed=(JSON, CSV))
        if kind == CSV:
            return read_csv(self._reader, request.body), None, None
        asked = decode(_INVOCATION, request.body)
        rows = self._form(*_only_form(asked))
        params = asked.params or Params()
        ids = ids_of(params.prediction_id, len(rows))
        return rows, ids, times_of(params.time, len(rows), timed=self._timed)

    def _form(self, form: str, raw: msgspec.Raw) -> list[Row]:
        if form == "dataframe_split":
            split = decode(_SPLIT, raw)
            _named_once(split.columns)
            columns = transposed(split.data, len(split.columns))
            return self._reader.table(dict(zip(split.columns, columns, strict=True)))
        if form == "dataframe_records":
            return self._reader.records(raw)
        return self._tensor(bytes(raw))

    def _tensor(self, raw: bytes) -> list[Row]:
        first, second = raw[:1], raw[1:].lstrip()[:1]
        if first == b"{":
            return self._reader.columns(raw)
        if second == b"{":
            return self._reader.records(raw)
        if second == b"[":
            matrix = decode(_MATRIX, raw)
            return self._reader.positional(matrix)
        return self._reader.positional([[value] for value in decode(_LIST, raw)])


def _named_once(columns: list[str]) -> None:
    if len(set(columns)) != len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise HttpError(
            400, "A column is named twice", found=shown(twice), expected="each name once"
        )


def _only_form(asked: Invocation) -> tuple[str, msgspec.Raw]:
    given = [(form, getattr(asked, form)) for form in FORMS if len(getattr(asked, form))]
    if len(given) != 1:
        raise HttpError(
            400,
            "The body does not hold rows in one form",
            found=", ".join(form for form, _ in given) or "none of the forms",
            expected=f"one of {', '.join(FORMS)}",
        )
    return given[0]


class Invocations:
    """Handlers of the protocol.

    Parameters
    ----------
    predictor
        Answers.
    schema
        The fields of the loop.
    timed
        Whether the clock of the service follows the events, so that clients give times.
    """

    def __init__(self, predictor: Predictor, schema: InputSchema, *, timed: bool) -> None:
        self.predictor = predictor
        self._bodies = Bodies(schema, timed=timed)
        self._version = package_version("ostinato").encode()

    async def invocations(self, request: Request) -> Response:
        """Answer the rows of a request."""
        rows, ids, times_ns = self._bodies.read(request)
        predictions = await self.predictor.predict(rows, ids, times_ns)
        scores: list[Any] = [prediction.score for prediction in predictions]
        return answer({"predictions": scores})

    async def ping(self, _request: Request) -> Response:
        """Say with the status whether requests can be answered."""
        return Response(200 if self.predictor.ready() else 503, b"\n", PLAIN)

    async def version(self, _request: Request) -> Response:
        """Answer with the version of the server, plain."""
        return Response(200, self._version, PLAIN)


def _words(error: HttpError) -> dict[str, str]:
    code = "BAD_REQUEST" if error.status < 500 else "INTERNAL_ERROR"
    return {"error_code": code, "message": str(error)}


def routes(predictor: Predictor, schema: InputSchema, *, timed: bool = False) -> list[Route]:
    """Return the routes of the protocol."""
    protocol = Invocations(predictor, schema, timed=timed)
    return [
        Route("POST", "/invocations", "predict", speaking(protocol.invocations, _words)),
        Route("GET", "/ping", None, protocol.ping),
        Route("GET", "/health", None, protocol.ping),
        Route("GET", "/version", "read", protocol.version),
    ]
