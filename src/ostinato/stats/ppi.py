"""A mean loss from few labels and many guesses: unbiased whatever the guesses are worth.

In: losses of the rows that were labelled, guesses of the loss on all rows, the chance each row had
to be labelled. Out: the mean loss with its interval, and how good the guesses were. No state. For
windows that are looked at once; ``ppi_stream`` may be read at any time.
"""

import math
from dataclasses import dataclass

import numpy as np

from ostinato.stats.arrays import FloatArray, as_floats
from ostinato.stats.confidence import normal_quantile


@dataclass(frozen=True, slots=True)
class FusedMean:
    """Mean loss of a window, from labels and guesses together.

    Parameters
    ----------
    mean, se
        estimate and its standard error, in the unit of the loss.
    low, high
        two-sided bounds at the level that was asked for.
    lam
        share of the guesses that was believed, in [0, 1]; 0 uses the labels alone.
    rho
        correlation of loss and guess over the labelled rows; labels are worth about
        1 / (1 - rho^2) times as many. NaN where one of them does not vary.
    n_labelled, n
        rows with a label, and all rows.
    """

    mean: float
    se: float
    low: float
    high: float
    lam: float
    rho: float
    n_labelled: int
    n: int


def ppi_mean(
    losses: FloatArray,
    guesses: FloatArray,
    guesses_rest: FloatArray,
    *,
    chances: FloatArray | None = None,
    alpha: float = 0.05,
    lam: float | None = None,
) -> FusedMean:
    """Fuse the losses of some rows with guesses of the loss on all rows of a window.

    The guesses may be wrong in any way: the labelled rows measure their error and take it off.
    The guesses must not have been fitted on these labels.

    Parameters
    ----------
    losses, guesses
        (n,), loss and guess of each labelled row, n >= 2; from about 50 on the interval holds.
    guesses_rest
        (r,), guesses on the rows that were not labelled; may be empty.
    chances
        (n,), the chance each labelled row had to be labelled, in (0, 1], known and not
        estimated; the same for all when left out. Every row of the window must have had one.
    alpha
        error rate over both sides, in (0, 1).
    lam
        share of the guesses to believe, in [0, 1]; the one with the smallest variance when left
        out.

    Returns
    -------
    FusedMean
        estimate and interval.

    Raises
    ------
    ValueError
        when shapes differ, a value is not finite or out of range.

    Source: Angelopoulos, Duchi, Zrnic 2023, "PPI++", section 2 and 6 (their lambda is
    lam r / (n + r) here, where guesses on all rows are averaged); Zrnic and Candes 2024, "Active
    statistical inference" (weights 1 / chance); theta = lam mean(f) + mean_w(l - lam f), with the
    variance of its linear expansion, Hajek 1971.

    Examples
    --------
    >>> told = np.array([0.0, 1.0, 0.0, 1.0])
    >>> fused = ppi_mean(told, 0.5 * told, np.full(96, 0.25))
    >>> fused.lam, round(fused.mean, 3), fused.n
    (1.0, 0.5, 100)
    """
    told, known, rest = as_floats(losses), as_floats(guesses), as_floats(guesses_rest)
    weights = _weights(told, known, chances)
    if not np.isfinite(told.sum() + known.sum() + rest.sum()) or rest.ndim != 1:
        raise ValueError("losses and guesses must be finite and one-dimensional")
    if not 0.0 < alpha < 1.0 or not (lam is None or 0.0 <= lam <= 1.0):
        raise ValueError(f"alpha must be in (0, 1) and lam in [0, 1]: {alpha}, {lam}")
    n, rows = told.size, told.size + rest.size
    centre = (known.sum() + rest.sum()) / rows
    loss_mean, guess_mean = float(weights @ told) / n, float(weights @ known) / n
    # What each row adds to the error of the mean, (labels) + lam (guesses), rows / n x weights
    # being the number of rows that a labelled one stands for.
    stands_for = weights * (rows / n)
    of_labels = stands_for * (told - loss_mean)
    of_guesses = (known - centre) - stands_for * (known - guess_mean)
    spread = float(of_guesses @ of_guesses) + float(np.square(rest - centre).sum())
    if lam is None:
        varies = _varies(np.concatenate([known, rest]))
        lam = min(max(-float(of_labels @ of_guesses) / spread, 0.0), 1.0) if varies else 0.0
    squares = np.square(of_labels + lam * of_guesses).sum() + np.square(lam * (rest - centre)).sum()
    se = math.sqrt(float(squares) * n / (n - 1)) / rows
    mean = lam * float(centre) + loss_mean - lam * guess_mean
    reach = normal_quantile(1.0 - alpha / 2.0) * se
    rho = math.nan
    if _varies(told) and _varies(known):
        rho = _correlation(weights, told - loss_mean, known - guess_mean)
    return FusedMean(mean, se, mean - reach, mean + reach, float(lam), rho, n, rows)


