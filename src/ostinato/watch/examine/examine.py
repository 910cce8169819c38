"""One examination: two samples and the champion in, findings out."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from ostinato.watch.examine.change import Change, change_in_loss
from ostinato.watch.examine.classes import shares_from_scores
from ostinato.watch.examine.codes import Coding, code
from ostinato.watch.examine.columns import drifted_columns, told_columns
from ostinato.watch.examine.domain import ACT, WATCH, Told, belonging, distances, tell_apart
from ostinato.watch.examine.doubt import doubtful_labels
from ostinato.watch.examine.faults import find_faults
from ostinato.watch.examine.findings import Findings, told, told_change
from ostinato.watch.examine.sample import Champion, Sample
from ostinato.watch.examine.slices import failing_slices, told_slices
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
    labelled = tuple(each.taken(each.known) for each in (reference, current))
    enough = all(len(each) >= ROWS_LEAST for each in labelled)
    # Where there are labels, rows with one are compared throughout: with like goes like.
    p, q = labelled if enough else (reference, current)
    coding = code(p, q)
    unmeasured = dict(coding.unmeasured)
    evidence: dict[str, Any] = {"rows": _rows(reference, current)}
    apart = tell_apart((coding.reference, coding.current), (p, q), (p.mass, q.mass), salt=salt)
    evidence["domain"] = _domain(p, coding, apart, unmeasured, salt)
    change: Change | str = "there are too few labels"
    if enough:
        faults = find_faults(coding.plain, p.times_ns, q.times_ns)
        change = change_in_loss(p, q, coding, faults, champion, apart, salt=salt)
        evidence |= _carriers(p, q, coding, champion, tolerance, unmeasured, salt)
    if isinstance(change, str):
        unmeasured["parts"] = change
        evidence["classes"] = _classes(reference, current, champion, unmeasured)
    else:
        unmeasured.update(change.unmeasured)
    found = verdict(change, tolerance=tolerance)
    evidence |= {**told_change(change), "unmeasured": unmeasured}
    reason = " ".join([found.reason, *_remarks(evidence)])
    return Findings(cause=found.cause, reason=reason, evidence=told(evidence))


def _rows(reference: Sample, current: Sample) -> dict[str, Any]:
    return {
        "reference": len(reference),
        "current": len(current),
        "labelled": [int(reference.known.sum()), int(current.known.sum())],
    }


def _carriers(
    p: Sample,
    q: Sample,
    coding: Coding,
    champion: Champion,
    tolerance: float,
    unmeasured: dict[str, str],
    salt: str,
) -> dict[str, Any]:
    """Return what carries the change: columns, slices and labels."""
    floor = tolerance * abs(float(p.losses.mean()))
    columns = drifted_columns(p, q, coding, champion)
    found: dict[str, Any] = {"columns": told_columns(columns, floor), "slices": {}, "labels": {}}
    slices = failing_slices(p, q, coding, champion, salt=salt)
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
    columns, slices = evidence.get("columns", {}), evidence.get("slices", {})
    costly = [name for name, each in columns.items() if each["verdict"] == "moved and costs"]
    harmless = [name for name, each in columns.items() if "not matter" in each["verdict"]]
    failing = [name for name, each in slices.items() if each["verdict"] == "fails anew"]
    found = []
    for names, words in (
        (failing, "New failing slices: {}."),
        (costly, "Columns whose move costs: {}."),
        (harmless, "Columns that moved and do not matter: {}."),
    ):
        if names:
            found.append(words.format("; ".join(names[:_NAMED])))
    if evidence.get("labels", {}).get("more"):
        found.append("More labels than before are other than what the champion is sure of.")
    return found


def _too_few(reference: Sample, current: Sample) -> str:
    for sample, name in ((reference, "reference"), (current, "current rows")):
        if len(sample) < ROWS_LEAST:
            return f"There are {len(sample)} rows in the {name}, of {ROWS_LEAST} that are needed."
    return ""


def _domain(
    reference: Sample, coding: Coding, apart: Told, unmeasured: dict[str, str], salt: str
) -> dict[str, Any]:
    moved = distances(coding)
    order = np.argsort(-moved, kind="stable")[:_COLUMNS_TOLD].tolist()
    low, high = apart.auc.interval(0.95)
    stance = "act" if low > ACT else "watch" if low > WATCH else "alike"
    found = {
        "auc": apart.auc.value,
        "low": low,
        "high": high,
        "stance": stance,
        "columns": {coding.columns[i].name: float(moved[i]) for i in order},
    }
    plane = belonging(reference, coding, salt=salt)
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
