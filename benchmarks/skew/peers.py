"""What others look at: whether the distribution of a feature moved, and rates without a test.

Distances between the values served and those of the training side, as TensorFlow Data Validation
and most monitors compute them, at thresholds that people use: Jensen-Shannon above .3, L-infinity
of ten bins above .1, PSI above .1, a Kolmogorov-Smirnov test at 5 %. The training side are other
rows of the same time: such monitors never compare a row with itself. Chronon's consistency job
does, and reports rates per batch; it has no rule when a rate is too high, so two fixed limits stand
for one.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import ks_2samp

THRESHOLDS = {"L-infinity .1": 0.1, "Jensen-Shannon .3": 0.3, "PSI .1": 0.1}


def shares(values, edges):
    """Share of values per bin; the last one is of missing values."""
    known = values[~np.isnan(values)]
    counts = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1)
    counts = np.append(counts, len(values) - len(known))
    return (counts + 1e-6 * len(values)) / (len(values) * (1.0 + 1e-6 * len(counts)))


def distances(served, training):
    edges = np.unique(np.nanquantile(training, np.linspace(0.1, 0.9, 9)))
    p, q = shares(served, edges), shares(training, edges)
    middle = 0.5 * (p + q)
    js = 0.5 * (p * np.log2(p / middle)).sum() + 0.5 * (q * np.log2(q / middle)).sum()
    return {
        "L-infinity .1": np.abs(p - q).max(),
        "Jensen-Shannon .3": js,
        "PSI .1": ((p - q) * np.log(p / q)).sum(),
    }


def flags(served, truth, rng):
    """Which of the rules call 5,000 served rows different from those of training, per rule."""
    half = rng.permutation(len(truth))
    ours, theirs = half[: len(half) // 2], half[len(half) // 2 :]
    found = distances(served[ours], truth[theirs])
    told = {name: bool(found[name] > limit) for name, limit in THRESHOLDS.items()}
    a, b = (x[~np.isnan(x)] for x in (served[ours], truth[theirs]))
    told["KS p < .05"] = bool(len(a) == 0 or ks_2samp(a, b).pvalue < 0.05)
    return told


def rate_flags(rng, share, *, batches, rows, limit):
    """Share of batches whose rate of rows that differ is above a fixed limit."""
    return float((rng.binomial(rows, share, batches) > limit * rows).mean())
