"""What the figures of feedback mean, and what to do: a verdict in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

from ostinato.stats.concentration import Concentration
from ostinato.stats.propensity import LEAST_WORTH, Estimate, WeightCheck

VERDICTS: Final = ("blind", "loop", "distorted", "watch", "clear")
"""From worst to best: the rows that were not chosen cannot be seen; the model feeds on its own
answers; what is measured is off; something is missing for an answer; no sign of feedback."""

_ONLY: Final = 0.2
"""Label rates this far apart, as a ratio, say that labels depend on the answer. Less: chance and
delays would be called so; more: half-selected labels pass."""

_COLLAPSED: Final = 0.8
"""Ratio of residual deviations from which answers are taken to bring their truth about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackFigures:
    """What is known of who chose the rows; None: it is not known.

    `explored`, `held_back` are shares of all rows; `unlogged` of explored ones, without a
    propensity; `selected` of labelled ones, whose answer was acted on. `labelled_*` are label
    rates: where answers were acted on, of explored rows, of positive answers and of others.
    `naive_loss` and `naive_label` are means over labelled rows as they came; `loss` and `label` the
    same of all rows, told by the explored ones. `residuals_*` are deviations of label minus
    answer; `trained_on_selected` is the share of the champion's training rows that chance did not
    choose.
    """

    selective: bool
    affected: bool
    tolerance: float
    rows: float
    explored: float | None
    held_back: float | None
    unlogged: float | None
    selected: float | None
    labelled_used: float | None
    labelled_explored: float | None
    labelled_yes: float | None
    labelled_no: float | None
    naive_loss: float | None
    loss: Estimate | None
    naive_label: float | None
    label: Estimate | None
    largest_weight: float | None
    weights: WeightCheck | None
    residuals_used: float | None
    residuals_explored: float | None
    trained_on_selected: float | None

    def told(self) -> dict[str, float | str]:
        """Return all that is known as plain numbers."""
        found: dict[str, float | str] = {}
        for each in fields(self):
            value: Any = getattr(self, each.name)
            if isinstance(value, Estimate | WeightCheck):
                parts = {part.name: getattr(value, part.name) for part in fields(value)}
                found |= {f"{each.name}_{name}": float(part) for name, part in parts.items()}
            elif isinstance(value, float):
                found[each.name] = value
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackVerdict:
    """One of `VERDICTS`, why, and what to do."""

    verdict: str
    text: str
    action: str

    def told(self) -> dict[str, float | str]:
        """Return it in plain values."""
        return {"verdict": self.verdict, "text": self.text, "action": self.action}


def judge(figures: FeedbackFigures) -> FeedbackVerdict:
    """Say whether the loop feeds on its own answers; the worst finding first, all in the text."""
    found = list(_findings(figures))
    if not found:
        told = (
            "explored rows agree with the others"
            if figures.explored
            else "labels do not depend on answers"
        )
        text = f"No sign of feedback in the labels: {told}."
        return FeedbackVerdict(verdict="clear", text=text, action="Nothing to do.")
    found.sort(key=lambda each: VERDICTS.index(each.verdict))
    return FeedbackVerdict(
        verdict=found[0].verdict,
        text=" ".join(each.text for each in found),
        action=" ".join(dict.fromkeys(each.action for each in found)),
    )


def _findings(f: FeedbackFigures) -> Iterator[FeedbackVerdict]:
    if not f.rows:
        yield FeedbackVerdict(
            verdict="watch",
            text="No row has matured, so that nothing can be said of feedback.",
            action="Wait for labels.",
        )
        return
    chosen = f.selective or _depends(f)
    yield from _selection(f, chosen=chosen)
    yield from _logging(f)
    yield from _bias(f)
    if not chosen:  # else explored rows are other rows, and lie further from the answers for that
        yield from _residuals(f)
    yield from _training(f)


def _depends(f: FeedbackFigures) -> bool:
    """Say whether labels come where the answer is positive and not elsewhere, or the reverse."""
    if f.labelled_yes is None or f.labelled_no is None:
        return False
    low, high = sorted((f.labelled_yes, f.labelled_no))
    return high > 0 and low < _ONLY * high


