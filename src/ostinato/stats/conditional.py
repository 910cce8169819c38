"""Whether the canary causes more errors: which arm did each error come from?

In: errors of both arms and the canary's share of the traffic. Out: the evidence that the canary's
error rate is too high. State: ten running logs. How many errors there are does not matter, only
whose they are: rush hours, outages and seasons that hit both arms alike cancel.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ostinato.stats.arrays import FloatArray

RATIOS = np.geomspace(1.05, 4.0, 10)
"""Relative risks that are looked for, in units of the tolerated one. Closer to 1: smaller excesses
can be found, in more events; more of them cost log(10) of evidence at most."""


@dataclass(slots=True)
class ConditionalBinomial:
    """Evidence of "an error is more than ``risk`` times as likely in the canary", at any batch.

    Given that an error happened, it came from the canary with probability
    q0 = share * risk / (share * risk + 1 - share) at most, if the canary errs at most ``risk``
    times as often. While that holds, the evidence ever reaches 1 / beta with probability at most
    beta. Only the numbers of a batch count: the order of events inside it does not matter, and the
    evidence is looked at after each batch. Exact when units fall into the arms at random with
    ``share``, or when errors are rare; cautious otherwise. A crossing stays.

    Parameters
    ----------
    risk
        tolerated relative risk, >= 1.
    beta
        error rate over the whole run, in (0, 1).
    risks
        (k,), relative risks of the mixture, all above ``risk``.
    logs
        (k,), log likelihood ratio of each against ``risk``.
    log_e
        log of the evidence now.
    n, canary
        errors of both arms and of the canary.
    crossed_at
        error count after the batch that first reached 1 / beta, or -1.

    Source: Lindon and Malek 2022, "Anytime-valid inference for multinomial count data", NeurIPS,
    section 4 (conditioning on the total); E = mean_k prod (q_k / q0)^canary
    ((1 - q_k) / (1 - q0))^control. A factor has mean at most 1 for every q <= q0 as q_k > q0.

    Examples
    --------
    >>> test = ConditionalBinomial.begin()
    >>> test.update(np.array([3, 4]), np.array([2, 1]), np.array([0.05, 0.05]))
    >>> test.crossed, test.n
    (True, 10)
    """

    risk: float
    beta: float
    risks: FloatArray
    logs: FloatArray
    log_e: float = 0.0
    n: int = 0
    canary: int = 0
    crossed_at: int = -1

    @classmethod
    def begin(cls, *, risk: float = 1.1, beta: float = 0.05) -> "ConditionalBinomial":
        """Start with no error seen.

        Raises
        ------
        ValueError
            when a value is out of its range.
        """
        if not (1.0 <= risk < math.inf and 0.0 < beta < 1.0):
            raise ValueError(f"risk from 1 and beta in (0, 1) expected: {risk}, {beta}")
        return cls(float(risk), float(beta), risk * RATIOS, np.zeros(RATIOS.size))

    @property
    def crossed(self) -> bool:
        """Whether the evidence ever reached 1 / beta."""
        return self.crossed_at >= 0

    def registered(self) -> dict[str, Any]:
        """Return the method and what was fixed before the first error, for the journal."""
        return {
            "method": "conditional binomial e-process",
            "risk": self.risk,
            "beta": self.beta,
            "risks": self.risks.tolist(),
        }

    def update(self, canary: npt.ArrayLike, control: npt.ArrayLike, share: npt.ArrayLike) -> None:
        """Take in one batch, or several in their order.

        Parameters
        ----------
        canary, control
            (b,) or numbers, errors of each batch in each arm; >= 0.
        share
            (b,) or a number, the canary's share of the requests of that batch, in (0, 1); must not
            depend on which requests erred.

        Raises
        ------
        ValueError
            when a value is out of its range.
        """
        ours, theirs, part = np.broadcast_arrays(
            np.atleast_1d(np.asarray(canary, dtype=np.float64)),
            np.atleast_1d(np.asarray(control, dtype=np.float64)),
            np.atleast_1d(np.asarray(share, dtype=np.float64)),
        )
        if not ours.size:
            return
        if ours.ndim != 1 or not (ours.min() >= 0.0 and theirs.min() >= 0.0):
            raise ValueError("canary and control must be (b,) counts from 0")
        if not (part.min() > 0.0 and part.max() < 1.0):
            raise ValueError(f"share must be in (0, 1): {part.min()} to {part.max()}")
        paths = self.logs + np.cumsum(self._gains(ours, theirs, part), axis=0)
        log_e = np.logaddexp.reduce(paths, axis=1) - math.log(self.risks.size)
        errors = self.n + np.cumsum(ours + theirs)
        over = np.flatnonzero(log_e >= -math.log(self.beta))
        if self.crossed_at < 0 and over.size:
            self.crossed_at = int(errors[over[0]])
        self.logs, self.log_e = paths[-1].copy(), float(log_e[-1])
        self.n, self.canary = int(errors[-1]), self.canary + int(ours.sum())

    def _gains(self, canary: FloatArray, control: FloatArray, share: FloatArray) -> FloatArray:
        # log(q_k / q0) = log(r_k / risk) - shift and log((1 - q_k) / (1 - q0)) = -shift.
        base = share * self.risk + 1.0 - share
        shift = np.log(
            (np.multiply.outer(share, self.risks) + 1.0 - share[:, None]) / base[:, None]
        )
        gains: FloatArray = canary[:, None] * np.log(self.risks / self.risk)
        gains -= (canary + control)[:, None] * shift
        return gains
