"""Identity: ids that are pure functions of their inputs, and stable places on the unit interval.

Nothing here draws randomness: a replay must find the same ids again.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.canonical import digest


def content_id(prefix: str, *parts: Any) -> str:
    """Name a thing by what it is made of: ``prefix-`` and 12 hex digits of the parts' digest.

    >>> content_id("t", "loop", 3) == content_id("t", "loop", 3) != content_id("t", "loop", 4)
    True
    """
    return f"{prefix}-{digest(list(parts))[:12]}"


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    # SplitMix64 finaliser (Steele, Lea, Flood 2014): a bijection whose output bits all depend on
    # all input bits.
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def hash_keys(keys: NDArray[Any]) -> NDArray[np.uint64]:
    """Hash keys (integers or strings) to 64 stable bits each.

    Parameters
    ----------
    keys
        (n,) integers, strings or objects that print the same in every process.

    Returns
    -------
    ndarray
        (n,) uint64; integers are mixed without collisions, the rest go through BLAKE2b.
    """
    if keys.dtype.kind in "iu":
        return _mix(keys.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15))
    unique, inverse = np.unique(keys.astype(str), return_inverse=True)
    hashed = [
        int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") for key in unique.tolist()
    ]
    return np.array(hashed, dtype=np.uint64)[inverse]


def place(key_hashes: NDArray[np.uint64], salt: str) -> NDArray[np.float64]:
    """Give each hashed key its fixed place in [0, 1) under a salt.

    The place of a unit does not depend on any share, so the units of a 1 % canary stay in the
    5 % canary. Different salts give independent places.

    >>> hashes = hash_keys(np.arange(10_000))
    >>> places = place(hashes, "canary")
    >>> bool(0.04 < (places < 0.05).mean() < 0.06)
    True
    """
    salt_bits = int.from_bytes(hashlib.blake2b(salt.encode(), digest_size=8).digest(), "big")
    mixed = _mix(key_hashes ^ np.uint64(salt_bits))
    return (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)
