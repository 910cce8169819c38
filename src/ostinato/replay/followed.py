"""What came of the finalists after the choice, on rows that the choice did not see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ostinato.core.records import Floats
from ostinato.core.rng import stream
from ostinato.replay.advice import relative_gain
from ostinato.replay.evidence import evidence_of_beating
from ostinato.replay.ledger import Ledger
from ostinato.replay.race import Race, Runner
from ostinato.replay.result import Replay
from ostinato.replay.standing import Estimate, Standing, stand
from ostinato.stats.metrics import metric_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """The report part: ledgers and runs of the finalists, static among them."""

    split: int
    after_ns: int
    static: str
    runners: Mapping[str, Runner]
    replays: Mapping[str, Replay]
    ledgers: Mapping[str, Ledger]
    saved: Mapping[str, Floats]
    standing: Standing | None

    def value(self, name: str) -> Estimate:
        """Return a policy's net value per month against static, with its 95 % interval."""
        if self.standing is None or name not in self.standing.names:
            return Estimate(0.0, 0.0, 0.0)
        return self.standing.measured(name)

    def regret(self, name: str) -> Estimate:
        """Return what the best finalist brought more per month, `high` its 95 % upper bound."""
        if self.standing is None:
            return Estimate(0.0, 0.0, 0.0)
        return self.standing.regret(name, self.standing.names)

    def gain(self, name: str) -> float:
        """Return the relative fall of the loss against static."""
        return relative_gain(self.ledgers[self.static].losses, self.ledgers[name].losses)

    def evidence(self, name: str, race: Race) -> float:
        """Return the evidence, at its highest, that a policy beats static here."""
        if name == self.static or race.past is None:
            return 1.0
        own = race.saved[name]
        return evidence_of_beating(own, race.past, self.saved[name], self.ledgers[name])[1]

    def table(self) -> pl.DataFrame:
        """Draw up a row per finalist; static first."""
        return pl.DataFrame([self._row(name) for name in self.ledgers])

    def _row(self, name: str) -> dict[str, Any]:
        replay, ledger, value = self.replays[name], self.ledgers[name], self.value(name)
        kinds = Counter(
            entry.kind
            for entry in self.runners[name].run.journal.entries()
            if entry.ts_event_ns > self.after_ns
        )
        return {
            "policy": name,
            replay.metric: self._metric(name),
            "retrains": kinds["training_requested"],
            "promotions": kinds["promoted"],
            "rollbacks": kinds["rolled_back"],
            "cost": float(ledger.cost.sum()),
            "value": float(value),
            "low": value.low,
            "high": value.high,
            "regret": float(self.regret(name)),
        }

    def _metric(self, name: str) -> float:
        replay, ledger = self.replays[name], self.ledgers[name]
        known = ~np.isnan(ledger.losses)
        if not known.any():
            return float("nan")
        scores = self.runners[name].run.recorder.scores[self.split :]
        labels = replay.books.labels[self.split :]
        return metric_for(replay.task, replay.metric).value(labels[known], scores[known])


def follow(race: Race, replays: Mapping[str, Replay], *, after_ns: int, seed: int) -> Followed:
    """Judge the finalists on the rows asked for after the choice.

    Parameters
    ----------
    race
        Whose finalists have been run to the end.
    replays
        Their results, static's among them.
    after_ns
        When the choice was made.
    seed
        Seed of the draws.
    """
    static = race.static.name
    runners = {static: race.static, **race.going}
    times_ns = replays[static].books.times_ns
    split = int(np.searchsorted(times_ns, after_ns, side="right"))
    ledgers = {name: replays[name].books.ledger.part(split) for name in runners}
    base = ledgers[static]
    saved = {name: ledgers[name].saved(base) for name in race.going}
    return Followed(
        split=split,
        after_ns=after_ns,
        static=static,
        runners=runners,
        replays=replays,
        ledgers=ledgers,
        saved=saved,
        standing=stand(saved, base.times_ns, stream(seed, "choose/report"), different=())
        if saved
        else None,
    )
