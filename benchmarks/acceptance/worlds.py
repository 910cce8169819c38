"""Streams of losses and of differences: independent, seasonal, correlated, heavy-tailed."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter
from scipy.special import ndtr

EVENTS_PER_DAY = 24_000  # 1,000 an hour


def season(events: int, swing: float, *, begin: int = 0) -> np.ndarray:
    """Daily factor of the mean loss, 1 on average, rising and falling by `swing`."""
    days = (begin + np.arange(events)) / EVENTS_PER_DAY
    return 1.0 + swing * np.sin(2.0 * np.pi * days)


def hours(events: int, *, begin: int = 0) -> np.ndarray:
    """Hour of the day of each event."""
    return (begin + np.arange(events)) * 24 // EVENTS_PER_DAY % 24


def errors(rng: np.random.Generator, rates: np.ndarray) -> np.ndarray:
    return (rng.random(len(rates)) < rates).astype(np.float64)


def correlated_uniforms(rng: np.random.Generator, events: int, rho: float) -> np.ndarray:
    """Uniform values whose normal scores are a stationary AR(1) with coefficient `rho`."""
    noise = rng.normal(size=events) * np.sqrt(1.0 - rho * rho)
    noise[0] /= np.sqrt(1.0 - rho * rho)
    return ndtr(lfilter([1.0], [1.0, -rho], noise))


def correlated_errors(
    rng: np.random.Generator, rates: np.ndarray | float, events: int, rho: float
) -> np.ndarray:
    """Errors of 0 or 1 that come in runs; each has its rate exactly."""
    return (correlated_uniforms(rng, events, rho) < rates).astype(np.float64)


def pareto_losses(
    rng: np.random.Generator, events: int, mean: float, *, tail: float = 1.5
) -> np.ndarray:
    """Losses with a Pareto tail, clipped at 1, whose clipped mean is `mean`."""
    scale = _scale_of(mean, tail)
    return np.minimum(scale * rng.pareto(tail, events), 1.0)


def _scale_of(mean: float, tail: float) -> float:
    # E min(s X, 1) for the Lomax X with shape a: s (1 - (1 + 1/s)^(1 - a)) / (a - 1); bisection.
    low, high = 1e-9, 1e3
    for _ in range(200):
        scale = np.sqrt(low * high)
        found = scale * (1.0 - (1.0 + 1.0 / scale) ** (1.0 - tail)) / (tail - 1.0)
        low, high = (scale, high) if found < mean else (low, scale)
    return float(scale)
