"""Tensors as bytes behind the JSON: the extension that Triton's clients use unless told otherwise.

Source: Triton Inference Server, "Binary Tensor Data Extension": the header
``inference-header-content-length`` says where the JSON ends; then come the tensors in order, little
endian, each `binary_data_size` bytes; text is four bytes of length before each value.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.route import shown
from ostinato.live.gateway.tensors import InferRequest, Tensor, json_values, sized

HEADER: Final = "inference-header-content-length"

_DTYPES: Final[Mapping[str, str]] = {
    "BOOL": "?",
    **{f"INT{bits}": f"<i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": f"<u{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
}


def split(body: bytes, headers: Mapping[str, str]) -> tuple[bytes, bytes]:
    """Split a body into its JSON and the bytes behind it.

    Raises
    ------
    HttpError
        400 if the header is no length within the body.
    """
    told = headers.get(HEADER)
    if told is None:
        return body, b""
    # Decimal digits only: int() would take signs, spaces and underscores as well.
    if not (told.isascii() and told.isdigit() and len(told) < 10 and int(told) <= len(body)):
        raise HttpError(
            400,
            f"The header {HEADER} is no length",
            found=shown(told),
            expected=f"0 to {len(body)}",
        )
    return body[: int(told)], body[int(told) :]


def values(request: InferRequest, binary: bytes) -> list[list[Any]]:
    """Return the values of each input, flat, from the JSON or the bytes behind it.

    Raises
    ------
    HttpError
        400 if they do not fit.
    """
    found, start = [], 0
    for tensor in request.inputs:
        size = tensor.binary_size
        if size is None:
            found.append(json_values(tensor))
            continue
        if start + size > len(binary):
            raise _wrong(tensor, f"{len(binary) - start} bytes left", f"{size} bytes")
        found.append(sized(tensor, _read(tensor, binary[start : start + size])))
        start += size
    if start != len(binary):
        raise HttpError(
            400,
            "There are bytes behind the tensors",
            found=f"{len(binary)} bytes of tensor data",
            expected=f"{start}, the sum of binary_data_size",
        )
    return found


def _read(tensor: Tensor, chunk: bytes) -> list[Any]:
    if tensor.datatype == "BYTES":
        return _texts(tensor, chunk)
    dtype = np.dtype(_DTYPES[tensor.datatype])
    if len(chunk) % dtype.itemsize:
        raise _wrong(tensor, f"{len(chunk)} bytes", f"a multiple of {dtype.itemsize}")
    read = np.frombuffer(chunk, dtype=dtype)
    # NaN is how tensors write what is missing.
    return [None if value != value else value for value in read.tolist()]  # noqa: PLR0124


def _texts(tensor: Tensor, chunk: bytes) -> list[str]:
    texts, start = [], 0
    while start < len(chunk):
        end = start + 4
        if end <= len(chunk):
            end += struct.unpack_from("<I", chunk, start)[0]
        if end > len(chunk):
            raise _wrong(tensor, "text that ends behind the tensor", "lengths within it")
        try:
            texts.append(chunk[start + 4 : end].decode())
        except UnicodeDecodeError as error:
            raise _wrong(tensor, "bytes that are no UTF-8", "UTF-8") from error
        start = end
    return texts


def written(datatype: str, values: list[Any]) -> bytes:
    """Return the values of an output as bytes; None as NaN."""
    if datatype == "BYTES":
        texts = [str(value).encode() for value in values]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    return np.array(values, dtype=_DTYPES[datatype]).tobytes()


def _wrong(tensor: Tensor, found: str, expected: str) -> HttpError:
    what = f"The bytes of tensor {shown(tensor.name)!r} do not fit"
    return HttpError(400, what, found=found, expected=expected)
