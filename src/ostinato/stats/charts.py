"""Classical control charts over the standardised loss: Shewhart, EWMA and CUSUM.

In: losses and the mean expected of each. Out: a statistic, its limit, the first crossing and
where the change seems to begin. State: a few numbers. The run length they are set for assumes
independent increments, normal or of two values; correlated or seasonal losses alarm more often.
They are kept to explain and to cross-check; the alarm of record is the e-detector. Only a rise
alarms.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ostinato.stats.arrays import FloatArray
from ostinato.stats.chart_limits import cusum_limit, ewma_limit, shewhart_limit
from ostinato.stats.chart_rates import cusum_rate_limit, ewma_rate_limit, shewhart_rate_limit


def _standardised(values: FloatArray, means: FloatArray | float, sd: float) -> FloatArray:
    z: FloatArray = (values - means) / sd
    if z.ndim != 1 or np.isnan(z).any():
        raise ValueError("values and means must be one-dimensional and free of NaN")
    return z


def _check(sd: float) -> None:
    if not sd > 0.0:
        raise ValueError(f"sd must be above 0, it was {sd}")


def _first(over: np.ndarray) -> int:
    return int(over.argmax()) if over.size and over.any() else -1


@dataclass(slots=True)
class ShewhartChart:
    """Batch means against a fixed limit.

    Parameters
    ----------
    mean, sd
        mean and standard deviation of one value under no change.
    limit
        alarm limit of a batch mean, in its standard errors.
    batch
        events per plotted point.
    n
        events seen.
    statistic
        last full batch mean in its standard errors.
    open_sum, open_count
        sum and count of the standardised values of the batch that is filling.
    crossed_at
        event count of the first crossing since the last reset, or -1.
    change_point
        event count after which the change began: the start of the batch that crossed, else of
        the batch that is filling.

    Source: Shewhart 1931, "Economic Control of Quality of Manufactured Product".
    """

    mean: float
    sd: float
    limit: float
    batch: int
    n: int = 0
    statistic: float = 0.0
    open_sum: float = 0.0
    open_count: int = 0
    crossed_at: int = -1
    change_point: int = 0

    @classmethod
    def begin(
        cls,
        mean: float,
        sd: float,
        *,
        arl: float = 1e6,
        batch: int = 500,
        rate: float | None = None,
    ) -> "ShewhartChart":
        """Set the limit for a run length of ``arl`` events; ValueError when impossible.

        ``rate`` in (0, .5] is the probability of a loss where values are 0 or one other value; the
        limit is then exact for them. Without it values are taken as normal.
        """
        _check(sd)
        if rate is None:
            limit = shewhart_limit(arl, batch=batch)
        else:
            limit = shewhart_rate_limit(arl, batch=batch, rate=rate)
        return cls(float(mean), float(sd), limit, batch)

    @property
    def crossed(self) -> bool:
        """Whether the limit was reached since the last reset."""
        return self.crossed_at >= 0

    def registered(self) -> dict[str, Any]:
        """Return the method and what was fixed before the first event, for the journal."""
        return {
            "method": "shewhart chart",
            "mean": self.mean,
            "sd": self.sd,
            "batch": self.batch,
            "limit": self.limit,
        }

    def reset(self) -> None:
        """Start anew after an alarm; the event count goes on."""
        self.statistic = self.open_sum = 0.0
        self.open_count = 0
        self.crossed_at, self.change_point = -1, self.n

    def update(self, values: FloatArray, means: FloatArray | None = None) -> None:
        """Take in values (n,) with the mean expected of each (n,); ``mean`` when left out."""
        z = _standardised(values, self.mean if means is None else means, self.sd)
        begun = self.n - self.open_count
        self.n += z.size
        missing = self.batch - self.open_count
        if z.size < missing:
            self.open_sum += float(z.sum())
            self.open_count += z.size
            return
        whole = missing + (z.size - missing) // self.batch * self.batch
        totals = np.concatenate(
            [
                [self.open_sum + z[:missing].sum()],
                z[missing:whole].reshape(-1, self.batch).sum(axis=1),
            ]
        )
        self.open_sum, self.open_count = float(z[whole:].sum()), z.size - whole
        self._plot(totals / np.sqrt(self.batch), begun)

    def _plot(self, points: FloatArray, begun: int) -> None:
        self.statistic = float(points[-1])
        if self.crossed_at >= 0:
            return
        first = _first(points >= self.limit)
        if first >= 0:
            self.crossed_at = begun + (first + 1) * self.batch
        self.change_point = begun + (first if first >= 0 else points.size) * self.batch


@dataclass(slots=True)
class EwmaChart:
    """Exponentially weighted mean against a fixed limit.

    Parameters
    ----------
    mean, sd
        mean and standard deviation of one value under no change.
    weight
        weight of the newest value, in (0, 1).
    limit
        alarm limit, in standard deviations of one value.
    n
        events seen.
    statistic
        the weighted mean of standardised values now.
    crossed_at
        event count of the first crossing since the last reset, or -1.
    change_point
        event count at which the statistic was last at most 0, as of the crossing or as of now.

    Source: Roberts 1959, Technometrics 1; limit after Brook and Evans 1972.
    """

    mean: float
    sd: float
    weight: float
    limit: float
    n: int = 0
    statistic: float = 0.0
    crossed_at: int = -1
    change_point: int = 0

    @classmethod
    def begin(
        cls,
        mean: float,
        sd: float,
        *,
        arl: float = 1e6,
        weight: float = 0.02,
        rate: float | None = None,
    ) -> "EwmaChart":
        """Set the limit for a run length of ``arl`` events; ValueError when impossible.

        ``rate`` as for ``ShewhartChart.begin``.
        """
        _check(sd)
        if not 0.0 < weight < 1.0:
            raise ValueError(f"weight must be in (0, 1), it was {weight}")
        if rate is None:
            limit = ewma_limit(arl, weight=weight)
        else:
            limit = ewma_rate_limit(arl, weight=weight, rate=rate)
        return cls(float(mean), float(sd), weight, limit)

    @property
    def crossed(self) -> bool:
        """Whether the limit was reached since the last reset."""
        return self.crossed_at >= 0

    def registered(self) -> dict[str, Any]:
        """Return the method and what was fixed before the first event, for the journal."""
        return {
            "method": "ewma chart",
            "mean": self.mean,
            "sd": self.sd,
            "weight": self.weight,
            "limit": self.limit,
        }

    def reset(self) -> None:
        """Start anew after an alarm; the event count goes on."""
        self.statistic = 0.0
        self.crossed_at, self.change_point = -1, self.n

    def update(self, values: FloatArray, means: FloatArray | None = None) -> None:
        """Take in values (n,) with the mean expected of each (n,); ``mean`` when left out."""
        z = _standardised(values, self.mean if means is None else means, self.sd)
        # Powers of 1 / (1 - weight) stay below e^200 within a piece.
        piece = max(1, int(200.0 / -np.log1p(-self.weight)))
        for start in range(0, z.size, piece):
            self._take(z[start : start + piece])

    def _take(self, z: FloatArray) -> None:
        decay = np.power(1.0 - self.weight, np.arange(1.0, z.size + 1.0))
        path = decay * (self.statistic + self.weight * np.cumsum(z / decay))
        self.statistic = float(path[-1])
        _follow(self, path, path <= 0.0)


@dataclass(slots=True)
class CusumChart:
    """Cumulative sum of what exceeds a reference drift, never below zero.

    Parameters
    ----------
    mean, sd
        mean and standard deviation of one value under no change.
    drift
        standard deviations subtracted from each value: half the shift it is best at.
    limit
        alarm limit, in standard deviations of one value.
    n
        events seen.
    statistic
        the sum now.
    crossed_at
        event count of the first crossing since the last reset, or -1.
    change_point
        event count at which the sum was last 0, as of the crossing or as of now.

    Source: Page 1954, Biometrika 41; limit after Siegmund 1985.
    """

    mean: float
    sd: float
    drift: float
    limit: float
    n: int = 0
    statistic: float = 0.0
    crossed_at: int = -1
    change_point: int = 0

    @classmethod
    def begin(
        cls,
        mean: float,
        sd: float,
        *,
        arl: float = 1e6,
        shift: float = 0.2,
        rate: float | None = None,
    ) -> "CusumChart":
        """Set the limit for a run length of ``arl`` events; ValueError when impossible.

        ``shift`` is the rise, in standard deviations of one value, that is found soonest; ``rate``
        as for ``ShewhartChart.begin``.
        """
        _check(sd)
        drift = 0.5 * shift
        if rate is None:
            limit = cusum_limit(arl, drift=drift)
        else:
            limit = cusum_rate_limit(arl, drift=drift, rate=rate)
        return cls(float(mean), float(sd), drift, limit)

    @property
    def crossed(self) -> bool:
        """Whether the limit was reached since the last reset."""
        return self.crossed_at >= 0

    def registered(self) -> dict[str, Any]:
        """Return the method and what was fixed before the first event, for the journal."""
        return {
            "method": "cusum chart",
            "mean": self.mean,
            "sd": self.sd,
            "drift": self.drift,
            "limit": self.limit,
        }

    def reset(self) -> None:
        """Start anew after an alarm; the event count goes on."""
        self.statistic = 0.0
        self.crossed_at, self.change_point = -1, self.n

    def update(self, values: FloatArray, means: FloatArray | None = None) -> None:
        """Take in values (n,) with the mean expected of each (n,); ``mean`` when left out."""
        z = _standardised(values, self.mean if means is None else means, self.sd)
        if not z.size:
            return
        free = self.statistic + np.cumsum(z - self.drift)
        path = free - np.minimum(np.minimum.accumulate(free), 0.0)
        self.statistic = float(path[-1])
        _follow(self, path, path <= 0.0)


def _follow(chart: EwmaChart | CusumChart, path: FloatArray, low: np.ndarray) -> None:
    # Move the count, the crossing and the change point over one stretch of the statistic.
    begun = chart.n
    chart.n += path.size
    if chart.crossed_at >= 0:
        return
    first = _first(path >= chart.limit)
    if first >= 0:
        chart.crossed_at = begun + first + 1
        low = low[: first + 1]
    lows = np.flatnonzero(low)
    if lows.size:
        chart.change_point = begun + int(lows[-1]) + 1
