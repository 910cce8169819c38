"""Tensors of the Open Inference Protocol: requests decoded, their values checked.

Source: Open Inference Protocol, REST (github.com/kserve/open-inference-protocol), "Inference
Request JSON Object" and "Tensor Data Representation": data is flat in row-major order, or nested.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Final

import msgspec

from ostinato.live.gateway.bodies import decode
from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.route import shown
from ostinato.live.gateway.rows import MAX_ROWS

_INT64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]

WHOLE: Final = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")
REAL: Final = ("FP16", "FP32", "FP64")
DATATYPES: Final = ("BOOL", *WHOLE, *REAL, "BYTES")

_FLAT: Final[dict[str, msgspec.json.Decoder[list[Any]]]] = {
    "BOOL": msgspec.json.Decoder(list[bool | None]),
    "BYTES": msgspec.json.Decoder(list[str | None]),
    **dict.fromkeys(WHOLE, msgspec.json.Decoder(list[_INT64 | None])),
    **dict.fromkeys(REAL, msgspec.json.Decoder(list[float | None])),
}
_NESTED: Final[dict[str, msgspec.json.Decoder[list[list[Any]]]]] = {
    "BOOL": msgspec.json.Decoder(list[list[bool | None]]),
    "BYTES": msgspec.json.Decoder(list[list[str | None]]),
    **dict.fromkeys(WHOLE, msgspec.json.Decoder(list[list[_INT64 | None]])),
    **dict.fromkeys(REAL, msgspec.json.Decoder(list[list[float | None]])),
}


class Parameters(msgspec.Struct, frozen=True):
    """The parameters that mean something here; others are skipped."""

    binary_data: bool | None = None
    binary_data_size: Annotated[int, msgspec.Meta(ge=0)] | None = None
    binary_data_output: bool | None = None
    content_type: str | None = None


class Tensor(msgspec.Struct, frozen=True):
    """One input: `data` as it stands in the request, decoded once its type is known."""

    name: str
    shape: tuple[Annotated[int, msgspec.Meta(ge=0, le=2**31)], ...]
    datatype: str
    data: msgspec.Raw = msgspec.Raw()
    parameters: Parameters | None = None

    @property
    def binary_size(self) -> int | None:
        """How many bytes behind the JSON are this tensor's; None where its data is in the JSON."""
        return None if self.parameters is None else self.parameters.binary_data_size


class Output(msgspec.Struct, frozen=True):
    """An output that is asked for."""

    name: str
    parameters: Parameters | None = None


class InferRequest(msgspec.Struct, frozen=True):
    """A request for inference."""

    inputs: list[Tensor]
    id: str | None = None
    parameters: Parameters | None = None
    outputs: list[Output] | None = None


REQUEST: Final = msgspec.json.Decoder(InferRequest)


def check(tensor: Tensor) -> None:
    """Refuse a tensor that cannot be read before anything of it is.

    Raises
    ------
    HttpError
        400, or 413 where it has too many rows.
    """
    if tensor.datatype not in DATATYPES:
        raise _unusable(tensor, found=shown(tensor.datatype), expected=", ".join(DATATYPES))
    if len(tensor.shape) not in {1, 2}:
        raise _unusable(tensor, found=f"shape {list(tensor.shape)}", expected="[n], [n, 1], [n, k]")
    if tensor.shape[0] > MAX_ROWS:
        raise HttpError(
            413,
            f"Tensor {shown(tensor.name)!r} has too many rows",
            found=str(tensor.shape[0]),
            expected=f"at most {MAX_ROWS}",
            hint="Send them in several requests.",
        )
    if tensor.parameters is not None and tensor.parameters.content_type == "base64":
        raise _unusable(tensor, found="content type base64", expected="text as it is")


def json_values(tensor: Tensor) -> list[Any]:
    """Return the values of a tensor whose data is in the JSON, flat.

    Raises
    ------
    HttpError
        400 if they are not of the tensor's type, or not as many as its shape says.
    """
    raw = bytes(tensor.data)
    if raw[1:].lstrip()[:1] == b"[":
        rows = decode(_NESTED[tensor.datatype], raw)
        if any(len(row) != tensor.shape[-1] for row in rows) or len(tensor.shape) != 2:
            raise _unusable(tensor, found="data nested otherwise", expected="nested as the shape")
        return sized(tensor, [value for row in rows for value in row])
    return sized(tensor, decode(_FLAT[tensor.datatype], raw) if raw else [])


def sized(tensor: Tensor, values: list[Any]) -> list[Any]:
    """Return the values, if they are as many as the shape says.

    Raises
    ------
    HttpError
        400 otherwise.
    """
    if len(values) != math.prod(tensor.shape):
        expected = f"{math.prod(tensor.shape)}: shape {list(tensor.shape)}"
        raise _unusable(tensor, found=f"{len(values)} values", expected=expected)
    return values


def _unusable(tensor: Tensor, *, found: str, expected: str) -> HttpError:
    return HttpError(
        400, f"Tensor {shown(tensor.name)!r} cannot be used", found=found, expected=expected
    )
