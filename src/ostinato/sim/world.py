"""The world of one seed: everything that will happen to the loop, decided before it begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import (
    ROLES,
    Floats,
    Ints,
    LabelsArrived,
    PredictionsMade,
    Record,
    RequestsArrived,
)
from ostinato.core.rng import stream
from ostinato.core.snapshot import encode
from ostinato.loop.loop import Loop
from ostinato.sim.concept import Concept, draw_concept
from ostinato.sim.declare import draw_loop
from ostinato.sim.misfortune import Crash, Fate, draw_clock, draw_crashes, draw_fates
from ostinato.sim.operators import draw_acts
from ostinato.sim.traffic import TICK_NS, Rows, draw_rows
from ostinato.sim.truth import Messages, draw_messages, values

START_NS: Final = 1_760_000_400_000_000_000 // TICK_NS * TICK_NS
TICKS: Final = 60
"""Ticks with traffic unless told otherwise: five days, enough for several rollouts."""

_HISTORY: Final = 250
_LETS_THROUGH: Final = 0.6  # a score of about 0.4 on the scale of `answers`

Delivery = tuple[str, bytes]
"""A key that stays the same when the sender tries again, and the message."""


@dataclass(slots=True)
class World:
    """What will happen.

    `answers` and `explored` grow while it happens: some truths depend on the answer given, and some
    requests get a label only if it let them through.

    After `ticks` come quiet ones, so that every label can mature.
    """

    seed: int
    ticks: int
    quiet: int
    concept: Concept
    loop: Loop
    history: Rows
    rows: Rows
    messages: Messages
    clock_ns: Ints
    crashes: list[Crash]
    fates: list[Fate]
    doubling: float
    acts: dict[int, list[Record]]
    answers: Floats = field(init=False)
    explored: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.answers = np.full(len(self.rows), np.nan)
        self.explored = np.zeros(len(self.rows), dtype=np.bool_)

    @property
    def all_ticks(self) -> int:
        """Ticks with traffic and the quiet ones after them."""
        return self.ticks + self.quiet

    def history_labels(self) -> Floats:
        """Return the labels of the history: nobody had answered yet."""
        even = np.full(len(self.history), 0.5)
        return self.concept.labels(self.history.signal, self.history.chance, even)

    def deliveries(self, tick: int, *, serving: bool) -> Iterator[Delivery]:
        """Yield what is sent in a tick; where nobody serves, requests are turned away."""
        rng = stream(self.seed, f"deliveries/{tick}")
        early, late = self._labels(tick, rng)
        yield from early
        if serving:
            yield from self._requests(tick, rng)
        yield from late
        yield from self._acts(tick, rng)

    def _acts(self, tick: int, rng: np.random.Generator) -> Iterator[Delivery]:
        for number, act in enumerate(self.acts.get(tick, [])):
            sent = encode([act])
            yield (f"acts/{tick}/{number}", sent)
            if rng.random() < self.doubling:  # told once more, through another door
                yield (f"acts/{tick}/{number}/again", sent)

    def answered(self, made: PredictionsMade) -> None:
        """Take note of answers; the first one to a request is the one acted on."""
        if not self.concept.effect and not self.concept.selective:
            return
        at = made.ids.astype(np.int64) - len(self.history)
        given = made.answers()
        given = given if given.ndim == 1 else given[:, 0]
        new = np.isnan(self.answers[at])
        self.answers[at[new]] = 1 / (1 + np.exp(-given[new]))
        self.explored[at[new]] = made.roles[new] == ROLES.index("explore")

    def _requests(self, tick: int, rng: np.random.Generator) -> Iterator[Delivery]:
        start, stop = np.searchsorted(self.rows.ticks, [tick, tick + 1]).tolist()
        cut = int(rng.integers(start, stop + 1)) if rng.random() < 0.3 else stop
        for part, (first, last) in enumerate(((start, cut), (cut, stop))):
            if first == last:
                continue
            sent = (f"requests/{tick}/{part}", encode([self._batch(first, last)]))
            yield sent
            if rng.random() < self.doubling:
                yield sent  # the answer was lost on its way: the same message again
            if rng.random() < self.doubling:  # and once more, through another door
                half = max((first + last) // 2, first + 1)
                yield (f"requests/{tick}/{part}/again", encode([self._batch(first, half)]))

    def _batch(self, first: int, last: int) -> RequestsArrived:
        rows, part = self.rows, np.arange(first, last)
        if self.doubling > 0 and last % 7 == 0:  # a sender that stammers
            part = np.append(part, last - 1)
        return RequestsArrived(
            ts_event_ns=int(rows.times_ns[last - 1]),
            ts_record_ns=int(rows.times_ns[last - 1]),
            offset=0,
            ids=rows.ids[part],
            times_ns=rows.times_ns[part],
            unit_hashes=rows.unit_hashes[part],
            groups=rows.groups[part],
            payload=rows.features[part],
        )

    def _labels(self, tick: int, rng: np.random.Generator) -> tuple[list[Delivery], list[Delivery]]:
        """Split a tick's labels into those sent before its requests and those sent after."""
        chosen = self.messages.of_tick(tick)
        start, stop = chosen.start, chosen.stop
        cut = int(rng.integers(start, stop + 1)) if rng.random() < 0.3 else start
        parts: tuple[list[Delivery], list[Delivery]] = ([], [])
        for place, (first, last) in enumerate(((start, cut), (cut, stop))):
            if first == last:
                continue
            told = self._told(np.arange(first, last))
            if not len(told):
                continue
            sent = (f"labels/{tick}/{place}", encode([told]))
            parts[place].append(sent)
            if rng.random() < self.doubling:
                parts[place].append(sent)
        return parts

    def _told(self, chosen: Ints) -> LabelsArrived:
        if self.concept.selective:
            asked = self.messages.rows[chosen]
            chosen = chosen[self.explored[asked] | (self.answers[asked] > _LETS_THROUGH)]
        at = self.messages.rows[chosen]
        acted = np.where(np.isnan(self.answers[at]), 0.5, self.answers[at])
        times_ns = self.messages.times_ns[chosen]
        return LabelsArrived(
            ts_event_ns=int(times_ns.max(initial=START_NS)),
            ts_record_ns=int(times_ns.max(initial=START_NS)),
            ids=self.rows.ids[at],
            times_ns=times_ns,
            values=values(self.concept, self.rows, self.messages, chosen, acted),
        )


