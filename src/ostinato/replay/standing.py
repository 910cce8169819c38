"""What policies were worth against never learning, on the same rows, and how sure that is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.core.units import DAY_NS
from ostinato.replay.blocks import LEVEL, cut
from ostinato.stats.confidence import normal_quantile
from ostinato.stats.shrinkage import shrink

MONTH_DAYS: Final = 30.4375
_TIE: Final = 1e-9  # relative; policies that did the same are both the best


class Estimate(float):
    """A number with its interval: `float`, with `low` and `high`."""

    low: float
    high: float

    def __new__(cls, value: float, low: float, high: float) -> Self:
        """Make an estimate from its value and the ends of its interval."""
        made = super().__new__(cls, value)
        made.low, made.high = low, high
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Net value of policies per month, each against the static one.

    Parameters
    ----------
    names
        The policies, without the static one, whose value is 0.
    values
        (p,), as measured.
    draws
        (d, p), the same over histories drawn anew: the same blocks of time for all policies.
    means, spreads
        (p,), what to believe of each after shrinkage, since the best of many was picked for its
        luck too, and how unsure that is (a standard deviation).
    """

    names: tuple[str, ...]
    values: Floats
    draws: Floats
    means: Floats
    spreads: Floats

    def measured(self, name: str) -> Estimate:
        """Return a policy's value as measured, with the ends of its 95 % bootstrap interval."""
        place = self.names.index(name)
        low, high = np.quantile(self.draws[:, place], [LEVEL / 2, 1 - LEVEL / 2])
        return Estimate(float(self.values[place]), float(low), float(high))

    def believed(self, name: str) -> Estimate:
        """Return a policy's value after shrinkage, with its 95 % interval."""
        place = self.names.index(name)
        value = float(self.means[place])
        reach = normal_quantile(1 - LEVEL / 2) * float(self.spreads[place])
        return Estimate(value, value - reach, value + reach)

    def leader(self, among: Sequence[str]) -> str:
        """Return the policy with the largest value as measured; the earlier one of equals.

        Shrinkage treats the distances as independent: it says how much to believe of the best, and
        not who that is, where all share the same good days.
        """
        return max(among, key=lambda name: float(self.values[self.names.index(name)]))

    def drawn(self, name: str) -> Floats:
        """Return the draws of a policy, (d,); zeros for one that is not in `names`: static."""
        if name not in self.names:
            return np.zeros(len(self.draws))
        draws: Floats = self.draws[:, self.names.index(name)]
        return draws

    def believable(self, name: str) -> Floats:
        """Return the draws of a policy, (d,), moved to its shrunken value and as wide as its doubt.

        Zeros for static. What policies lived through together stays together.
        """
        if name not in self.names:
            return self.drawn(name)
        place = self.names.index(name)
        around = self.draws[:, place] - self.values[place]
        width = float(around.std())
        scaled: Floats = around * (float(self.spreads[place]) / width) if width > 0.0 else around
        return float(self.means[place]) + scaled

    def sure(self, name: str, among: Sequence[str]) -> float:
        """Return in which share of the drawn histories a policy is the best of some and static."""
        best = np.maximum(self.drawn(""), np.max([self.drawn(other) for other in among], axis=0))
        near = _TIE * max(float(np.abs(self.draws).max()), 1e-300)
        return float((self.drawn(name) >= best - near).mean())

    def regret(self, name: str, among: Sequence[str]) -> Estimate:
        """Return what the best of some and static brought more, with a 95 % upper bound."""
        place = {other: self.names.index(other) for other in self.names}
        value = [float(self.values[place[other]]) if other in place else 0.0 for other in among]
        mine = float(self.values[place[name]]) if name in place else 0.0
        best = np.maximum(0.0, np.max([self.drawn(other) for other in among], axis=0))
        found = max(0.0, *value) - mine
        bound = float(np.quantile(best - self.drawn(name), 1 - LEVEL))
        return Estimate(found, 0.0, max(bound, found))


def stand(
    saved: Mapping[str, Floats],
    times_ns: Ints,
    rng: np.random.Generator,
    *,
    different: Collection[str],
) -> Standing:
    """Estimate net values per month from what each row was spared.

    Parameters
    ----------
    saved
        (n,) per policy, in the currency of the prices, against static; at least one policy.
    different
        The policies that answered otherwise than static at all. They alone are drawn together: the
        others spared nothing, so that their value is known, and no luck is in it.
    times_ns
        (n,) when the rows were asked for, in order; n >= 1.
    rng
        Source of randomness.
    """
    blocks = cut(times_ns)
    counts = blocks.draw(rng)
    rows = len(times_ns)
    scale = per_month(float(rows), times_ns)
    values, draws = [], []
    for own in saved.values():
        mean = float(own.mean())
        total = counts @ blocks.sums(own)
        size = counts @ blocks.sums(np.ones(rows))
        drawn = np.divide(total, size, out=np.full(len(total), mean), where=size > 0)
        values.append(mean * scale)
        draws.append((mean + (drawn - mean) * blocks.widening) * scale)
    matrix, found = np.stack(draws, axis=1), np.array(values)
    means, spreads = found.copy(), matrix.std(axis=0)
    active = [place for place, name in enumerate(saved) if name in different]
    if active:
        shrunken = shrink(found[active], np.atleast_2d(np.cov(matrix[:, active], rowvar=False)))
        means[active], spreads[active] = shrunken.mean, shrunken.spread
    return Standing(names=tuple(saved), values=found, draws=matrix, means=means, spreads=spreads)


def per_month(total: float, times_ns: Ints) -> float:
    """Return what a sum over rows comes to in a month of 30.4375 days."""
    return total / max(int(times_ns[-1] - times_ns[0]) / (DAY_NS * MONTH_DAYS), 1e-9)