@dataclass(frozen=True, slots=True)
class FusedSums:
    """All that ``ppi_of_sums`` needs of the rows; sums of several batches add up.

    Parameters
    ----------
    n, losses, losses_squared
        labelled rows, the sum of their losses and of the losses squared.
    guesses, guesses_squared, products
        sums over labelled rows of the guess, of the guess squared, and of loss times guess.
    rows, all_guesses, all_guesses_squared
        all rows, labelled or not, and sums over them.
    """

    n: float
    losses: float
    losses_squared: float
    guesses: float
    guesses_squared: float
    products: float
    rows: float
    all_guesses: float
    all_guesses_squared: float


def ppi_of_sums(sums: FusedSums, *, alpha: float = 0.05) -> FusedMean:
    """Return what ``ppi_mean`` does of rows that all had the same chance of a label.

    Raises
    ------
    ValueError
        when fewer than two rows are labelled, or more than there are.

    Examples
    --------
    >>> fused = ppi_of_sums(FusedSums(4.0, 2.0, 2.0, 1.0, 0.5, 1.0, 100.0, 25.0, 6.5))
    >>> fused.lam, round(fused.mean, 3), fused.n
    (1.0, 0.5, 100)
    """
    n, rows = sums.n, sums.rows
    if not 2.0 <= n <= rows:
        raise ValueError(f"from 2 to all rows must be labelled, they were {n} of {rows}")
    loss, guess, centre = sums.losses / n, sums.guesses / n, sums.all_guesses / rows
    of_losses = max(sums.losses_squared - n * loss * loss, 0.0)
    of_guesses = max(sums.guesses_squared - n * guess * guess, 0.0)
    product = sums.products - n * loss * guess
    everywhere = max(sums.all_guesses_squared - rows * centre * centre, 0.0)
    # As in `ppi_mean`, with sums over rows multiplied out: s rows stand behind a labelled one.
    s = rows / n
    spread = everywhere - 2.0 * s * of_guesses + s * s * of_guesses
    cross = s * (1.0 - s) * product
    varies = everywhere > 1e-12 * max(sums.all_guesses_squared, 1e-300) and spread > 0.0
    lam = min(max(-cross / spread, 0.0), 1.0) if varies else 0.0
    squares = max(s * s * of_losses + 2.0 * lam * cross + lam * lam * spread, 0.0)
    se = math.sqrt(squares * n / (n - 1.0)) / rows
    mean = lam * centre + loss - lam * guess
    reach = normal_quantile(1.0 - alpha / 2.0) * se
    size = math.sqrt(of_losses * of_guesses)
    rho = product / size if size > 0.0 else math.nan
    return FusedMean(mean, se, mean - reach, mean + reach, lam, rho, round(n), round(rows))


def _weights(told: FloatArray, known: FloatArray, chances: FloatArray | None) -> FloatArray:
    # Inverse chances, scaled to a mean of 1.
    if told.shape != known.shape or told.ndim != 1 or told.size < 2:
        raise ValueError(f"need one guess per loss, at least two: {told.shape} and {known.shape}")
    if chances is None:
        return np.ones(told.size)
    chosen = as_floats(chances)
    if chosen.shape != told.shape or not ((chosen > 0.0) & (chosen <= 1.0)).all():
        raise ValueError("chances must be in (0, 1], one per labelled row")
    inverse = 1.0 / chosen
    inverse *= told.size / float(inverse.sum())
    return inverse


def _varies(values: FloatArray) -> bool:
    return bool(values.max() > values.min())


def _correlation(weights: FloatArray, x: FloatArray, y: FloatArray) -> float:
    size = math.sqrt(float(weights @ np.square(x)) * float(weights @ np.square(y)))
    return float(weights @ (x * y)) / size
