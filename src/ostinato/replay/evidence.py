"""Does a policy beat the static one? Evidence that may be read on any day."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from ostinato.core.records import Floats
from ostinato.replay.blocks import cut
from ostinato.replay.ledger import Ledger
from ostinato.stats.dual import DualEProcess

PROOF: Final = 20.0
"""Evidence at which a claim counts as proved: a policy no better than static reaches it with
probability at most 1 / 20, on whatever day one looks (Ville's inequality)."""

_NO_LIMIT: Final = 2**62


def evidence_of_beating(
    past: Floats, past_ledger: Ledger, saved: Floats, ledger: Ledger
) -> tuple[float, float]:
    """Return the evidence that rows were spared something, at the end and at its highest.

    What each block of time (a day) was spared in all is bet on, so that a day counts by its rows;
    it is given per row of a mean block of the past. How much is bet follows from the past alone:
    its mean saving, its spread, its largest saving or loss. Savings and losses of a block beyond
    twice that (`scale`) are cut; the promise is about what is left: a rare loss beyond it is not
    seen in full.

    Parameters
    ----------
    past, past_ledger
        (n,) what each row was spared on the past, and the rows.
    saved, ledger
        (m,) the same of the rows that followed.

    Returns
    -------
    (float, float)
        e-values; 1.0 says nothing, `PROOF` and more is proof, below 1 speaks against it.

    Source: betting e-process, `ostinato.stats.dual`: the policy is the incumbent there, static the
    challenger, and the evidence is that for "abort": static is worse.
    """
    before, after = _block_sums(past, past_ledger), _block_sums(saved, ledger)
    rows = len(past) / max(len(before), 1)
    before, after = before / max(rows, 1.0), after / max(rows, 1.0)
    scale = 2.0 * float(np.abs(before).max()) if len(before) else 0.0
    moment = float((before**2).mean()) if len(before) else 0.0
    if scale == 0.0 or not len(after):
        return 1.0, 1.0
    effect = float(np.clip(before.mean(), 0.01 * scale, 0.5 * scale))
    test = DualEProcess.begin(
        margin=effect, second_moment=moment, scale=scale, cap=_NO_LIMIT, beta=1.0 / PROOF
    )
    highest = 0.0
    for value in after:
        test.update(np.array([-value]))
        highest = max(highest, test.log_e_abort)
    return math.exp(min(test.log_e_abort, 700.0)), math.exp(min(highest, 700.0))


def _block_sums(saved: Floats, ledger: Ledger) -> Floats:
    if not len(saved):
        return np.empty(0)
    blocks = cut(ledger.times_ns)
    sums: Floats = blocks.sums(saved)[blocks.sums(np.ones(len(saved))) > 0]
    return sums
