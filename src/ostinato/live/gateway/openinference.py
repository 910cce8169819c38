"""The Open Inference Protocol, version 2, over REST.

Source: github.com/kserve/open-inference-protocol, "inference_rest". The loop is the model; which of
its versions answers is for the routes to say. Further input tensors ``prediction_id`` and ``time``
carry a client's own ids and times; the request's `id` is only echoed, for clients repeat it.
"""

from __future__ import annotations

from importlib.metadata import version as package_version
from typing import Any

import msgspec

from ostinato.live.gateway import binary_tensors
from ostinato.live.gateway.bodies import decode, media_type
from ostinato.live.gateway.dialect import speaking
from ostinato.live.gateway.http import JSON, HttpError, Request, Response, answer
from ostinato.live.gateway.infer import DATATYPES, OUTPUTS, Inputs, output, wanted_outputs
from ostinato.live.gateway.ports import Prediction, Predictor
from ostinato.live.gateway.route import Route, only_loop, shown
from ostinato.live.gateway.tensors import REQUEST, InferRequest
from ostinato.live.schema import InputSchema

BYTES = "application/octet-stream"


class OpenInference:
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
        self.predictor, self.schema = predictor, schema
        self._inputs = Inputs(schema, timed=timed)
        self._version = package_version("ostinato")

    async def server(self, _request: Request) -> Response:
        """Describe the server."""
        return answer(
            {
                "name": "ostinato",
                "version": self._version,
                "extensions": ["binary_tensor_data"],
            }
        )

    async def live(self, _request: Request) -> Response:
        """Answer: whoever reads this, the process lives."""
        return answer({"live": True})

    async def ready(self, _request: Request) -> Response:
        """Say with the status whether requests can be answered."""
        ready = self.predictor.ready()
        return answer({"ready": ready}, 200 if ready else 503)

    async def model_ready(self, request: Request) -> Response:
        """Say with the status whether the loop, or one version of it, answers."""
        self._known(request)
        ready = self.predictor.ready()
        return answer({"name": self.schema.loop, "ready": ready}, 200 if ready else 503)

    async def model(self, request: Request) -> Response:
        """Describe the loop: its inputs and outputs, the versions in the routes."""
        self._known(request)
        inputs = [
            {"name": field.name, "datatype": DATATYPES[field.kind], "shape": [-1]}
            for field in self.schema.inputs
        ]
        classes = len(self.schema.classes) if self.schema.task == "multiclass" else 0
        outputs = [{"name": n, "datatype": kind, "shape": [-1]} for n, kind in OUTPUTS.items()]
        outputs[0]["shape"] = [-1, classes] if classes else [-1]
        return answer(
            {
                "name": self.schema.loop,
                "versions": self._versions(),
                "platform": "ostinato",
                "inputs": inputs,
                "outputs": outputs,
            }
        )

    async def infer(self, request: Request) -> Response:
        """Answer the rows of a request."""
        self._known(request)
        media_type(request, default=JSON, allowed=(JSON, BYTES))
        body, binary = binary_tensors.split(request.body, request.headers)
        asked = decode(REQUEST, body)
        wanted = wanted_outputs(asked)
        rows, ids, times_ns = self._inputs.read(asked, binary)
        return self._answer(asked, wanted, await self.predictor.predict(rows, ids, times_ns))

    async def infer_version(self, request: Request) -> Response:
        """Refuse: clients do not choose versions."""
        self._known(request)
        raise HttpError(
            400,
            "A client cannot choose the version that answers",
            found=shown(request.arguments["version"]),
            expected="the routes of the loop choose it",
            hint=f"Use /v2/models/{self.schema.loop}/infer.",
        )

    def _answer(
        self,
        asked: InferRequest,
        wanted: list[tuple[str, bool]],
        predictions: list[Prediction],
    ) -> Response:
        outputs: list[dict[str, Any]] = []
        chunks: list[bytes] = []
        for name, as_bytes in wanted:
            shape, values = output(name, predictions)
            told: dict[str, Any] = {"name": name, "datatype": OUTPUTS[name], "shape": shape}
            if as_bytes:
                chunks.append(binary_tensors.written(OUTPUTS[name], values))
                told["parameters"] = {"binary_data_size": len(chunks[-1])}
            else:
                told["data"] = values
            outputs.append(told)
        body = self._body(asked, predictions, outputs)
        if not chunks:
            return Response(200, body)
        header = ((binary_tensors.HEADER, str(len(body))),)
        return Response(200, b"".join([body, *chunks]), BYTES, header)

    def _body(
        self, asked: InferRequest, predictions: list[Prediction], outputs: list[dict[str, Any]]
    ) -> bytes:
        told: dict[str, Any] = {"model_name": self.schema.loop}
        versions = dict.fromkeys(prediction.version for prediction in predictions)
        if len(versions) == 1:
            told["model_version"] = next(iter(versions))
        if asked.id is not None:
            told["id"] = asked.id
        return msgspec.json.encode({**told, "outputs": outputs})

    def _known(self, request: Request) -> None:
        only_loop(self.schema.loop, request.arguments["loop"])
        version = request.arguments.get("version")
        if version is not None and version not in self._versions():
            raise HttpError(
                404,
                "This version does not serve",
                found=shown(version),
                expected=", ".join(self._versions()) or "none serves yet",
            )

    def _versions(self) -> list[str]:
        routes = self.predictor.published()
        if routes is None:
            return []
        named = (routes.champion, routes.canary, routes.holdback, *routes.shadows, routes.previous)
        return list(dict.fromkeys(version for version in named if version is not None))


def _words(error: HttpError) -> dict[str, str]:
    return {"error": str(error)}


def routes(predictor: Predictor, schema: InputSchema, *, timed: bool = False) -> list[Route]:
    """Return the routes of the protocol."""
    protocol = OpenInference(predictor, schema, timed=timed)
    model, versioned = "/v2/models/{loop}", "/v2/models/{loop}/versions/{version}"
    return [
        Route("GET", "/v2", "read", protocol.server),
        Route("GET", "/v2/health/live", None, protocol.live),
        Route("GET", "/v2/health/ready", None, protocol.ready),
        Route("GET", model, "read", speaking(protocol.model, _words)),
        Route("GET", versioned, "read", speaking(protocol.model, _words)),
        Route("GET", f"{model}/ready", None, speaking(protocol.model_ready, _words)),
        Route("GET", f"{versioned}/ready", None, speaking(protocol.model_ready, _words)),
        Route("POST", f"{model}/infer", "predict", speaking(protocol.infer, _words)),
        Route("POST", f"{versioned}/infer", "predict", speaking(protocol.infer_version, _words)),
    ]
