"""`Loop`: one prediction task kept alive. A user declares it in one Python file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ostinato.core.errors import ConfigError
from ostinato.features.agreement import Parity
from ostinato.features.declared import Declared
from ostinato.features.plan import FeaturePlan, make_plan
from ostinato.loop.check import check_fit, check_guardrails
from ostinato.loop.fallback import fallback_of
from ostinato.loop.inputs import check_columns, features_of, names_of, outcomes_of
from ostinato.loop.label import Label
from ostinato.loop.monitors import Monitors
from ostinato.loop.outcome import Outcome
from ostinato.loop.policies import triggered
from ostinato.loop.policy import Policy
from ostinato.loop.prices import Prices
from ostinato.stats.metrics import metric_for
from ostinato.watch.suite import Suite

__all__ = ["DEFAULT_METRIC", "TASKS", "Label", "Loop", "Prices"]

TASKS: Final = ("binary", "multiclass", "regression")
TRAIN_ON: Final = ("served", "recomputed")
DEFAULT_METRIC: Final = {"binary": "log_loss", "multiclass": "log_loss", "regression": "mae"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """One prediction task: its inputs, label, learner, metric, slices and policy.

    Parameters
    ----------
    name
        What it is called; letters, digits, ``-`` and ``_``.
    task
        ``"binary"``, ``"multiclass"`` or ``"regression"``.
    time
        Column with the time at which the prediction is asked for (a time, or an integer that
        counts: it is then read as seconds).
    features
        What the learner sees: columns of the request, and features that are computed
        (`ostinato.features`), each once.
    label
        `Label(...)`, or a column name for labels that are known at once.
    learner
        Any scikit-learn estimator or pipeline, or one of `ostinato.learners`.
    metric
        Name of the metric; default log loss, or mean absolute error for regression.
    slices
        Columns whose values are watched one by one; numeric ones are cut at their quartiles.
    policy
        When to learn, from what, how to prove and release it. Default: `policies.triggered()`.
    unit
        Column that says who a request belongs to (sticky assignment); default: each request is its
        own unit.
    id
        Column with the prediction id; default: the row's place in time.
    classes
        Labels in order, for the score columns; default: those of the history before `start`.
    holdout
        Share of rows that no version ever trains on, in (0, 0.5].
    golden
        Column that is true for rows the model has to get right (null: false). They are never
        trained on; once labelled, every candidate answers them, and `NoRegression` counts.
    prices
        What a better metric, training and labels are worth.
    fallback
        What is answered when no version can score a request: a number (binary: a probability), or
        for multiclass a list of probabilities, one per class. Default: nothing is.
    parity
        How windowed features as served are compared with the same features recomputed
        (`ost.features.Parity`); None: they are not.
    train_on
        ``"served"``: trainings and their validation sets take features as they were served.
        ``"recomputed"``: as their definitions give them from the history of events, which is what
        is left where nobody wrote down what was served.
    monitors
        What is watched beside the triggers, and how many false alarms that may cost
        (`ost.Monitors`); None: nothing is.
    suite
        What trainings' rows have to look like (`ost.Suite`): nothing is learned from rows that
        fail it. A path is meant from the folder of the loop file; ``ostinato suite infer`` writes
        one. None: whatever comes is learned from.
    outcomes
        What the business gains from predictions (`ost.Outcome`), watched beside the metric.

    Raises
    ------
    ConfigError
        If a value is unknown or two of them contradict each other.
    """

    name: str
    task: str
    time: str
    features: Sequence[str | Declared]
    label: Label
    learner: Any
    metric: str = ""
    slices: Sequence[str] = ()
    policy: Policy = field(default_factory=triggered)
    unit: str | None = None
    id: str | None = None
    classes: Sequence[Any] | None = None
    holdout: float = 0.05
    golden: str | None = None
    prices: Prices = field(default_factory=Prices)
    fallback: float | Sequence[float] | None = None
    parity: Parity | None = field(default_factory=Parity)
    train_on: str = "served"
    monitors: Monitors | None = field(default_factory=Monitors)
    suite: Suite | Path | str | None = None
    outcomes: Sequence[Outcome] = ()
    feature_plan: FeaturePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", _as_label(self.label))
        object.__setattr__(self, "features", features_of(self.features))
        object.__setattr__(self, "feature_plan", make_plan(self.features))
        object.__setattr__(self, "slices", names_of(self.slices, "slices"))
        object.__setattr__(self, "outcomes", outcomes_of(self.outcomes))
        if self.task not in TASKS:
            raise ConfigError(
                "Loop(task=...) is unknown", found=repr(self.task), expected=", ".join(TASKS)
            )
        object.__setattr__(self, "metric", self.metric or DEFAULT_METRIC[self.task])
        self._check_name()
        check_columns(
            self.feature_plan,
            label=self.label,
            outcomes=self.outcomes,
            slices=self.slice_columns,
            time=self.time,
            further={"unit": self.unit, "id": self.id, "golden": self.golden},
        )
        self._check_task()
        if not 0 < self.holdout <= 0.5:
            raise ConfigError(
                "Loop(holdout=...) is out of range", found=self.holdout, expected="(0, 0.5]"
            )
        for name, value, kind in (
            ("policy", self.policy, Policy),
            ("prices", self.prices, Prices),
        ):
            if not isinstance(value, kind):
                raise ConfigError(
                    f"Loop({name}=...) is something else",
                    found=repr(value),
                    expected=f"{kind.__name__}(...)",
                )
        if self.parity is not None and not isinstance(self.parity, Parity):
            raise ConfigError(
                "Loop(parity=...) is something else",
                found=repr(self.parity),
                expected="ost.features.Parity(...), or None",
            )
        if self.monitors is not None and not isinstance(self.monitors, Monitors):
            raise ConfigError(
                "Loop(monitors=...) is something else",
                found=repr(self.monitors),
                expected="ost.Monitors(...), or None",
            )
        self._check_pairs()
        if self.suite is not None and not isinstance(self.suite, Suite | Path | str):
            raise ConfigError(
                "Loop(suite=...) is something else",
                found=repr(self.suite),
                expected='a path, as "flights.suite.toml", ost.Suite.read(...), or None',
            )
        if self.train_on not in TRAIN_ON:
            raise ConfigError(
                "Loop(train_on=...) is unknown",
                found=repr(self.train_on),
                expected=", ".join(TRAIN_ON),
            )
        check_fit(self.label, self.policy)
        check_guardrails(self.task, self.policy)
        object.__setattr__(self, "fallback", fallback_of(self.task, self.fallback, self.classes))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of what the learner sees."""
        return self.feature_plan.names

    @property
    def slice_columns(self) -> tuple[str, ...]:
        """Columns by which rows are grouped: the slices first, then what only monitors ask for."""
        monitors = self.monitors
        if not isinstance(monitors, Monitors):
            return tuple(self.slices)
        items = () if monitors.items is None else (monitors.items,)
        return tuple(dict.fromkeys((*self.slices, *monitors.sensitive, *items)))

    @property
    def slice_pairs(self) -> tuple[tuple[str, str], ...]:
        """Pairs of these columns whose combinations are groups as well."""
        return () if self.monitors is None else tuple(self.monitors.pairs)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Columns that a request carries for its features."""
        return self.feature_plan.inputs

    def _check_name(self) -> None:
        name = self.name
        if not isinstance(name, str) or not name or not all(c.isalnum() or c in "-_" for c in name):
            raise ConfigError(
                "Loop(name=...) is not a name",
                found=repr(name),
                expected="letters, digits, - and _",
            )

    def _check_pairs(self) -> None:
        unknown = [n for pair in self.slice_pairs for n in pair if n not in self.slice_columns]
        if unknown:
            raise ConfigError(
                "Monitors(pairs=...) names a column that is no slice",
                found=", ".join(dict.fromkeys(unknown)),
                expected=", ".join(self.slice_columns) or "columns of Loop(slices=...)",
                hint="Name the column in Loop(slices=...), or in Monitors(sensitive=...).",
            )

    def _check_task(self) -> None:
        try:
            metric_for(self.task, self.metric)
        except ValueError as error:
            raise ConfigError(f"Loop(metric=...) does not fit: {error}") from error
        if self.task == "regression" and self.label.never == "negative":
            raise ConfigError(
                'Label(never="negative") has no meaning for regression',
                found=f"task={self.task!r}",
                expected='never="censored"',
            )
        if self.task != "binary" and self.prices.false_positive is not None:
            raise ConfigError(
                "Prices(false_positive=..., false_negative=...) contradict Loop(task=...)",
                found=f"task={self.task!r}",
                expected='task="binary", or prices by metric_unit',
            )
        if self.classes is None:
            return
        object.__setattr__(self, "classes", tuple(self.classes))
        count, least = len(self.classes), 3 if self.task == "multiclass" else 2
        exact = self.task == "binary" and count > least
        if self.task == "regression" or count < least or exact or _doubled(self.classes):
            raise ConfigError(
                "Loop(classes=...) does not fit Loop(task=...)",
                found=f"task={self.task!r}, classes={list(self.classes)!r}",
                expected="2 different ones for binary, 3 or more for multiclass, none otherwise",
            )


def _as_label(label: Any) -> Label:
    """Take a column name for labels that are known at once."""
    if isinstance(label, Label):
        return label
    if isinstance(label, str):
        return Label(label)
    raise ConfigError(
        "Loop(label=...) is not a label",
        found=repr(label),
        expected='Label("column", ...) or a column name',
    )


def _doubled(values: Sequence[Any]) -> list[str]:
    return list(dict.fromkeys(str(value) for value in values if list(values).count(value) > 1))