def _selection(f: FeedbackFigures, *, chosen: bool) -> Iterator[FeedbackVerdict]:
    if chosen and not f.explored:
        share = (
            ""
            if f.selected is None
            else f" {f.selected:.0%} of the labelled rows were chosen by it."
        )
        rates = ""
        if f.labelled_yes is not None and f.labelled_no is not None:
            rates = (
                f" Of positive answers {f.labelled_yes:.0%} have a label, of the others "
                f"{f.labelled_no:.0%}."
            )
        declare = "" if f.selective else "Declare Label(selective=True), and explore: "
        yield FeedbackVerdict(
            verdict="blind",
            text=f"Labels come only where the model lets them.{share}{rates} What is measured says "
            "nothing of the rest, and a model that misses cases will never learn of them.",
            action=f"{declare}Policy(explore=0.02) lets a random share through, whatever the "
            "answer.",
        )
    elif chosen and not f.selective:
        yield FeedbackVerdict(
            verdict="distorted",
            text=f"Of positive answers {f.labelled_yes:.0%} have a label, of the others "
            f"{f.labelled_no:.0%}: labels depend on the answer, which the loop does not say.",
            action="Declare Label(selective=True), so that only explored rows are judged on.",
        )
    elif f.affected and not f.explored and not f.held_back:
        yield FeedbackVerdict(
            verdict="blind",
            text="Answers change the truth that is seen, and no row is explored or held back: what "
            "would have come without the model is not known.",
            action="Hold a share back (a rollout with a holdback), or Policy(explore=0.02).",
        )


def _logging(f: FeedbackFigures) -> Iterator[FeedbackVerdict]:
    if f.unlogged:
        yield FeedbackVerdict(
            verdict="distorted",
            text=f"{f.unlogged:.0%} of the explored rows came without a propensity, and cannot be "
            "weighted.",
            action="Log the probability with which each explored request was chosen.",
        )
    if f.weights is not None and not f.weights.holds:
        yield FeedbackVerdict(
            verdict="distorted",
            text=f"The mean weight of explored rows is {f.weights.mean:.3g} and should be 1: the "
            "propensities are not those with which rows were chosen.",
            action="Look for rules that override the answers after propensities are logged.",
        )
    worth = None if f.loss is None else f.loss.worth
    if f.explored and (worth is None or worth < LEAST_WORTH):
        yield FeedbackVerdict(
            verdict="watch",
            text=f"Explored rows are worth {worth or 0:.0f} rows so far; estimates by weights need "
            f"{LEAST_WORTH:.0f}.",
            action="Wait for more explored rows, or raise Policy(explore=...).",
        )


def _bias(f: FeedbackFigures) -> Iterator[FeedbackVerdict]:
    for what, naive, told in (("loss", f.naive_loss, f.loss), ("label", f.naive_label, f.label)):
        if naive is None or told is None or told.worth < LEAST_WORTH:
            continue
        inside = told.low <= naive <= told.high
        if inside or abs(naive - told.snips) <= f.tolerance * abs(told.snips):
            continue
        yield FeedbackVerdict(
            verdict="distorted",
            text=f"The mean {what} of rows that the model chose is {naive:.4g}, that of all rows "
            f"{told.snips:.4g} ({told.low:.4g} to {told.high:.4g}).",
            action="Believe the estimate from explored rows, and weight them in training.",
        )


def _residuals(f: FeedbackFigures) -> Iterator[FeedbackVerdict]:
    if f.residuals_used is None or f.residuals_explored is None:
        return
    if f.residuals_used < _COLLAPSED * f.residuals_explored:
        yield FeedbackVerdict(
            verdict="loop",
            text="Where answers are acted on, the truth lies closer to them (residual deviation "
            f"{f.residuals_used:.3g}) than where chance decides ({f.residuals_explored:.3g}): the "
            "answers bring their own truth about.",
            action="Train on explored rows, and retrain less often.",
        )


def _training(f: FeedbackFigures) -> Iterator[FeedbackVerdict]:
    share = f.trained_on_selected
    if share is not None and share > 0.9 and (f.explored or f.held_back):
        yield FeedbackVerdict(
            verdict="watch",
            text=f"{share:.0%} of the champion's training rows were not chosen by chance.",
            action="Weight explored rows in training, or raise Policy(explore=...).",
        )


def judge_concentration(
    what: str, first: float, found: Concentration, *, tolerance: float
) -> FeedbackVerdict:
    """Say whether a total concentrates on fewer parts than it did at first.

    Parameters
    ----------
    what
        What is spread over what, as ``"exposures over movie"``.
    first
        Number of effective parts at first.
    found
        How it is spread now.
    tolerance
        Relative fall that is no news, > 0.
    """
    now = f"{what} are worth {found.effective:.1f} equal ones of {found.parts}"
    if found.effective + 1.96 * found.se < (1.0 - tolerance) * first:
        return FeedbackVerdict(
            verdict="loop",
            text=f"The {now}, after {first:.1f} at first: they concentrate on fewer.",
            action="Explore a random share, and train on explored rows: what is never shown can "
            "not be learned.",
        )
    return FeedbackVerdict(verdict="clear", text=f"The {now}.", action="Nothing to do.")
