"""A mean loss from few labels and many guesses, with bounds that may be read at any time.

In: per row a guess of the loss, the chance to be labelled and, where it was, the loss. Out: the
mean loss with a confidence sequence. State: a dozen sums.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ostinato.stats.arrays import BoolArray, FloatArray, as_floats
from ostinato.stats.confidence import WARM_UP, asymptotic_radius, sample_sd

LEARNED_FROM = 30
"""Labels before the guesses are corrected. Fewer correct by chance, more leave them wrong long."""


@dataclass(slots=True)
class FusedStream:
    """Running mean of a loss that is known for a random few rows and guessed for all.

    A row counts with its corrected guess, and, where it was labelled, with the error of that
    guess times 1 / chance. The correction (offset + lam * guess) is learned from earlier rows
    alone, so that each row is right on average, whatever the guesses are worth and whoever chose
    the chances. Answers for other batch borders agree to float rounding.

    Parameters
    ----------
    tightest_at
        rows at which the interval should be tightest.
    n, n_labelled
        rows and labelled rows.
    total, squares
        sum and sum of squares of what the rows counted with.
    weight, losses, guesses, guesses_squared, products
        sums over labelled rows, each times 1 / chance, of 1, l, f, f^2 and l f.

    Source: augmented inverse-probability weighting, Robins, Rotnitzky, Zhao 1994; predictable lam
    as in Kilian, Cortinovis, Caron 2025, "Anytime-valid, Bayes-assisted, prediction-powered
    inference"; interval of Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas 2024.

    Examples
    --------
    >>> stream = FusedStream.begin(tightest_at=1000)
    >>> told = np.tile([0.0, 1.0], 500)
    >>> stream.update(np.where(np.arange(1000) % 5 == 0, told, np.nan), 0.5 * told, 0.2)
    >>> round(stream.lam, 6), 0.4 < stream.mean < 0.6
    (1.0, True)
    """

    tightest_at: int
    n: int = 0
    n_labelled: int = 0
    total: float = 0.0
    squares: float = 0.0
    weight: float = 0.0
    losses: float = 0.0
    guesses: float = 0.0
    guesses_squared: float = 0.0
    products: float = 0.0

    @classmethod
    def begin(cls, *, tightest_at: int) -> "FusedStream":
        """Start without rows.

        Parameters
        ----------
        tightest_at
            rows at which the interval should be tightest, >= 1; say those of a week.

        Raises
        ------
        ValueError
            when it is below 1.
        """
        if tightest_at < 1:
            raise ValueError(f"tightest_at must be at least 1, it was {tightest_at}")
        return cls(int(tightest_at))

    @property
    def mean(self) -> float:
        """Mean loss over all rows so far; 0 at the start."""
        return self.total / self.n if self.n else 0.0

    @property
    def lam(self) -> float:
        """Share of the guesses that is believed for the next row, in [0, 1]."""
        _, lam = _correction(np.array([self._sums()]), np.array([self.n_labelled]))
        return float(lam[0])

    def registered(self) -> dict[str, Any]:
        """Return what was fixed before the first row."""
        return {"tightest_at": self.tightest_at, "learned_from": LEARNED_FROM}

    def interval(self, alpha: float = 0.05) -> tuple[float, float]:
        """Return a confidence sequence of the mean loss.

        Parameters
        ----------
        alpha
            error rate over both sides and all times, in (0, 1).

        Returns
        -------
        tuple
            low and high; infinite below 200 labels, since it is asymptotic in the labels.
        """
        if self.n_labelled < WARM_UP:
            return -math.inf, math.inf
        sd = sample_sd(self.n, self.total, self.squares)
        radius = asymptotic_radius(self.n, sd, alpha, tightest_at=self.tightest_at)
        return self.mean - radius, self.mean + radius

    def update(self, losses: FloatArray, guesses: FloatArray, chances: FloatArray | float) -> None:
        """Take in rows in their order.

        Parameters
        ----------
        losses
            (n,), loss of each row, NaN where it was not chosen to be labelled.
        guesses
            (n,), guess of each loss; finite.
        chances
            (n,) or one number, the chance of each row to be labelled, in (0, 1]; fixed before its
            label was known.

        Raises
        ------
        ValueError
            when shapes differ or a value is out of range.
        """
        told, known = as_floats(losses), as_floats(guesses)
        chosen = np.broadcast_to(as_floats(chances), told.shape)
        if told.shape != known.shape or told.ndim != 1 or not np.isfinite(known).all():
            raise ValueError(f"need one finite guess per row: {told.shape} and {known.shape}")
        if not ((chosen > 0.0) & (chosen <= 1.0)).all() or np.isinf(told).any():
            raise ValueError("chances must be in (0, 1] and losses not infinite")
        if told.size:
            self._take(np.where(np.isnan(told), 0.0, told), known, ~np.isnan(told) / chosen)

    def _take(self, told: FloatArray, known: FloatArray, weights: FloatArray) -> None:
        terms = np.stack([np.ones(told.size), told, known, known * known, told * known], axis=1)
        sums = np.cumsum(np.vstack([self._sums(), weights[:, None] * terms]), axis=0)
        labelled: BoolArray = weights > 0.0
        counts = self.n_labelled + np.concatenate([[0], np.cumsum(labelled)])
        offset, lam = _correction(sums[:-1], counts[:-1])
        guess = offset + lam * known
        counted = guess + weights * (told - guess)
        self.n += told.size
        self.n_labelled = int(counts[-1])
        self.total += float(counted.sum())
        self.squares += float(counted @ counted)
        self.weight, self.losses, self.guesses = map(float, sums[-1, :3])
        self.guesses_squared, self.products = map(float, sums[-1, 3:])

    def _sums(self) -> tuple[float, float, float, float, float]:
        return self.weight, self.losses, self.guesses, self.guesses_squared, self.products


def _correction(sums: FloatArray, counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    # Line of the losses on the guesses over earlier labelled rows, slope in [0, 1]; before there
    # are enough of them the guess itself.
    ready = counts >= LEARNED_FROM
    weight = np.where(ready, sums[:, 0], 1.0)
    loss, guess, squares, products = (sums[:, 1:] / weight[:, None]).T
    variance = squares - guess * guess
    varies = ready & (variance > 1e-12 * np.maximum(squares, 1e-300))
    lam = np.clip((products - loss * guess) / np.where(varies, variance, 1.0), 0.0, 1.0)
    lam = np.where(ready, np.where(varies, lam, 0.0), 1.0)
    return np.where(ready, loss - lam * guess, 0.0), lam
