"""One examination: two samples and the champion in, findings out."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from ostinato.core.watched import NONE_FOUND
from ostinato.stats.influence import Estimate
from ostinato.watch.examine.change import FEWEST, Change, change_in_loss
from ostinato.watch.examine.classes import shares_from_scores
from ostinato.watch.examine.codes import Coding, code
from ostinato.watch.examine.columns import HARMLESS, drifted_columns, told_columns
from ostinato.watch.examine.domain import ACT, WATCH, Told, belonging, distances, tell_apart
from ostinato.watch.examine.doubt import doubtful_labels
from ostinato.watch.examine.faults import find_faults
from ostinato.watch.examine.findings import Findings, told, told_change
from ostinato.watch.examine.foresee import foreseen_change
from ostinato.watch.examine.sample import Champion, Sample
from ostinato.watch.examine.slices import failing_slices, told_slices
from ostinato.watch.examine.verdict import LEVEL, TOLERANCE, verdict

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
        Names the random streams that draw values: same rows and salt, same findings.
    """
    few = _too_few(reference, current)
    if few:
        return Findings(
            cause=NONE_FOUND, reason=few, evidence={"parts": {}, "unmeasured": {"all": few}}
        )
    with threadpool_limits(1):  # sums in one order
        return _examined(reference, current, champion, tolerance=tolerance, salt=salt)


def _examined(
    reference: Sample, current: Sample, champion: Champion, *, tolerance: float, salt: str
) -> Findings:
    # Where there are labels, rows with one are compared throughout: with like goes like.
    p, q = _labelled(reference), _labelled(current)
    coding = code(p, q)
    faults = find_faults(coding.plain, p.times_ns, q.times_ns)
    apart = tell_apart((coding.reference, coding.current), (p.mass, q.mass))
    unmeasured = dict(coding.unmeasured)
    evidence: dict[str, Any] = {"rows": _rows(reference, current)}
    evidence["domain"] = _domain(coding, apart, unmeasured)
    change: Change | str = f"the reference has fewer than {FEWEST} labels"
    if _enough(p) and _enough(q):
        change = change_in_loss(p, q, coding, faults, champion, apart, salt=salt)
        if change.only_label is None:
            evidence |= _failures(p, q, coding, champion, unmeasured)
        else:
            evidence["labels"] = {"all": _label(change.only_label, champion)}
            unmeasured["slices"] = "all labels say the same, whatever a slice does"
    elif _enough(p):
        change = foreseen_change(p, q, coding, faults)
    if isinstance(change, str) or change.foreseen:
        unmeasured["parts"] = _lacking(p, q)
        evidence["classes"] = _classes(reference, current, champion, unmeasured)
    if not isinstance(change, str):
        unmeasured.update(change.unmeasured)
        floor = tolerance * abs(change.before)
        columns = drifted_columns(p, q, coding, champion)
        evidence["columns"] = told_columns(columns, floor)
    found = verdict(change, tolerance=tolerance)
    evidence = {**_NOTHING, **evidence, **told_change(change, faults), "unmeasured": unmeasured}
    reason = " ".join([found.reason, *_remarks(evidence)])
    return Findings(cause=found.cause, reason=reason, evidence=told(evidence))


_NOTHING: Final[dict[str, Any]] = {"columns": [], "slices": [], "labels": {}, "classes": {}}


def _labelled(sample: Sample) -> Sample:
    return sample.taken(sample.known) if int(sample.known.sum()) >= FEWEST else sample


def _enough(sample: Sample) -> bool:
    return len(sample) >= FEWEST and bool(sample.known.all())


def _lacking(p: Sample, q: Sample) -> str:
    few = [
        f"{int(each.known.sum()):,} labelled rows in the {name}"
        for each, name in ((p, "reference"), (q, "current rows"))
        if not _enough(each)
    ]
    return f"{' and '.join(few)}, of {FEWEST} that are needed"


