"""What the drift of each column costs, so that what moved is told from what matters.

A column of the reference is moved to where it is now (`moving`) and the champion answers again;
what rows with such an answer lost in the reference is what the move is estimated to cost. A
champion that cannot be asked is replaced by weights: each cell of the column gets its current
share, with the loss that it had.

Beside it stands what no move of inputs explains: by how much the rise of the loss differs between
the cells of the column (`uneven`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from ostinato.core.records import Floats
from ostinato.stats.influence import Estimate, estimate
from ostinato.watch.examine.codes import Coding
from ostinato.watch.examine.domain import distances
from ostinato.watch.examine.moving import moved
from ostinato.watch.examine.repair import answers, spaced
from ostinato.watch.examine.sample import Champion, Sample
from ostinato.watch.examine.uneven import unevenness
from ostinato.watch.examine.usual import Usual

MOVED: Final = 0.05
"""Distance (`domain.distances`) from which a column counts as moved."""

HARMLESS: Final = "moved and does not matter"

ASKED: Final = 1_500
"""Rows of the reference that the champion answers again per column. Fewer: wide intervals; more:
slow champions make an examination long."""

COLUMNS_MOST: Final = 30
"""Columns for which it is asked, those that moved most."""

_CHANCE: Final = 0.05  # that any of the columns seems to have moved and has not


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted:
    """One column of the frame: how far it moved, and what that costs.

    Parameters
    ----------
    column, name
        The column of the frame, and what was measured of it.
    moved
        How far, in [0, 1]; `domain.distances`.
    by_chance
        How far chance hardly moves any of the columns.
    loss
        Estimated change of the mean loss by the move alone; None: not estimated.
    answers
        Mean absolute change of the champion's answers; None: it was not asked.
    uneven
        Standard deviation of the rise of the loss over the column's cells, less what chance gives.
    """

    column: str
    name: str
    moved: float
    by_chance: float
    loss: Estimate | None
    answers: float | None
    uneven: float

    def matters(self, floor: float) -> bool | None:
        """Say whether its move changes the loss by more than a floor; None: that is not sure."""
        if self.loss is None:
            return None
        low, high = self.loss.interval(0.95)
        if low > floor or high < -floor:
            return True
        return False if -floor < low and high < floor else None

    def verdict(self, floor: float) -> str:
        """Say in words what its move does."""
        if self.moved <= MOVED:
            return "did not move"
        if self.moved <= self.by_chance:
            return "moved no further than by chance"
        if self.loss is None:
            return "moved; what that costs is not known"
        words = {
            True: "moved and costs",
            False: HARMLESS,
            None: "moved; unclear",
        }
        matters = self.matters(floor)
        return "moved and saves" if matters and self.loss.value < 0.0 else words[matters]


def drifted_columns(
    reference: Sample, current: Sample, coding: Coding, champion: Champion
) -> list[Drifted]:
    """Rank columns by what their drift costs.

    Parameters
    ----------
    reference
        Rows with a loss.
    current
        Rows with or without one.
    coding
        Of the same rows.
    champion
        Who answers again.
    """
    far = distances(coding)
    noise = _noise(coding)
    order = np.argsort(-far, kind="stable").tolist()
    asked = [i for i in order if far[i] > noise[i]][:COLUMNS_MOST]
    costs = _by_champion(reference, current, coding, champion, asked)
    found = []
    for i, column in enumerate(coding.columns):
        loss, change = costs.get(i, (None, None))
        if loss is None:
            loss = _by_weights(coding, i, reference.losses)
        found.append(
            Drifted(
                column=column.source,
                name=column.name,
                moved=float(far[i]),
                by_chance=float(noise[i]),
                loss=loss,
                answers=change,
                uneven=unevenness(coding, i, reference.losses, current),
            )
        )
    return sorted(found, key=lambda each: (-_size(each), each.name))


def _noise(coding: Coding) -> Floats:
    """Return the distance of each column that chance hardly exceeds in any of them.

    Source: of numbers the tail 2 exp(-2 n d^2) of Kolmogorov's distribution; of categories, whose
    distance is half an L1 distance, 2^cells exp(-2 n d^2) (Weissman et al. 2003, "Inequalities for
    the L1 deviation of the empirical distribution", theorem 2.1); n the harmonic rows of two
    samples. Each column is looked at twice, for its values and for what is missing.
    """
    rows = 1.0 / (1.0 / max(len(coding.reference), 1) + 1.0 / max(len(coding.current), 1))
    each = np.log(2.0 * max(len(coding.columns), 1) / _CHANCE)
    cells = np.array([1 if column.ordered else column.cells for column in coding.columns])
    noise: Floats = np.sqrt((each + cells * np.log(2.0)) / (2.0 * rows))
    return noise


def _size(each: Drifted) -> float:
    return max(0.0 if each.loss is None else abs(each.loss.value), each.uneven)


def _by_champion(
    reference: Sample, current: Sample, coding: Coding, champion: Champion, asked: list[int]
) -> dict[int, tuple[Estimate, float]]:
    if champion.score is None or not asked:
        return {}
    rows = spaced(np.arange(len(reference)), ASKED)
    table = reference.frame[rows]
    frames, places = [], []
    for i in asked:
        there = moved(table, current.frame, coding.columns[i], coding.plain[i])
        if there is not None:
            frames.append(there)
            places.append(i)
    if not frames:
        return {}
    scores = answers(champion, pl.concat(frames))
    if scores is None or not np.isfinite(scores).all():
        return {}
    expected = Usual.of(reference)
    base, own = expected(reference.scores[rows]), reference.scores[rows]
    found = {}
    for i, part in zip(places, np.split(scores, len(places)), strict=True):
        change = expected(part) - base
        mean = float(change.mean())
        found[i] = (
            estimate(mean, (change - mean) / len(change)),
            float(np.abs(part - own).mean()),
        )
    return found


def _by_weights(coding: Coding, place: int, losses: Floats) -> Estimate | None:
    column = coding.columns[place]
    codes = coding.reference[:, place]
    p = np.bincount(codes, minlength=column.cells)
    q = np.bincount(coding.current[:, place], minlength=column.cells) / len(coding.current)
    known = p > 0
    if float(q[~known].sum()) > MOVED:
        return None  # cells that the reference does not have lose nobody knows what
    factors = np.where(known, q / np.maximum(p / len(codes), 1e-12), 0.0)[codes]
    factors = factors / factors.mean()
    mean, then = float(losses.mean()), float((factors * losses).mean())
    own = (factors * (losses - then) - (losses - mean)) / len(losses)
    return estimate(then - mean, own)


def told_columns(found: list[Drifted], floor: float, most: int = 10) -> list[dict[str, Any]]:
    """Return the entry of the evidence: columns that moved or are uneven, the costliest first."""
    rows: dict[str, dict[str, Any]] = {}
    for each in found:
        if each.column not in rows and (each.uneven or each.moved > MOVED):
            rows[each.column] = {
                "column": each.column,
                "measured": each.name,
                "moved": each.moved,
                "loss": each.loss,
                "answers": each.answers,
                "uneven": each.uneven,
                "matters": each.matters(floor),
                "verdict": each.verdict(floor),
            }
    return list(rows.values())[:most]
