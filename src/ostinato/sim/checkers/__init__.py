"""Independent checkers: each reads what was seen of a run, and says what should not have been.

In: the `Evidence` of a finished run. Out: findings. State kept: none. They share no code with the
stages: what a stage gets wrong, its checker must not get wrong in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from ostinato.sim.checkers import (
    allowed,
    by_hand,
    chain,
    early,
    labels_once,
    liveness,
    nothing_lost,
    right_label,
    same_again,
    shares,
    verdicts,
    way_back,
)
from ostinato.sim.observe import Evidence
from ostinato.sim.verdict import Finding

CHECKERS: Final[dict[str, Callable[[Evidence], Iterable[Finding]]]] = {
    labels_once.NAME: labels_once.check,
    right_label.NAME: right_label.check,
    early.NAME: early.check,
    verdicts.NAME: verdicts.check,
    allowed.NAME: allowed.check,
    by_hand.NAME: by_hand.check,
    shares.NAME: shares.check,
    way_back.NAME: way_back.check,
    nothing_lost.NAME: nothing_lost.check,
    chain.NAME: chain.check,
    same_again.NAME: same_again.check,
    liveness.NAME: liveness.check,
}
"""All checkers by name; a new one is added here."""
