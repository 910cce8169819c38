"""When labels come, and everything that goes wrong with them on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.core.rng import stream
from ostinato.sim.concept import Concept
from ostinato.sim.traffic import TICK_NS, Rows

TRUE, OTHER, WITHDRAWN, UNKNOWN = range(4)
"""What a message says of its row: the truth, something else, "take it back", nonsense."""

FAULTS: Final = ("lost", "late", "doubled", "revised", "withdrawn", "early", "unknown", "shuffled")
_NONSENSE: Final = (7.0, -1.0, 0.5, float("inf"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """Labels on their way: n messages in the order they arrive.

    `ticks` is when each arrives, `times_ns` when its label became known, `says` one of the
    constants above.
    """

    rows: Ints
    ticks: Ints
    times_ns: Ints
    says: Ints

    def of_tick(self, tick: int) -> slice:
        """Return where the messages of a tick stand."""
        return slice(*np.searchsorted(self.ticks, [tick, tick + 1]).tolist())


def draw_messages(seed: int, rows: Rows, *, horizon_ns: int, revise_ns: int) -> Messages:
    """Draw the messages about all rows.

    Delays depend on the label, through the chance it was drawn by.
    """
    rng = stream(seed, "labels")
    rates = {name: float(rng.choice([0.0, 0.02, 0.1])) for name in FAULTS}
    count = len(rows)
    usual = rng.uniform(0.1, 0.5) * horizon_ns
    slow = np.where(rows.chance > 0.5, 1.0, float(rng.uniform(0.3, 1.0)))
    delay = np.minimum(rng.exponential(usual, count) * slow, 0.98 * horizon_ns)
    late = rng.random(count) < rates["late"]
    delay[late] = horizon_ns + rng.random(int(late.sum())) * 1.5 * revise_ns
    known = rows.times_ns + delay.astype(np.int64)
    ticks = rows.ticks + 1 + (delay // TICK_NS).astype(np.int64)
    early = rng.random(count) < rates["early"]
    ticks[early] = np.maximum(rows.ticks[early] - 1, 0)
    known[early] = rows.times_ns[early]
    came = rng.random(count) >= rates["lost"]
    numbers = np.arange(count, dtype=np.int64)
    parts = [(numbers[came], ticks[came], known[came], np.full(int(came.sum()), TRUE))]
    for name, says in (
        ("doubled", TRUE),
        ("revised", OTHER),
        ("withdrawn", WITHDRAWN),
        ("unknown", UNKNOWN),
    ):
        again = came & (rng.random(count) < rates[name])
        lag = rng.integers(0, max(2 * int(revise_ns // TICK_NS), 2), int(again.sum()))
        after = known[again] + (0 if name == "doubled" else 1) * (lag * TICK_NS + 1)
        parts.append((numbers[again], ticks[again] + lag, after, np.full(int(again.sum()), says)))
    found = [np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True)]
    shuffled = rng.random(len(found[0])) < rates["shuffled"]
    found[1] = found[1] + shuffled * rng.integers(0, 4, len(found[0]))
    order = np.lexsort((found[2], found[1]))
    if rng.random() < 0.5:  # within a tick, messages come in any order
        order = np.lexsort((rng.random(len(found[0])), found[1]))
    return Messages(
        rows=found[0][order], ticks=found[1][order], times_ns=found[2][order], says=found[3][order]
    )


def values(
    concept: Concept, rows: Rows, messages: Messages, chosen: Ints, answers: Floats
) -> Floats:
    """Return what the chosen messages say, (n,), given the (n,) answers acted on."""
    at, says = messages.rows[chosen], messages.says[chosen]
    truth = concept.labels(rows.signal[at], rows.chance[at], answers)
    other = truth + 1.5 if concept.task == "regression" else (truth + 1) % max(concept.classes, 1)
    nonsense = np.array(_NONSENSE)[at % len(_NONSENSE)]
    if concept.task == "regression":
        nonsense = np.full(len(at), np.inf)
    withdrawn = np.full(len(at), np.nan)
    return np.choose(says, [truth, other, withdrawn, nonsense])