def _rows(reference: Sample, current: Sample) -> dict[str, Any]:
    return {
        "reference": len(reference),
        "current": len(current),
        "labelled": [int(reference.known.sum()), int(current.known.sum())],
    }


def _failures(
    p: Sample,
    q: Sample,
    coding: Coding,
    champion: Champion,
    unmeasured: dict[str, str],
) -> dict[str, Any]:
    """Return the slices that fail and the labels that look wrong."""
    found: dict[str, Any] = {}
    slices = failing_slices(p, q, coding, champion)
    labels = doubtful_labels(p, q, champion)
    if isinstance(slices, str):
        unmeasured["slices"] = slices
    else:
        found["slices"] = told_slices(slices)
    if isinstance(labels, str):
        unmeasured["labels"] = labels
    else:
        found["labels"] = labels
    return found


_NAMED: Final = 3


def _remarks(evidence: dict[str, Any]) -> list[str]:
    """Say in sentences what carries the change, and what moved without costing."""
    columns, slices = evidence["columns"], evidence["slices"]
    costly = [each["column"] for each in columns if each["verdict"] == "moved and costs"]
    harmless = [each["column"] for each in columns if each["verdict"] == HARMLESS]
    failing = [each["slice"] for each in slices if each["anew"]]
    found = []
    for names, words in (
        (failing, "New failing slices: {}."),
        (costly, "Columns whose move costs: {}."),
        (harmless, "Columns that moved and do not matter: {}."),
    ):
        if names:
            found.append(words.format("; ".join(names[:_NAMED])))
    broken = evidence["broken"]
    unknown = [each["column"] for each in broken if each["cost"] is None]
    unsure = [each["column"] for each in broken if each["cost"] and _holds_zero(each["cost"])]
    for names, words in (
        (unknown, "Broken at a cost that is not known: {}."),
        (unsure, "Broken at a cost that is not sure: {}."),
    ):
        if names:
            found.append(words.format("; ".join(list(dict.fromkeys(names))[:_NAMED])))
    if "all" in evidence["labels"]:
        found.append(f"All labels are {evidence['labels']['all']}: their source looks broken.")
    elif evidence["labels"].get("more") and not evidence["broken"]:
        found.append("More labels than before are other than what the champion is sure of.")
    return found


def _holds_zero(cost: Estimate) -> bool:
    low, high = cost.interval(LEVEL)
    return low <= 0.0 <= high


def _label(value: float, champion: Champion) -> str:
    return champion.classes[int(value)] if champion.classes else f"{value:g}"


def _too_few(reference: Sample, current: Sample) -> str:
    for sample, name in ((reference, "reference"), (current, "current rows")):
        if len(sample) < ROWS_LEAST:
            return f"There are {len(sample)} rows in the {name}, of {ROWS_LEAST} that are needed."
    return ""


def _domain(coding: Coding, apart: Told, unmeasured: dict[str, str]) -> dict[str, Any]:
    moved = distances(coding)
    order = np.argsort(-moved, kind="stable")[:_COLUMNS_TOLD].tolist()
    low, high = apart.auc.interval(0.95)
    stance = "act" if low > ACT else "watch" if low > WATCH else "alike"
    found = {
        "auc": apart.auc.value,
        "low": max(low, 0.0),
        "high": min(high, 1.0),
        "stance": stance,
        "columns": {coding.columns[i].name: float(moved[i]) for i in order},
    }
    plane = belonging(coding)
    if isinstance(plane, str):
        unmeasured["reconstruction"] = plane
    else:
        found["reconstruction"] = {"before": plane[0], "rise": plane[1]}
    return found


def _classes(
    reference: Sample, current: Sample, champion: Champion, unmeasured: dict[str, str]
) -> dict[str, Any]:
    shares = shares_from_scores(reference, current, champion)
    if isinstance(shares, str):
        unmeasured["classes"] = shares
        return {}
    return {"now_from_scores": shares}
