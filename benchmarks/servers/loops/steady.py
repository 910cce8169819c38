"""Thirty numbers, one yes or no an hour later, a hundred trees: what every server answers here.

Monitoring is on as in any loop. The alarm is told to overlook a rise of a fifth, because the load
asks a few thousand rows again and again, and what those have in common is not drift.
"""

from __future__ import annotations

from sklearn.ensemble import HistGradientBoostingClassifier

import ostinato as ost

loop = ost.Loop(
    name="bench",
    task="binary",
    time="time",
    features=[f"f{number:02d}" for number in range(30)],
    label=ost.Label("y", delay="1h", horizon="2h"),
    # Without early stopping: it would end before the hundredth tree on this many rows.
    learner=HistGradientBoostingClassifier(max_iter=100, early_stopping=False),
    policy=ost.policies.triggered(tolerance=0.2),
)
