"""One examination: two samples and the champion in, findings out."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from ostinato.watch.examine.change import Change, change_in_loss
from ostinato.watch.examine.classes import shares_from_scores
from ostinato.watch.examine.codes import Coding, code
from ostinato.watch.examine.domain import ACT, WATCH, Told, distances, tell_apart
from ostinato.watch.examine.faults import find_faults
from ostinato.watch.examine.findings import Findings, told, told_change
from ostinato.watch.examine.sample import Champion, Sample
from ostinato.watch.examine.verdict import TOLERANCE, verdict

ROWS_LEAST: Final = 20
"""Rows that either sample needs for anything to be said."""

_COLUMNS_TOLD: Final = 10


def examine(
    reference: Sample,
    current: Sample,
    champion: Champion,
    *,
    tolerance: float = TOLERANCE,
    salt: str = "examination",
) -> Findings:
    """Say by how much the loss changed, and what carries it.

    Parameters
    ----------
    reference
        Rows the champion did not learn from; at most `sample.ROWS_MOST`, in order of time.
    current
        Rows of the time asked about, likewise.
    champion
        The version whose losses they are.
    tolerance
        Part of the reference's loss that a part must exceed to be a cause.
    salt
        Names the folds and the random draws: the same rows and salt give the same findings.
    """
    few = _too_few(reference, current)
    if few:
        return Findings(
            cause="none found", reason=few, evidence={"parts": {}, "unmeasured": {"all": few}}
        )
    unmeasured: dict[str, str] = {}
    labelled = tuple(each.taken(each.known) for each in (reference, current))
    enough = all(len(each) >= ROWS_LEAST for each in labelled)
    # Where there are labels, rows with one are compared throughout: with like goes like.
    p, q = labelled if enough else (reference, current)
    coding = code(p, q)
    apart = tell_apart((coding.reference, coding.current), (p, q), (p.mass, q.mass), salt=salt)
    faults = find_faults(coding.plain, p.times_ns, q.times_ns)
    change: Change | str = (
        change_in_loss(p, q, coding, faults, champion, apart, salt=salt)
        if enough
        else "there are too few labels"
    )
    unmeasured.update(coding.unmeasured)
    if isinstance(change, str):
        unmeasured["parts"] = change
    else:
        unmeasured.update(change.unmeasured)
    found = verdict(change, tolerance=tolerance)
    evidence = {
        **told_change(change),
        "rows": {
            "reference": len(reference),
            "current": len(current),
            "labelled": [int(reference.known.sum()), int(current.known.sum())],
        },
        "domain": _domain(coding, apart),
        "unmeasured": unmeasured,
    }
    if isinstance(change, str):
        evidence["classes"] = _classes(reference, current, champion, unmeasured)
    return Findings(cause=found.cause, reason=found.reason, evidence=told(evidence))


def _too_few(reference: Sample, current: Sample) -> str:
    for sample, name in ((reference, "reference"), (current, "current rows")):
        if len(sample) < ROWS_LEAST:
            return f"There are {len(sample)} rows in the {name}, of {ROWS_LEAST} that are needed."
    return ""


def _domain(coding: Coding, apart: Told) -> dict[str, Any]:
    moved = distances(coding)
    order = np.argsort(-moved, kind="stable")[:_COLUMNS_TOLD].tolist()
    low, high = apart.auc.interval(0.95)
    stance = "act" if low > ACT else "watch" if low > WATCH else "alike"
    return {
        "auc": apart.auc.value,
        "low": low,
        "high": high,
        "stance": stance,
        "columns": {coding.columns[i].name: float(moved[i]) for i in order},
    }


def _classes(
    reference: Sample, current: Sample, champion: Champion, unmeasured: dict[str, str]
) -> dict[str, Any]:
    shares = shares_from_scores(reference, current, champion)
    if isinstance(shares, str):
        unmeasured["classes"] = shares
        return {}
    return {"now_from_scores": shares}
