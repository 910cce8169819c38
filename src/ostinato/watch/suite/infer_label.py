"""Read what is expected of labels off a table: shares of classes or a range, and delays."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import polars as pl

from ostinato.watch.suite.bounds import Bound, LabelExpected, Part, Range
from ostinato.watch.suite.facts import delays_s, kind_of, present, texts
from ostinato.watch.suite.infer import Inference, down, percent, up, written

_MOST_CLASSES: Final = 50  # of more, shares are not bounded
_FEW: Final = 20
"""As many different whole numbers are classes. Fewer: ratings are numbers; more: so are ages."""


def label_of(inference: Inference) -> LabelExpected | None:
    """Return what is expected of labels; None where there are none."""
    roles = inference.roles
    if not roles.label:
        return None
    labels = present(inference.table[roles.label])
    found = LabelExpected(column=roles.label, time=roles.time, known=roles.known)
    if not len(labels):
        return found
    found = replace(found, delay=_delay(inference))
    if _are_classes(labels, told=roles.classes):
        inference.notes["label", "new"] = "Labels of no class below."
        parts = _parts(inference, texts(labels))
        return replace(found, classes=parts, new=Bound(warn=0.0, fail=0.05))
    near, _ = inference.ranges(labels, "label")
    inference.notes.pop(("label", "far"), None)
    return replace(found, range=near, same=inference.same(labels, "label"))


def _parts(inference: Inference, labels: pl.Series) -> dict[str, Part]:
    names = labels.unique().sort().to_list()
    if len(names) > _MOST_CLASSES:
        return {name: Part(low=0.0, high=1.0) for name in names}
    blocks = Inference(labels.to_frame(), inference.roles).blocks(labels)
    return {name: _part(inference, name, labels, blocks) for name in names}


def _part(inference: Inference, name: str, labels: pl.Series, blocks: list[pl.Series]) -> Part:
    shares = [float((block == name).sum()) / len(block) for block in blocks]
    least, most = min(shares), max(shares)
    overall = float((labels == name).sum()) / len(labels)
    inference.notes["label.classes", name] = (
        f"{percent(overall)} of the labels; {percent(least)} to {percent(most)} in parts."
    )
    return Part(
        low=down(0.4 * least),
        high=up(1.0 - 0.4 * (1.0 - most)),
        fail=down(0.05 * least) or None,
    )


def _delay(inference: Inference) -> Range | None:
    roles = inference.roles
    taken = delays_s(inference.table, roles.label, roles.time, roles.known)
    if taken is None or not len(taken):
        return None
    found = taken.to_numpy()
    least, most = float(found.min()), float(found.max())
    inference.notes["label", "delay"] = (
        f"Labels came {written(least)} to {written(most)} seconds after their request."
    )
    low = 0.5 * least if least >= 0 else 2.0 * least
    high = max(2.0 * most, roles.horizon_s, 0.0)
    return Range(
        low=float(math.floor(low)),
        high=float(math.ceil(high)),
        beyond=Bound(warn=0.01, fail=0.2),
    )


def _are_classes(labels: pl.Series, *, told: bool | None) -> bool:
    if told is not None:
        return told
    few = labels.dtype.is_integer() and labels.n_unique() <= _FEW
    return few or kind_of(labels) in ("text", "truth")
