"""Many small losses must not add up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ostinato.core.errors import ConfigError
from ostinato.core.units import duration_ns
from ostinato.gate.compare import compare
from ostinato.gate.evidence import told
from ostinato.gate.verdict import Case, Verdict, Word
from ostinato.gate.words import would_show


@dataclass(frozen=True, slots=True, kw_only=True)
class NoWorseThanAnchor:
    """The candidate must not be shown to be worse than an older version, the anchor.

    Each candidate only has to hold its own against the champion of the day, within a margin. Ten
    times a little worse is a lot, and no single comparison shows it. So candidates are compared
    with an older champion too: the first one, and from time to time the champion of the day takes
    its place. Both answer the recent set, so a world that changed speaks for the candidate and not
    for the anchor; the gate fails only what is shown.

    Parameters
    ----------
    margin
        Rise of the loss over the anchor's that is tolerated, relative to it; > 0. It is what the
        line may lose between two anchors.
    every
        After so long (``"90d"``), or so many promotions (a number), the champion becomes the
        anchor. Shorter: slow decay is forgotten sooner; longer: the anchor says less about today.
    alpha
        One-sided error of the bound, in (0, 0.5).
    min_rows
        With fewer rows the gate is passed by.

    Source
    ------
    See `ostinato.gate.compare`; the drift of a chain of non-inferiority comparisons is known as
    biocreep, D'Agostino, Massaro, Sullivan 2003, Statistics in Medicine 22, section 2.
    """

    margin: float = 0.02
    every: str | int = "90d"
    alpha: float = 0.05
    min_rows: int = 50

    def __post_init__(self) -> None:
        if not (self.margin > 0 and 0 < self.alpha < 0.5 and self.min_rows >= 2):
            raise ConfigError(
                "NoWorseThanAnchor(...) holds a value out of range",
                found=f"margin={self.margin}, alpha={self.alpha}, min_rows={self.min_rows}",
                expected="margin > 0, 0 < alpha < 0.5, min_rows >= 2",
            )
        if isinstance(self.every, int):
            if isinstance(self.every, bool) or self.every < 1:
                raise ConfigError(
                    "NoWorseThanAnchor(every=...) is not positive",
                    found=self.every,
                    expected='a duration such as "90d", or a number of promotions',
                )
        else:
            duration_ns(self.every, name="NoWorseThanAnchor(every=...)")

    @property
    def name(self) -> str:
        return "no worse than anchor"

    @property
    def every_ns(self) -> int | None:
        """Time between two anchors in nanoseconds; None where promotions are counted."""
        return None if isinstance(self.every, int) else duration_ns(self.every)

    @property
    def every_promotions(self) -> int | None:
        """Promotions between two anchors; None where time counts."""
        return self.every if isinstance(self.every, int) else None

    def judge(self, case: Case) -> Verdict:
        anchor = case.anchor_losses.get("recent")
        if anchor is None:
            reason = would_show("There is no older version to compare with", math.inf, 0.0)
            return Verdict(verdict="pass", reason=reason)
        rows = np.flatnonzero(np.isfinite(anchor))
        if len(rows) < self.min_rows:
            reason = would_show(f"Only {len(rows)} rows beside the anchor", math.inf, 0.0)
            few = {"rows": len(rows), "wanted": self.min_rows}
            return Verdict(verdict="pass", reason=reason, evidence=told(case, "recent", few))
        candidate = case.champion_losses["recent"] - case.gains["recent"]
        gain = compare(
            case.sets["recent"].times_ns[rows], anchor[rows] - candidate[rows], self.alpha
        )
        base = float(anchor[rows].mean())
        bar = -self.margin * base
        word: Word = "fail" if gain.high < bar else "pass"
        text = "It is worse than the anchor" if word == "fail" else "No loss to the anchor shows"
        visible = abs(bar) + gain.smallest_visible
        facts = {
            "rows": gain.rows,
            "clusters": gain.clusters,
            "gain": gain.mean,
            "low": gain.low,
            "high": gain.high,
            "bar": bar,
            "anchor_loss": base,
            "smallest_visible": visible,
            "verdict": word,
        }
        return Verdict(
            verdict=word,
            reason=would_show(text, visible, base),
            evidence=told(case, "recent", facts),
        )
