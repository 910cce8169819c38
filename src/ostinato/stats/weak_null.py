"""Release decision on the average effect: e-processes that let the effect change its sign.

In: loss of the incumbent minus loss of the candidate on the same events. Out: a verdict that may
be read at any event. State: four sums. Takes the place of ``DualEProcess`` where the effect may
differ from hour to hour: the promise is about the average over the events so far.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ostinato.stats.arrays import FloatArray, log_mean_exp
from ostinato.stats.dual import Verdict, check_terms, first_crossing, verdict_of

CENTRE = 0.25
"""The running mean, cut at this share of ``scale``, is the centre of the variance. Larger follows
means far from zero, but then a difference can lie further from its centre and every bet costs more;
at 0 the variance is the mean square."""

RANGE = 1.0 + CENTRE
"""Largest distance of a difference from its centre, in units of ``scale``."""

_PIECE = 8192  # events whose work arrays (12 wide) stay in the cache
_STEPS = 40  # of Newton; about six are needed


@dataclass(slots=True)
class WeakNullEProcess:
    """Promote, abort or keep from the running average of paired differences, at any event.

    With probability at least 1 - alpha a candidate is not promoted while it was worse by the margin
    or more on average over the events so far; with probability at least 1 - beta it is not aborted
    while it was no worse on average so far. Both hold at every event, under any dependence, and for
    effects that change sign over the day. The verdict is that of the first crossing, and what it
    promises is about the events up to there: who acts later must look at ``log_e_promote`` or
    ``log_e_abort`` then. When both cross at one event the abort wins. Costs some 15 to 30 % more
    events than ``DualEProcess`` where the effect is constant. Differences beyond ``scale`` are cut.

    Parameters
    ----------
    margin, scale
        tolerated harm and largest absolute difference, in loss units; > 0.
    alpha, beta
        error rates of promote and abort, in (0, 1).
    cap
        events after which the incumbent is kept; >= 1.
    bets
        (k,), bets in units of 1 / scale; below 1 / RANGE.
    log_e_promote, log_e_abort
        log of the evidence now.
    n, total
        events, and sum of the cut differences in loss units.
    spread
        sum of squared distances from the running mean before each event (itself cut at
        CENTRE * scale), in units of scale^2.
    promoted_at, aborted_at
        event count of the first crossing, or -1; at most one of them is set.

    Source: Choe and Ramdas 2023, "Comparing sequential forecasters", Operations Research, theorem
    3: E+ = mean_k exp(lam_k sum (d_i + margin) - psi(lam_k) V), E- with -d_i and no margin,
    V = sum (d_i - c_i)^2, psi(lam) = (-log(1 - r lam) - r lam) / r^2. That each factor has mean at
    most 1 needs d_i - c_i >= -r for E+ and <= r for E-, with c_i known before d_i (Fan, Grama, Liu
    2015): with |d| <= 1 and |c| <= CENTRE, r = RANGE = 1.25 instead of 2.

    Examples
    --------
    >>> test = WeakNullEProcess.begin(margin=0.01, second_moment=0.1, cap=5000)
    >>> test.update(np.tile([1.0, 0.0, 0.0, 0.0], 100))
    >>> test.verdict
    'promote'
    """

    margin: float
    scale: float
    alpha: float
    beta: float
    cap: int
    bets: FloatArray
    log_e_promote: float = 0.0
    log_e_abort: float = 0.0
    n: int = 0
    total: float = 0.0
    spread: float = 0.0
    promoted_at: int = -1
    aborted_at: int = -1

    @classmethod
    def begin(
        cls,
        *,
        margin: float,
        second_moment: float,
        cap: int,
        scale: float = 1.0,
        alpha: float = 0.05,
        beta: float = 0.05,
    ) -> "WeakNullEProcess":
        """Choose the bets; all arguments must be fixed before the first event.

        Parameters
        ----------
        margin
            tolerated harm, loss units; in (0, scale).
        second_moment
            mean squared difference from an earlier sample (the disagreement rate for 0/1 losses),
            squared loss units; > 0. A wrong value costs events, not validity.
        cap
            events after which the incumbent is kept; >= 1.
        scale
            largest absolute difference, loss units; > 0.
        alpha, beta
            error rates of promote and abort, in (0, 1).

        Raises
        ------
        ValueError
            when a value is out of its range.
        """
        check_terms(margin, scale, second_moment, cap=cap, alpha=alpha, beta=beta)
        bets = np.geomspace(0.25, 8.0, 12) * margin * scale / second_moment
        bets = np.minimum(bets, 0.9 / RANGE)
        return cls(float(margin), float(scale), float(alpha), float(beta), int(cap), bets)

    @property
    def spent(self) -> bool:
        """Whether the cap was reached."""
        return self.n >= self.cap

    @property
    def verdict(self) -> Verdict:
        """What to do now; "keep" means the cap was reached without proof either way."""
        return verdict_of(self.promoted_at, self.aborted_at, self.n, self.cap)

    @property
    def mean(self) -> float:
        """Mean cut difference in loss units; positive favours the candidate; 0 at the start."""
        return self.total / self.n if self.n else 0.0

    def registered(self) -> dict[str, Any]:
        """Return the method and what was fixed before the first event, for the journal."""
        return {
            "method": "dual e-process, empirical Bernstein, weak null",
            "margin": self.margin,
            "scale": self.scale,
            "alpha": self.alpha,
            "beta": self.beta,
            "cap": self.cap,
            "centre": CENTRE,
            "bets": self.bets.tolist(),
        }

    def interval(self, alpha: float = 0.05) -> tuple[float, float]:
        """Return a confidence sequence of the average effect over the events so far.

        Parameters
        ----------
        alpha
            error rate over both sides, in (0, 1).

        Returns
        -------
        tuple
            low and high in loss units, within [-scale, scale]; valid at every event, without any
            asymptotics: what the two evidences, each at alpha / 2, cannot rule out.
        """
        if not self.n:
            return -self.scale, self.scale
        radius = self.scale * self._reach(math.log(2.0 / alpha)) / self.n
        return max(self.mean - radius, -self.scale), min(self.mean + radius, self.scale)

    def update(self, differences: FloatArray) -> None:
        """Take in paired differences in their order.

        Parameters
        ----------
        differences
            (n,), loss of the incumbent minus loss of the candidate, loss units; not NaN.

        Raises
        ------
        ValueError
            when a difference is NaN or the array is not one-dimensional.
        """
        if differences.ndim != 1 or np.isnan(differences).any():
            raise ValueError("differences must be one-dimensional and free of NaN")
        cut = np.clip(differences / self.scale, -1.0, 1.0)
        for start in range(0, cut.size, _PIECE):
            self._take(cut[start : start + _PIECE])

    def _take(self, cut: FloatArray) -> None:
        seen = np.arange(self.n, self.n + cut.size)
        sums = self.total / self.scale + np.cumsum(cut)
        centres = np.clip((sums - cut) / np.maximum(seen, 1), -CENTRE, CENTRE)
        spreads = self.spread + np.cumsum(np.square(cut - centres))
        harm = self.margin / self.scale
        e_promote = self._evidence(sums + harm * (seen + 1), spreads, -math.log(self.alpha))
        e_abort = self._evidence(-sums, spreads, -math.log(self.beta))
        if self.promoted_at < 0 and self.aborted_at < 0:
            self.promoted_at, self.aborted_at = first_crossing(
                e_promote >= -math.log(self.alpha),
                e_abort >= -math.log(self.beta),
                self.n,
                self.cap,
            )
        self.log_e_promote, self.log_e_abort = float(e_promote[-1]), float(e_abort[-1])
        self.n += cut.size
        self.total += self.scale * float(cut.sum())
        self.spread = float(spreads[-1])

    def _evidence(self, sums: FloatArray, spreads: FloatArray, level: float) -> FloatArray:
        # Log of the mixture at the last event and wherever it can reach ``level``; elsewhere its
        # largest component, which it never exceeds, will do.
        logs = self.bets[:, None] * sums
        logs -= psi(self.bets)[:, None] * spreads
        log_e: FloatArray = logs.max(axis=0)
        near = log_e >= level
        near[-1] = True
        log_e[near] = log_mean_exp(logs[:, near].T)
        return log_e

    def _reach(self, level: float) -> float:
        # The sum at which the log of the mixture is ``level``, by Newton from above: the log of a
        # sum of exponentials is convex and grows, so that no step goes past the root.
        costs = psi(self.bets) * self.spread
        reach = float(((level + math.log(self.bets.size) + costs) / self.bets).min())
        for _ in range(_STEPS):
            logs = self.bets * reach - costs
            shares = np.exp(logs - logs.max())
            over = float(logs.max()) + math.log(shares.mean()) - level
            step = over * float(shares.sum() / (shares @ self.bets))
            reach -= step
            if step <= 1e-12 * reach:
                break
        return reach


def psi(bets: FloatArray) -> FloatArray:
    """Cost of a bet per unit of squared distance, for distances up to RANGE.

    Source: Howard, Ramdas, McAuliffe, Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic
    confidence sequences", table 3 (sub-exponential): (-log(1 - r lam) - r lam) / r^2.
    """
    cost: FloatArray = (-np.log1p(-RANGE * bets) - RANGE * bets) / (RANGE * RANGE)
    return cost
