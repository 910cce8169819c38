"""Whom to trust now: weights of several models that follow how well each did lately.

In: what every model said, and, whenever it comes, the truth. Out: a versioned vector of weights,
one per model. State: the weights of a few settings, from slow to quick, and a vote over the
settings, so that no rate of forgetting has to be chosen; and the weights of past versions.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ostinato.stats.arrays import FloatArray, IntArray, as_floats

Loss = Literal["brier", "log", "squared"]

SHARES = (0.001, 0.01, 0.05)
"""Share of weight that fixed-share settings hand round per row. Smaller follow slow change, larger
quick change; 0 would never come back to a model that failed for long."""

DISCOUNTS = (0.95, 0.98, 0.99, 0.995, 0.999)
"""What the other settings keep of old losses per row: memories of 20 to 1,000 rows. Late labels
need the long ones."""

FLOOR = 1e-4
"""Least weight of a model. Smaller saves next to nothing and delays its return, larger costs that
share of traffic for each model that is no good."""

SURE = 0.01
"""Probabilities are cut this far from 0 and 1 for the log loss: one sure mistake costs 4.6."""


@dataclass(slots=True)
class WeightBank:
    """Weights over models, learned row by row from proper losses, labels as late as they come.

    Serve the published weights; a row remembers their version. When its label comes, the models
    are judged by what they said then, and each setting by the mixture it would have made then.
    Answers for other batch borders agree to float rounding, for the same versions of the rows.

    Parameters
    ----------
    loss
        ``brier`` (squared error of probabilities) or ``log`` for classes, ``squared`` for numbers.
    scale
        range of the target for ``squared``: larger errors count as this one; 1 for classes.
    etas, shares, discounts
        (s,), learning rate, share handed round and memory of each setting.
    meta_eta, meta_discount
        learning rate and memory of the vote over settings.
    inner, meta
        (s, e) and (s,), weights of models per setting and of settings; each row sums to 1 and is
        at least about 1e-4, so that no logarithms are needed.
    n
        labels seen.
    version
        of the published weights, from 0.
    kept_versions, kept_inner, kept_meta
        (v,), (v, s, e) and (v, s), published weights that can still be asked for, oldest first.
    remember
        published versions that are kept; a label of an older one is judged by the oldest.

    Source: fixed share, Herbster and Warmuth 1998; discounted exponential weights, Cesa-Bianchi
    and Lugosi 2006, section 2.11; rates for mixable losses, Vovk 1990 (Brier of two classes in
    [0, 1]: 2); learners over learners, van Erven and Koolen 2016. Delay: the update of a row is
    applied when its label arrives, Joulani, Gyorgy, Szepesvari 2013.

    Examples
    --------
    >>> bank = WeightBank.begin(2)
    >>> said = np.tile([0.9, 0.4], (60, 1))
    >>> bank.observe(said, np.ones(60), np.zeros(60))
    >>> bank.publish(), bank.weights.round(2).tolist()
    (1, [0.98, 0.02])
    """

    loss: Loss
    scale: float
    etas: FloatArray
    shares: FloatArray
    discounts: FloatArray
    meta_eta: float
    meta_discount: float
    remember: int
    inner: FloatArray
    meta: FloatArray
    kept_versions: IntArray
    kept_inner: FloatArray
    kept_meta: FloatArray
    n: int = 0
    version: int = 0

    @classmethod
    def begin(
        cls, experts: int, *, loss: Loss = "brier", scale: float = 1.0, remember: int = 200
    ) -> "WeightBank":
        """Start with equal weights under version 0.

        Parameters
        ----------
        experts
            number of models, >= 1; in a fixed order.
        loss, scale
            see the class; scale > 0.
        remember
            published versions to keep, >= 1; at least those of the longest label delay.

        Raises
        ------
        ValueError
            when a value is out of its range.
        """
        if experts < 1 or remember < 1 or not 0.0 < scale < math.inf:
            raise ValueError(
                "experts and remember must be at least 1 and scale above 0: "
                f"{experts}, {remember}, {scale}"
            )
        if loss not in {"brier", "log", "squared"} or (loss != "squared" and scale != 1.0):
            raise ValueError(f"loss must be brier, log or squared (with a scale): {loss}, {scale}")
        s = len(SHARES) + len(DISCOUNTS)
        inner = np.full((s, experts), 1.0 / experts)
        meta = np.full(s, 1.0 / s)
        return cls(
            loss,
            float(scale),
            np.repeat([1.0 if loss == "log" else 2.0, 0.4], [len(SHARES), len(DISCOUNTS)]),
            np.concatenate([SHARES, np.zeros(len(DISCOUNTS))]),
            np.concatenate([np.ones(len(SHARES)), DISCOUNTS]),
            0.4 if loss == "squared" else 0.2,
            0.99,
            int(remember),
            inner,
            meta,
            np.zeros(1, dtype=np.int64),
            inner[None].copy(),
            meta[None].copy(),
        )

    @property
    def weights(self) -> FloatArray:
        """Published weight of each model, (e,), summing to 1."""
        mixed: FloatArray = self.kept_meta[-1] @ self.kept_inner[-1]
        return mixed

    def registered(self) -> dict[str, Any]:
        """Return what was fixed before the first label."""
        return {
            "loss": self.loss,
            "scale": self.scale,
            "etas": self.etas.tolist(),
            "shares": self.shares.tolist(),
            "discounts": self.discounts.tolist(),
            "meta_eta": self.meta_eta,
            "meta_discount": self.meta_discount,
            "floor": FLOOR,
        }

    def mix(self, scores: FloatArray) -> FloatArray:
        """Return the mixture (n,) or (n, c) of scores (n, e) or (n, e, c), published weights."""
        mixed: FloatArray = np.tensordot(as_floats(scores), self.weights, axes=(1, 0))
        return mixed

    def observe(self, scores: FloatArray, labels: npt.ArrayLike, versions: npt.ArrayLike) -> None:
        """Learn from rows whose truth has come, in the order it came.

        Parameters
        ----------
        scores
            (n, e), what each model said: probability of class 1, or a number; (n, e, c) for c
            classes, rows of classes summing to 1.
        labels
            (n,), the truth: 0 or 1, a number, or the class in [0, c).
        versions
            (n,), version of the weights under which each row was predicted.

        Raises
        ------
        ValueError
            when shapes differ or a value is out of range.
        """
        said, truth = as_floats(scores), as_floats(labels)
        made = np.asarray(versions, dtype=np.int64)
        self._check(said, truth, made)
        place = np.searchsorted(self.kept_versions, made, side="right") - 1
        inner = self.kept_inner[np.maximum(place, 0)]
        mixed = np.einsum("nse,ne...->ns...", inner, said)
        of_models = losses_of(self.loss, said, truth, self.scale)
        of_settings = losses_of(
            "log" if self.loss == "brier" else self.loss, mixed, truth, self.scale
        )
        self._learn(
            np.exp(-self.etas[:, None] * of_models[:, None, :]),
            np.exp(-self.meta_eta * of_settings),
        )
        self.n += truth.size

    def publish(self) -> int:
        """Make the learned weights the ones to serve; return their version."""
        self.version += 1
        keep = slice(max(0, self.kept_versions.size + 1 - self.remember), None)
        self.kept_versions = np.append(self.kept_versions, self.version)[keep]
        self.kept_inner = np.concatenate([self.kept_inner, self.inner[None]])[keep]
        self.kept_meta = np.concatenate([self.kept_meta, self.meta[None]])[keep]
        return self.version

    def restore(self, version: int) -> int:
        """Go back to the weights of an earlier version; return the new version they get.

        Raises
        ------
        ValueError
            when that version is no longer kept.
        """
        found = np.flatnonzero(self.kept_versions == version)
        if not found.size:
            raise ValueError(
                f"version {version} is not kept, "
                f"expected {self.kept_versions[0]} to {self.kept_versions[-1]}"
            )
        self.inner = self.kept_inner[found[0]].copy()
        self.meta = self.kept_meta[found[0]].copy()
        return self.publish()

    def _learn(self, of_models: FloatArray, of_settings: FloatArray) -> None:
        # A row at a time: sharing and floor make each step start from the weights before it.
        inner, meta, memory = self.inner, self.meta, self.discounts[:, None]
        kept, given = 1.0 - self.shares[:, None], self.shares[:, None] / self.inner.shape[1]
        for factor, vote in zip(of_models, of_settings, strict=True):
            inner = inner**memory * factor
            inner *= kept / inner.sum(axis=1, keepdims=True)
            inner = np.maximum(inner + given, FLOOR)
            inner /= inner.sum(axis=1, keepdims=True)
            meta = meta**self.meta_discount * vote
            meta = np.maximum(meta / meta.sum(), FLOOR)
            meta /= meta.sum()
        self.inner, self.meta = inner, meta

    def _check(self, said: FloatArray, truth: FloatArray, made: IntArray) -> None:
        e = self.inner.shape[1]
        if said.shape[:2] != (truth.size, e) or truth.ndim != 1 or made.shape != truth.shape:
            raise ValueError(
                f"need {e} scores, a label and a version per row: "
                f"{said.shape}, {truth.shape}, {made.shape}"
            )
        if made.size and not (made.min() >= 0 and made.max() <= self.version):
            raise ValueError(f"versions must be in [0, {self.version}]: {made.min()}, {made.max()}")
        if not (np.isfinite(said).all() and np.isfinite(truth).all()):
            raise ValueError("scores and labels must be finite")
        if self.loss == "squared":
            return
        classes = said.shape[2] if said.ndim == 3 else 2
        if not ((said >= 0.0) & (said <= 1.0)).all():
            raise ValueError("scores must be probabilities in [0, 1]")
        if not ((truth >= 0) & (truth < classes) & (truth == np.floor(truth))).all():
            raise ValueError(f"labels must be whole numbers in [0, {classes})")


def losses_of(loss: Loss, said: FloatArray, truth: FloatArray, scale: float) -> FloatArray:
    """Return the loss (n, k) of scores (n, k) or (n, k, c) for labels (n,).

    Source: Brier 1950, halved so that it lies in [0, 1] (for two classes (p - y)^2); Good 1952
    (log loss, probabilities cut at .01).
    """
    if loss == "squared":
        cut: FloatArray = np.square(np.minimum(np.abs(said - truth[:, None]) / scale, 1.0))
        return cut
    if loss == "log":
        if said.ndim == 3:
            right = np.take_along_axis(said, truth.astype(np.int64)[:, None, None], axis=2)[..., 0]
        else:
            right = np.where(truth[:, None] == 1.0, said, 1.0 - said)
        missed: FloatArray = -np.log(np.clip(right, SURE, 1.0))
        return missed
    if said.ndim == 3:
        hit = truth[:, None] == np.arange(said.shape[2])
        halved: FloatArray = 0.5 * np.square(said - hit[:, None, :]).sum(axis=2)
        return halved
    squared: FloatArray = np.square(said - truth[:, None])
    return squared
