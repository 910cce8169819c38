"""The text of a loop file, written from what was inferred."""

from __future__ import annotations

import json
import re
from textwrap import fill
from typing import Final

from ostinato.cli.infer import Inferred

_LEARNERS: Final = {
    "binary": "HistGradientBoostingClassifier",
    "multiclass": "HistGradientBoostingClassifier",
    "regression": "HistGradientBoostingRegressor",
}

_TEMPLATE: Final = '''"""{name}: a loop for Ostinato, written by `ostinato init` from {source}.

Everything here was read off the data: check it, above all that every feature is known at the time
of the prediction. Then:

    ostinato compare {file} --html report.html
    ostinato advise {file}
"""

from sklearn.ensemble import {learner}

import ostinato as ost

# Default for --data; a relative path is meant from this file's folder.
DATA = {data}

loop = ost.Loop(
    name={name_text},
    task={task},  # {task_why}
    time={time},  # when the prediction is asked for; {time_why}
{id_line}    features=[
{features}
    ],
{left_out}    label={label},
    learner={learner}(random_state=0),  # any scikit-learn estimator
    metric={metric},
    slices=[{slices}],  # watched one by one; no release may make one of them worse
    # What things are worth, for `ostinato advise`: metric_unit is the value of lowering the mean
    # loss by 1 for one prediction, train_hour and label are prices.
    prices=ost.Prices(metric_unit=1.0, train_hour=1.0, label=0.0, currency="units"),
    policy=ost.policies.triggered(),
)

# What `ostinato compare` and `ostinato advise` compare unless --policy says otherwise.
POLICIES = {{
    "static": ost.policies.static(),
    "weekly": ost.policies.scheduled("7d"),
    "monthly": ost.policies.scheduled("30d"),
    "triggered": ost.policies.triggered(),
}}
'''


def loop_file_text(found: Inferred, *, name: str, source: str, data: str, file: str) -> str:
    """Write the loop file.

    Parameters
    ----------
    found
        What was inferred.
    name
        Name of the loop.
    source
        The data file, for the docstring.
    data
        Path of the data as the file shall give it.
    file
        The loop file's own name, for the commands in its docstring.
    """
    why = {what: reason for what, _, reason in found.why}
    return _TEMPLATE.format(
        name=name,
        source=_harmless(source),
        file=_harmless(file),
        learner=_LEARNERS[found.task],
        data=_text(data),
        name_text=_text(name),
        task=_text(found.task),
        task_why=why["task"],
        time=_text(found.time),
        time_why=why["time"],
        id_line="" if found.id is None else f"    id={_text(found.id)},\n",
        features="\n".join(f"        {_text(column)}," for column in found.features),
        left_out="".join(f"    # left out: {line}\n" for line in _left_out(found)),
        label=_label(found),
        metric=_text("mae" if found.task == "regression" else "log_loss"),
        slices=", ".join(map(_text, found.slices)),
    )


def loop_name(stem: str) -> str:
    """Turn a file's stem into a loop's name.

    >>> loop_name("Flight delays (2013)")
    'flight-delays-2013'
    """
    return re.sub(r"[^a-z0-9_]+", "-", stem.lower()).strip("-") or "loop"


def _label(found: Inferred) -> str:
    if found.label_time is None:
        return (
            f"ost.Label(\n        {_text(found.label)},\n"
            "        # The data does not say when a label becomes known: they are taken as known\n"
            '        # at once. If they come late, say so: delay="6h" (or time="column").\n    )'
        )
    moments = f"time={_text(found.label_time)}, horizon={_text(found.horizon)}"
    return f"ost.Label({_text(found.label)}, {moments})"


def _left_out(found: Inferred) -> list[str]:
    return [f"{_text(column)}: {why}" for column, why in found.left_out]


def _text(value: str | None) -> str:
    """Write a Python string literal: JSON's double quotes, everything odd escaped."""
    return json.dumps(value or "", ensure_ascii=not (value or "").isprintable())


def _harmless(text: str) -> str:
    return fill(re.sub(r'["\\\x00-\x1f]', "_", text), 10_000)
