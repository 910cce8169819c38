"""Tensors in, rows out; predictions in, tensors out."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Final

from ostinato.live.events import Id
from ostinato.live.gateway import binary_tensors
from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.named import PREDICTION_ID, TIME, ids_of, times_of
from ostinato.live.gateway.ports import Prediction
from ostinato.live.gateway.route import shown
from ostinato.live.gateway.rows import Row, RowReader
from ostinato.live.gateway.tensors import REAL, WHOLE, InferRequest, Tensor, check
from ostinato.live.schema import InputSchema, Kind

DATATYPES: Final[dict[Kind, str]] = {
    "number": "FP64",
    "integer": "INT64",
    "boolean": "BOOL",
    "text": "BYTES",
}
"""As what each kind of field is described."""

OUTPUTS: Final = {
    "score": "FP64",
    "prediction_id": "BYTES",
    "version": "BYTES",
    "role": "BYTES",
    "epoch": "INT64",
}
"""The outputs, and their types."""

Asked = tuple[list[Row], list[Id] | None, list[int] | None]
"""Rows, their ids and their times."""


class Inputs:
    """Reads the inputs of a request.

    One tensor per input, [n] or [n, 1]; or one [n, k] of all numeric features in order, called
    ``input`` (or anything that is no field), beside tensors of the other fields. Tensors
    ``prediction_id`` and ``time`` carry the ids and times of the client.

    Parameters
    ----------
    schema
        The fields.
    timed
        Whether clients give the times of their rows.
    """

    def __init__(self, schema: InputSchema, *, timed: bool) -> None:
        self._reader, self._timed = RowReader(schema), timed
        features = schema.inputs[: schema.input_features]
        self._fields = schema.input_names
        self._numeric = tuple(f.name for f in features if f.kind in {"number", "integer"})

    def read(self, request: InferRequest, binary: bytes) -> Asked:
        """Return what is asked for.

        Raises
        ------
        HttpError
            4xx that names the tensor.
        """
        for tensor in request.inputs:
            check(tensor)
        columns: dict[str, list[Any]] = {}
        found = binary_tensors.values(request, binary)
        for tensor, values in zip(request.inputs, found, strict=True):
            for name, column in self._columns(tensor, values).items():
                if name in columns:
                    raise HttpError(400, f"Input {shown(name)!r} is given twice")
                columns[name] = column
        # A field that is called like them is a field.
        ids, times = (
            None if name in self._fields else columns.pop(name, None)
            for name in (PREDICTION_ID, TIME)
        )
        rows = self._reader.table(columns)
        return rows, ids_of(ids, len(rows)), times_of(times, len(rows), timed=self._timed)

    def _columns(self, tensor: Tensor, values: list[Any]) -> dict[str, list[Any]]:
        width = tensor.shape[1] if len(tensor.shape) == 2 else 1
        known = (*self._fields, PREDICTION_ID, TIME)
        if tensor.name in known and width == 1:
            return {tensor.name: values}
        numeric = tensor.datatype in {*WHOLE, *REAL}
        if tensor.name not in known and numeric and len(tensor.shape) == 2:
            if width == len(self._numeric):
                return {name: values[n::width] for n, name in enumerate(self._numeric)}
            raise HttpError(
                400,
                f"Tensor {shown(tensor.name)!r} does not have one column per numeric feature",
                found=f"{width} columns",
                expected=f"{len(self._numeric)}: {', '.join(self._numeric)}",
            )
        near = get_close_matches(tensor.name[:100], self._fields, 1)
        raise HttpError(
            400,
            f"Tensor {shown(tensor.name)!r} is no input of the loop",
            found=f"{tensor.datatype} {list(tensor.shape)}",
            expected=f"[n] or [n, 1], of: {', '.join(self._fields)}",
            hint=f"Was {near[0]!r} meant?" if near else None,
        )


def wanted_outputs(request: InferRequest) -> list[tuple[str, bool]]:
    """Return the names of the outputs to give, and whether each is wanted as bytes.

    Raises
    ------
    HttpError
        400 for an output there is not.
    """
    everything = request.parameters is not None and bool(request.parameters.binary_data_output)
    if not request.outputs:
        return [(name, everything) for name in OUTPUTS]
    for output in request.outputs:
        if output.name not in OUTPUTS:
            expected = ", ".join(OUTPUTS)
            raise HttpError(
                400, "There is no such output", found=shown(output.name), expected=expected
            )
    return [(output.name, _as_bytes(output.parameters, everything)) for output in request.outputs]


def _as_bytes(parameters: Any, everything: bool) -> bool:  # noqa: FBT001 - private
    if parameters is None or parameters.binary_data is None:
        return everything
    return bool(parameters.binary_data)


def output(name: str, predictions: Sequence[Prediction]) -> tuple[list[int], list[Any]]:
    """Return the shape of an output and its values, flat."""
    values = [getattr(prediction, name) for prediction in predictions]
    if name == "prediction_id":
        return [len(values)], [str(value) for value in values]
    if name == "score" and isinstance(values[0], list):
        return [len(values), len(values[0])], [score for row in values for score in row]
    return [len(values)], values
