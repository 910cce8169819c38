"""Identity: ids that are pure functions of their inputs, and stable places on the unit interval.

Nothing here draws randomness: a replay must find the same ids again.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.canonical import digest

NO_UNIT: Final = "(no unit)"
"""The unit of all requests without one."""

_BITS: Final = 2**64 - 1
_EXACT: Final = 2.0**53  # floats hold every whole number below


def content_id(prefix: str, *parts: Any) -> str:
    """Name a thing by what it is made of: ``prefix-`` and 12 hex digits of the parts' digest.

    >>> content_id("t", "loop", 3) == content_id("t", "loop", 3) != content_id("t", "loop", 4)
    True
    """
    return f"{prefix}-{digest(list(parts))[:12]}"


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    # SplitMix64 finaliser (Steele, Lea, Flood 2014): a bijection whose output bits all depend on
    # all input bits. Overflow is meant; NumPy warns of it for single values only.
    with np.errstate(over="ignore"):
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return values ^ (values >> np.uint64(31))


def hash_keys(keys: NDArray[Any]) -> NDArray[np.uint64]:
    """Hash keys (integers or strings) to 64 stable bits each.

    A key's hash does not depend on the keys beside it nor on the width of its type: 5 is the same
    as int8, as int64 and in an array of objects. None is a key of its own, unlike ``"None"``.

    Parameters
    ----------
    keys
        (n,) integers, strings, None, or objects that print the same in every process.

    Returns
    -------
    ndarray
        (n,) uint64; integers of 64 bits are mixed without collisions, the rest go through BLAKE2b.
    """
    if keys.dtype.kind in "iu":
        return _hash_integers(keys.astype(np.uint64))
    if keys.dtype.kind not in "OU":
        keys = keys.astype(str)
    listed = keys.tolist()
    if keys.dtype.kind == "O" and any(_is_integer(key) for key in listed):
        return _hash_mixed(listed)
    return _hash_texts([_text_bytes(key) for key in listed])


def _is_integer(key: object) -> bool:
    # Beyond 64 bits an integer is hashed by its digits.
    if isinstance(key, bool) or not isinstance(key, int | np.integer):
        return False
    return -(2**63) <= int(key) < 2**64


def _hash_integers(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        return _mix(keys + np.uint64(0x9E3779B97F4A7C15))


def _hash_mixed(keys: list[Any]) -> NDArray[np.uint64]:
    whole = np.fromiter(map(_is_integer, keys), dtype=np.bool_, count=len(keys))
    hashed = np.empty(len(keys), dtype=np.uint64)
    integers = [int(key) % 2**64 for key in keys if _is_integer(key)]
    hashed[whole] = _hash_integers(np.array(integers, dtype=np.uint64))
    hashed[~whole] = _hash_texts([_text_bytes(key) for key in keys if not _is_integer(key)])
    return hashed


def _text_bytes(key: object) -> bytes:
    # UTF-8 has no byte 0xFF, so no text is taken for None; lone surrogates are keys as well.
    return b"\xff" if key is None else str(key).encode("utf-8", "surrogatepass")


def _hash_texts(texts: list[bytes]) -> NDArray[np.uint64]:
    hashes = {text: _text_hash(text) for text in dict.fromkeys(texts)}
    return np.array([hashes[text] for text in texts], dtype=np.uint64)


def join_hashes(parts: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """Make one hash per row of the hashes of several columns; of one column, that one."""
    joined = parts[0]
    for part in parts[1:]:
        joined = _mix(((joined << np.uint64(1)) | (joined >> np.uint64(63))) ^ part)
    return joined


def place(key_hashes: NDArray[np.uint64], salt: str) -> NDArray[np.float64]:
    """Give each hashed key its fixed place in [0, 1) under a salt.

    The place of a unit does not depend on any share, so the units of a 1 % canary stay in the
    5 % canary. Different salts give independent places.

    >>> hashes = hash_keys(np.arange(10_000))
    >>> places = place(hashes, "canary")
    >>> bool(0.04 < (places < 0.05).mean() < 0.06)
    True
    """
    mixed = _mix(key_hashes ^ np.uint64(_salt_bits(salt)))
    return (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)


@lru_cache(maxsize=256)
def _salt_bits(salt: str) -> int:
    return _text_hash(salt.encode())


def _text_hash(text: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


# ---------------------------------------------------------------- one at a time


def hash_key(key: object) -> int:
    """Hash one key as `hash_keys` does, without arrays: about a microsecond.

    >>> hash_key(7) == hash_keys(np.array([7]))[0], hash_key("7") == hash_key(7)
    (np.True_, False)
    """
    if _is_integer(key):
        # `_is_integer` has looked; mypy does not see through it.
        return _mix_one((int(key) + 0x9E3779B97F4A7C15) & _BITS)  # type: ignore[call-overload]
    return _text_hash(_text_bytes(key))


def hash_unit(value: object) -> int:
    """Hash one unit as JSON gives it: an integer, a float, a text, a truth value or None.

    A whole float is the same unit as the integer; None and NaN are the one unit without a name. So
    a unit of a request is the one that it was in a table of the history.
    """
    if value is None:
        return hash_key(NO_UNIT)
    if isinstance(value, bool):
        return hash_key("true" if value else "false")
    if isinstance(value, float):
        return _hash_float(float(value))
    return hash_key(value)


def _hash_float(value: float) -> int:
    if math.isnan(value):
        return hash_key(NO_UNIT)
    if abs(value) < _EXACT and value.is_integer():
        return hash_key(int(value))
    return hash_key(_float_text(value))


def _float_text(value: float) -> str:
    """Write a float as a table casts it to text: shortest digits, 1e-7 and not 1e-07.

    Positional from 1e-5 up to below 1e16, else with an exponent: what Polars does.
    """
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    digits, _, exponent = repr(value).partition("e")
    if not exponent:
        return digits
    power = int(exponent)
    if power == -5:  # Python writes 1.5e-05, Polars 0.000015
        sign, whole = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
        return f"{sign}0.0000{whole.replace('.', '')}"
    return f"{digits}e{power:+d}"


def join_hash(parts: Sequence[int]) -> int:
    """Make one hash of several, as `join_hashes` does."""
    joined = parts[0]
    for part in parts[1:]:
        joined = _mix_one((((joined << 1) & _BITS) | (joined >> 63)) ^ part)
    return joined


def place_one(key_hash: int, salt: str) -> float:
    """Give one hashed key its place in [0, 1) under a salt, as `place` does."""
    return (_mix_one(key_hash ^ _salt_bits(salt)) >> 11) / float(1 << 53)


def _mix_one(value: int) -> int:
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _BITS
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _BITS
    return value ^ (value >> 31)
