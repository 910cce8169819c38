"""Release decision on paired losses: two e-processes, one to promote, one to abort.

In: loss of the incumbent minus loss of the candidate on the same events. Out: a verdict that
may be read at any event. State: two times twelve running logs and three sums.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ostinato.stats.arrays import BoolArray, FloatArray
from ostinato.stats.blocks import products
from ostinato.stats.confidence import asymptotic_radius, normal_quantile, sample_sd

Verdict = Literal["promote", "abort", "keep", "undecided"]

_BLOCK = 128  # a factor lies in [.1, 2.8]: products over a block stay within [1e-128, 1e58]
_PIECE = 64 * _BLOCK  # events whose work arrays (12 wide) stay in the cache


def fixed_sample_size(
    margin: float, second_moment: float, *, alpha: float = 0.05, power: float = 0.8
) -> int:
    """Return the paired events that a one-sided test looked at once would need.

    Parameters
    ----------
    margin
        effect to tell from zero, loss units, > 0.
    second_moment
        mean of the squared difference, squared loss units, > 0.
    alpha, power
        error rate, and chance to see the effect; in (0, 1).

    Raises
    ------
    ValueError
        when margin or second moment is not above zero.

    Source: n = (z_alpha + z_power)^2 q / margin^2, any text on sample size.

    Examples
    --------
    >>> fixed_sample_size(0.005, 0.06)
    14839
    """
    if not (margin > 0.0 and second_moment > 0.0):
        raise ValueError(f"margin and second_moment must be above 0: {margin}, {second_moment}")
    z = normal_quantile(1.0 - alpha) + normal_quantile(power)
    return math.ceil(z * z * second_moment / (margin * margin))


def check_terms(
    margin: float, scale: float, second_moment: float, *, cap: int, alpha: float, beta: float
) -> None:
    """Refuse terms of a paired test that are out of their range, with a ValueError."""
    if not (0.0 < margin < scale and second_moment > 0.0):
        raise ValueError(
            "margin must be in (0, scale) and second_moment above 0: "
            f"margin {margin}, scale {scale}, second_moment {second_moment}"
        )
    if not (0.0 < alpha < 1.0 and 0.0 < beta < 1.0 and cap >= 1):
        raise ValueError(f"alpha, beta in (0, 1) and cap >= 1: {alpha}, {beta}, {cap}")


@dataclass(slots=True)
class DualEProcess:
    """Promote, abort or keep from paired differences, at any event, without a fixed sample.

    A candidate worse by the margin or more is promoted with probability at most alpha, a
    candidate that is no worse is aborted with probability at most beta, both at every event and
    under any dependence of the past, as long as the promise holds for every event (for effects
    that change sign over the day, run at least one whole day). The first crossing stands; when
    both cross at one event the abort wins. Differences beyond ``scale`` are cut, so the promise
    is about the mean of the cut differences.

    Parameters
    ----------
    margin, scale
        tolerated harm and largest absolute difference, in loss units; > 0.
    alpha, beta
        error rates of promote and abort, in (0, 1).
    cap
        events after which the incumbent is kept; >= 1.
    bets
        (k,), bets in units of 1 / scale.
    log_promote, log_abort
        (k,), log of each component.
    log_e_promote, log_e_abort
        log of the evidence now.
    n, total, squares
        events, sum and sum of squares of the cut differences in loss units.
    promoted_at, aborted_at
        event count of the first crossing, or -1; at most one of them is set.

    Source: mixture betting e-process, Waudby-Smith and Ramdas 2024, JRSSB 86, section 4;
    E+ = mean_k prod (1 + lam_k (d + margin)) >= 1 / alpha,
    E- = mean_k prod (1 - lam_k d) >= 1 / beta (Ville's inequality).

    Examples
    --------
    >>> test = DualEProcess.begin(margin=0.01, second_moment=0.1, cap=5000)
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
    log_promote: FloatArray
    log_abort: FloatArray
    log_e_promote: float = 0.0
    log_e_abort: float = 0.0
    n: int = 0
    total: float = 0.0
    squares: float = 0.0
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
    ) -> "DualEProcess":
        """Choose the bets; all arguments must be fixed before the first event.

        Parameters
        ----------
        margin
            tolerated harm, loss units; in (0, scale).
        second_moment
            mean squared difference from an earlier sample (the disagreement rate for 0/1
            losses), squared loss units; > 0. A wrong value costs samples, not validity.
        cap
            events after which the incumbent is kept; >= 1.
        scale
            largest absolute difference, loss units; > 0.
        alpha, beta
            error rates, in (0, 1).

        Raises
        ------
        ValueError
            when a value is out of its range.

        Source: lam_k = geomspace(.25, 8, 12) * margin / second_moment, capped at
        .9 / (1 + margin), all on the scaled differences.
        """
        check_terms(margin, scale, second_moment, cap=cap, alpha=alpha, beta=beta)
        harm = margin / scale
        bets = np.geomspace(0.25, 8.0, 12) * harm / (second_moment / (scale * scale))
        bets = np.minimum(bets, 0.9 / (1.0 + harm))
        nothing = np.zeros(bets.size)
        return cls(
            float(margin), float(scale), alpha, beta, int(cap), bets, nothing, nothing.copy()
        )

    @property
    def spent(self) -> bool:
        """Whether the cap was reached."""
        return self.n >= self.cap

    @property
    def verdict(self) -> Verdict:
        """What to do now; "keep" means the cap was reached without proof either way."""
        return verdict_of(self.promoted_at, self.aborted_at, self.n, self.cap)

    def registered(self) -> dict[str, Any]:
        """Return the method and what was fixed before the first event, for the journal."""
        return {
            "method": "dual e-process, betting",
            "margin": self.margin,
            "scale": self.scale,
            "alpha": self.alpha,
            "beta": self.beta,
            "cap": self.cap,
            "bets": self.bets.tolist(),
        }

    @property
    def mean(self) -> float:
        """Mean cut difference in loss units; positive favours the candidate; 0 at the start."""
        return self.total / self.n if self.n else 0.0

    def interval(self, alpha: float = 0.05) -> tuple[float, float]:
        """Return a confidence sequence of the mean difference, for display.

        Parameters
        ----------
        alpha
            error rate over both sides, in (0, 1).

        Returns
        -------
        tuple
            low and high in loss units, within [-scale, scale]; asymptotic, so read it from
            about 200 events on.
        """
        if self.n < 2:
            return -self.scale, self.scale
        sd = sample_sd(self.n, self.total, self.squares)
        radius = asymptotic_radius(self.n, sd, alpha, tightest_at=max(1, self.cap // 2))
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
        cut = np.clip(differences, -self.scale, self.scale)
        for start in range(0, cut.size, _PIECE):
            self._take(cut[start : start + _PIECE])

    def _take(self, cut: FloatArray) -> None:
        scaled = cut / self.scale
        harm = self.margin / self.scale
        e_promote, self.log_promote = _paths(self.bets, scaled + harm, self.log_promote)
        e_abort, self.log_abort = _paths(self.bets, -scaled, self.log_abort)
        self.log_e_promote, self.log_e_abort = float(e_promote[-1]), float(e_abort[-1])
        if self.promoted_at < 0 and self.aborted_at < 0:
            self.promoted_at, self.aborted_at = first_crossing(
                e_promote >= -math.log(self.alpha),
                e_abort >= -math.log(self.beta),
                self.n,
                self.cap,
            )
        self.n += cut.size
        self.total += float(cut.sum())
        self.squares += float(cut @ cut)


def verdict_of(promoted_at: int, aborted_at: int, n: int, cap: int) -> Verdict:
    """Read the verdict off the crossings (event counts or -1) and the cap."""
    if aborted_at >= 0:
        return "abort"
    if promoted_at >= 0:
        return "promote"
    return "keep" if n >= cap else "undecided"


def first_crossing(promote: BoolArray, abort: BoolArray, n: int, cap: int) -> tuple[int, int]:
    """Return the event counts at which to promote and to abort; at least one of them is -1.

    Parameters
    ----------
    promote, abort
        (m,), whether each threshold is reached at each event after the first ``n``.
    n, cap
        events before, and events after which a crossing no longer counts: "keep" was the
        verdict by then.
    """
    either = (promote | abort)[: max(cap - n, 0)]
    if not either.any():
        return -1, -1
    first = int(either.argmax())
    at = n + first + 1
    return (-1, at) if abort[first] else (at, -1)


def _paths(bets: FloatArray, gains: FloatArray, logs: FloatArray) -> tuple[FloatArray, FloatArray]:
    # Log of mean_k prod(1 + lam_k x) at each event, and the logs of the components at the end.
    product = products(gains, bets, _BLOCK)
    after = logs + np.cumsum(np.log(product[-1]), axis=0)
    start = np.concatenate([logs[None], after[:-1]])
    top = start.max(axis=1, keepdims=True)
    log_e = np.log(np.einsum("wbk,bk->wb", product, np.exp(start - top)))
    log_e += top[:, 0] - math.log(bets.size)
    return log_e.T.reshape(-1)[: gains.size], after[-1]
