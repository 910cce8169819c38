"""What a proof must show: fixed before its first row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NULLS: Final = ("always", "average", "daily")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of one proof.

    Parameters
    ----------
    margin
        Relative rise of the loss that still counts as no worse.
    alpha, beta
        Error rates of promote and abort, in (0, 1).
    min_samples
        Labelled rows before any verdict.
    share
        The challenger's share of the units at the last step before promotion; 0: it answers nobody.
    null, abort_null
        One of `NULLS`, for promote and abort; "": the proof is not about promotion.
    """

    margin: float
    alpha: float
    beta: float
    min_samples: int
    share: float
    null: str
    abort_null: str
