"""Randomness. The one file that makes random generators.

A stream has a name. Drawing once more from one stream moves nothing in another, so that adding a
draw to the canary does not change which rows a learner samples.
"""

from __future__ import annotations

import hashlib
import os

import numpy as np


def stream_seed(seed: int, name: str) -> int:
    """Derive the 32-bit seed of a named stream (what scikit-learn takes as `random_state`).

    >>> stream_seed(0, "learn") == stream_seed(0, "learn") != stream_seed(1, "learn")
    True
    """
    return int.from_bytes(hashlib.sha256(f"{seed}\x00{name}".encode()).digest()[:4], "big")


def stream(seed: int, name: str) -> np.random.Generator:
    """Open the random stream called `name` of a run with this seed.

    Examples
    --------
    >>> float(stream(0, "bootstrap").random()) == float(stream(0, "bootstrap").random())
    True
    """
    digest = hashlib.sha256(f"{seed}\x00{name}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def secret_bytes(count: int) -> bytes:
    """Draw bytes that nobody can guess, from the operating system.

    They have no seed and never enter anything a replay must find again.

    >>> len(secret_bytes(32)), secret_bytes(32) == secret_bytes(32)
    (32, False)
    """
    return os.urandom(count)
