"""Many streams and many tests: which alarms stand when there are a hundred of them.

In: evidence of each stream or test (e-values, or their logs). Out: which to report, or one evidence
for all. State: two counts for tests that come one after the other.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import zeta

from ostinato.stats.arrays import BoolArray, FloatArray, log_mean_exp

DECAY = 1.5
"""Power by which the share of the error falls from test to test. Nearer 1: more is left for late
tests and less for the first; at 2 the hundredth test gets a quarter of what it gets at 1.5."""


def e_d_bh(e_values: FloatArray, *, q: float, patience: float) -> BoolArray:
    """Return which streams to report, given the e-detectors of all of them at this moment.

    No rule can bound the share of false reports of standing monitors for ever, as each alarms some
    day. This one bounds it over a patience: stopped at any time tau, the expected share of healthy
    streams among those reported is at most q E[tau] / patience, for any dependence within and
    between streams.

    Parameters
    ----------
    e_values
        (streams,), value M of each e-detector now (exp of ``log_e``; infinity allowed), >= 0. All
        must have started together, or later.
    q
        share of false reports that is tolerated over the patience, in (0, 1).
    patience
        time within which a false report would be too early; in the unit in which the e-detectors
        count (events of a stream, or ticks), > 0.

    Returns
    -------
    BoolArray
        (streams,), true where a stream is to be reported.

    Source: Dandapanthula and Ramdas 2025, "Multiple testing in multi-stream sequential change
    detection": the r largest, r = max {r: E_(r) >= streams * patience / (q r)} (e-BH of Wang and
    Ramdas 2022 on e-detectors).

    Examples
    --------
    >>> e_d_bh(np.array([50.0, 1e6, 3e5, 0.0]), q=0.1, patience=10_000)
    array([False,  True,  True, False])
    """
    if e_values.ndim != 1 or not (e_values >= 0.0).all():
        raise ValueError("e_values must be one-dimensional, >= 0 and free of NaN")
    if not (0.0 < q < 1.0 and patience > 0.0):
        raise ValueError(f"q in (0, 1) and patience above 0 expected: {q}, {patience}")
    order = np.argsort(-e_values, kind="stable")
    ranks = np.arange(1, order.size + 1)
    enough = np.flatnonzero(e_values[order] * ranks >= order.size * patience / q)
    reported = np.zeros(order.size, dtype=np.bool_)
    reported[order[: enough[-1] + 1 if enough.size else 0]] = True
    return reported


def weighted_log_e(log_e: FloatArray, weights: FloatArray) -> float:
    """Log of the weighted mean of evidences: one evidence for a family of streams.

    A mean of e-processes (or e-detectors) is one again if they see the same past, however dependent
    they are; a product or a maximum is not.

    Parameters
    ----------
    log_e
        (streams,), log of each evidence.
    weights
        (streams,), importance of each, fixed beforehand; >= 0, some above 0.

    Source: Vovk and Wang 2021, "E-values: calibration, combination and applications", Annals of
    Statistics 49 (no symmetric way to merge dependent e-values beats the arithmetic mean).
    """
    if log_e.shape != weights.shape or not ((weights >= 0.0).all() and weights.sum() > 0.0):
        raise ValueError("one weight from 0 per evidence, and some above 0, expected")
    held = weights > 0.0
    shares = weights[held] * held.sum() / weights.sum()
    return float(log_mean_exp(log_e[held] + np.log(shares)))


@dataclass(slots=True)
class ELond:
    """Tests that come one after the other, without end: bounds the share of false rejections.

    Holds for any dependence between the tests, so also for windows that overlap. Test t gets the
    share gamma_t = t^-1.5 / zeta(1.5) of the error, once more for each rejection before.

    Parameters
    ----------
    alpha
        false discovery rate, in (0, 1).
    tested, rejected
        tests so far, and rejections among them.

    Source: Xu and Ramdas 2024, "Online multiple testing with e-values", AISTATS: reject where
    E_t >= 1 / alpha_t, alpha_t = alpha gamma_t (rejections before + 1).

    Examples
    --------
    >>> tests = ELond.begin(alpha=0.1)
    >>> [tests.test(e) for e in (30.0, 30.0, 30.0, 300.0)]
    [True, False, False, True]
    """

    alpha: float
    tested: int = 0
    rejected: int = 0

    @classmethod
    def begin(cls, *, alpha: float = 0.05) -> "ELond":
        """Start before the first test; ValueError when alpha is not in (0, 1)."""
        if not 0.0 < alpha < 1.0:
            raise ValueError(f"alpha must be in (0, 1), it was {alpha}")
        return cls(float(alpha))

    @property
    def level(self) -> float:
        """Level of the next test: it is rejected when its e-value reaches 1 / level."""
        share = math.pow(self.tested + 1, -DECAY) / float(zeta(DECAY))
        return self.alpha * share * (self.rejected + 1)

    def registered(self) -> dict[str, Any]:
        """Return the method and what was fixed before the first test, for the journal."""
        return {"method": "e-LOND", "alpha": self.alpha, "decay": DECAY}

    def test(self, e_value: float) -> bool:
        """Take in the next test; return whether its null hypothesis is rejected.

        Parameters
        ----------
        e_value
            evidence against it, >= 0 (infinity allowed); at most 1 in expectation if it is true.

        Raises
        ------
        ValueError
            when the e-value is negative or NaN.
        """
        if math.isnan(e_value) or e_value < 0.0:
            raise ValueError(f"e_value must be >= 0, it was {e_value}")
        found = e_value * self.level >= 1.0
        self.tested += 1
        self.rejected += found
        return bool(found)
