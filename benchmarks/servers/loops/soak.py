"""The same loop with labels that may be late or revised for minutes, not hours.

What still waits for its label has to be kept. With a horizon of two hours an hour of load is all
growth; with this one the amount that waits is level after some minutes, and what grows is a leak.
"""

from __future__ import annotations

from dataclasses import replace

import ostinato as ost
from servers.loops.steady import loop as steady

HORIZON_MINUTES, REVISE_MINUTES = 3, 1

loop = replace(
    steady,
    label=ost.Label("y", delay="1m", horizon=f"{HORIZON_MINUTES}m", revise=f"{REVISE_MINUTES}m"),
)
