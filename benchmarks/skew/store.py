"""The same features by Ostinato's own declarations, recomputed by `as_of`."""

from __future__ import annotations

import numpy as np
import polars as pl

from ostinato import features
from ostinato.features.parity import Late, Subset, Version
from ostinato.features.parity.recompute import Recomputation
from ostinato.features.prepare import EventBatch
from skew.world import WINDOWS, D

BUYS = features.Events("buys", time="at")
NAMES = {"mean": features.mean, "sum": features.sum, "count": features.count}


def declared(feature, window_ns):
    column = () if feature == "count" else ("amount",)
    return NAMES[feature](
        BUYS, *column, by="entity", window=f"{window_ns // (D // 2) * 12}h", name=feature
    )


class Store:
    """Answers `values_at` as a `World` does, for the world's events."""

    def __init__(self, world):
        order = np.argsort(world.times, kind="stable")
        self.events = EventBatch(
            source="buys",
            times_ns=world.times[order],
            known_ns=world.known[order],
            frame=pl.DataFrame({"entity": world.keys[order], "amount": world.values[order]}),
        )
        rows = np.flatnonzero(world.part[order] != 3)
        self.fewer = EventBatch(
            source="buys",
            times_ns=self.events.times_ns[rows],
            known_ns=self.events.known_ns[rows],
            frame=self.events.frame[rows],
        )
        self.last = None  # a cause asks for a hundred variants of the same rows

    def values_at(self, feature, keys, others, times, variant=None):
        fewer = isinstance(variant, Subset)
        recompute = self._recompute(feature, keys, others, times, fewer=fewer)
        if variant is None or fewer:
            found = recompute(Late(0))
        elif isinstance(variant, Version):
            found = recompute(Version(next(iter(recompute.previous))))
        else:
            found = recompute(variant)
        return None if found is None else found.fill_null(np.nan).to_numpy()

    def _recompute(self, feature, keys, others, times, *, fewer):
        wanted = (feature, fewer, keys.tobytes(), times.tobytes())
        if self.last is None or self.last[0] != wanted:
            made = Recomputation(
                declared(feature, WINDOWS[feature]),
                pl.DataFrame({"entity": keys, "other": others}),
                np.asarray(times, dtype=np.int64),
                {"buys": self.fewer if fewer else self.events},
                keys=["other"],
                previous=[declared(feature, WINDOWS[feature] // 2)],
            )
            self.last = wanted, made
        return self.last[1]