def make_world(seed: int, *, ticks: int = TICKS) -> World:
    """Draw the world of a seed.

    Parameters
    ----------
    seed
        Decides everything.
    ticks
        Ticks (of two hours) with traffic, >= 1.
    """
    concept = draw_concept(seed, start_ns=START_NS, length_ns=ticks * TICK_NS)
    loop = draw_loop(seed, concept)
    history, rows = draw_rows(seed, concept, start_ns=START_NS, ticks=ticks, history=_HISTORY)
    horizon_ns, revise_ns = loop.label.horizon_ns, loop.label.revise_ns
    quiet = (horizon_ns + revise_ns) // TICK_NS + 4
    return World(
        seed=seed,
        ticks=ticks,
        quiet=quiet,
        concept=concept,
        loop=loop,
        history=history,
        rows=rows,
        messages=draw_messages(seed, rows, horizon_ns=horizon_ns, revise_ns=revise_ns),
        clock_ns=draw_clock(seed, start_ns=START_NS, ticks=ticks + quiet),
        crashes=draw_crashes(seed, ticks=ticks + quiet),
        fates=draw_fates(seed),
        doubling=float(stream(seed, "doubling").choice([0.0, 0.05, 0.3])),
        acts=draw_acts(seed, ticks=ticks),
    )
