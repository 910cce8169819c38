"""What monitors need to know of the labels before the start."""

from __future__ import annotations

import numpy as np

from ostinato.loop.loop import Loop
from ostinato.replay.history import History
from ostinato.watch.label_cells import LabelCells
from ostinato.watch.label_history import LabelHistory, label_history


def label_sights(loop: Loop, history: History, slow_ns: int) -> LabelHistory:
    """Count the labels that are known at the start, by long windows.

    Parameters
    ----------
    loop, history
        The declaration and its data; only what is known at the start counts.
    slow_ns
        Length of the long windows.
    """
    before = slice(0, history.first)
    labels, label_times_ns = history.labels[before], history.label_times_ns[before]
    known = label_times_ns < history.start_ns
    cells = LabelCells.fitted(
        np.where(known, labels, np.nan),
        classes=history.n_classes,
        horizon_ns=loop.label.horizon_ns,
        negative=loop.label.never == "negative",
    )
    return label_history(
        cells,
        labels=labels,
        times_ns=history.times_ns[before],
        label_times_ns=label_times_ns,
        matured_to_ns=history.matured_to_ns(history.start_ns, loop.label.horizon_ns),
        start_ns=history.start_ns,
        width_ns=slow_ns,
    )
