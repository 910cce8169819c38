"""`Loop`: one prediction task kept alive. A user declares it in one Python file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ostinato.core.errors import ConfigError
from ostinato.core.units import duration_ns
from ostinato.loop.policies import triggered
from ostinato.loop.policy import Policy
from ostinato.stats.metrics import metric_for

TASKS: Final = ("binary", "multiclass", "regression")
DEFAULT_METRIC: Final = {"binary": "log_loss", "multiclass": "log_loss", "regression": "mae"}


@dataclass(frozen=True, slots=True)
class Label:
    """The truth about a prediction: where it stands, when it becomes known, what its absence means.

    Parameters
    ----------
    column
        Column with the label; null where it never arrives.
    time
        Column with the moment the label became known.
    delay
        Or: every label becomes known this long after its prediction (``"6h"``). Without `time` and
        `delay` labels are known at once.
    horizon
        A label that has not come after this long is overdue. Default: the delay, or ``"30d"`` with
        a `time` column.
    never
        What an overdue label means: ``"censored"`` (unknown for ever) or ``"negative"`` (class 0).
    affected_by_prediction
        Whether acting on the prediction changes the truth seen. If not, champion and challenger
        are compared on the same rows, which needs far fewer labels.
    revise
        How long after maturity a label may still be revised. Default: the horizon.

    Raises
    ------
    ConfigError
        If `time` and `delay` are both given, or a value is unknown.
    """

    column: str
    time: str | None = None
    delay: str | None = None
    horizon: str | None = None
    never: str = "censored"
    affected_by_prediction: bool = False
    revise: str | None = None

    def __post_init__(self) -> None:
        if self.time is not None and self.delay is not None:
            raise ConfigError(
                "Label(time=..., delay=...) are both given",
                found=f"time={self.time!r}, delay={self.delay!r}",
                expected="one of them",
                hint="Use time when the data says when each label became known, delay otherwise.",
            )
        if self.never not in ("censored", "negative"):
            raise ConfigError(
                "Label(never=...) is unknown", found=repr(self.never), expected="censored or negative"
            )
        for name, value in (("delay", self.delay), ("horizon", self.horizon), ("revise", self.revise)):
            if value is not None:
                duration_ns(value, name=f"Label({name}=...)")
        if self.delay is not None and self.horizon_ns < self.delay_ns:
            raise ConfigError(
                "Label(horizon=...) is shorter than Label(delay=...)",
                found=f"horizon={self.horizon!r}, delay={self.delay!r}",
                expected="a horizon of at least the delay",
                hint="With this horizon every label would be overdue.",
            )

    @property
    def delay_ns(self) -> int:
        """Delay in nanoseconds, 0 when labels are known at once or timed by a column."""
        return 0 if self.delay is None else duration_ns(self.delay)

    @property
    def horizon_ns(self) -> int:
        """Horizon in nanoseconds."""
        if self.horizon is not None:
            return duration_ns(self.horizon)
        return duration_ns("30d") if self.time is not None else self.delay_ns

    @property
    def revise_ns(self) -> int:
        """Time for revisions in nanoseconds."""
        return self.horizon_ns if self.revise is None else duration_ns(self.revise)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What things are worth, in one currency.

    Parameters
    ----------
    metric_unit
        Value of lowering the mean row loss by 1 for one prediction (a fall of 0.01 over 1,000
        predictions is worth 10 of these).
    train_hour
        Price of one hour of training, in processor time.
    label
        Price of one label.
    currency
        How amounts are called.
    false_positive, false_negative
        Cost matrix of a binary task at threshold 0.5; when given, value is counted in these
        instead of the metric.
    """

    metric_unit: float = 1.0
    train_hour: float = 1.0
    label: float = 0.0
    currency: str = "units"
    false_positive: float | None = None
    false_negative: float | None = None

    def __post_init__(self) -> None:
        if (self.false_positive is None) != (self.false_negative is None):
            raise ConfigError(
                "Prices(false_positive=..., false_negative=...) must be given together",
                found=f"{self.false_positive}, {self.false_negative}",
                expected="both or neither",
            )
        amounts = (self.metric_unit, self.train_hour, self.label, self.false_positive or 0.0)
        if min(*amounts, self.false_negative or 0.0) < 0:
            raise ConfigError("Prices(...) holds a negative price", found=repr(self), expected=">= 0")


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
        Columns the learner sees.
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
    prices
        What a better metric, training and labels are worth.

    Raises
    ------
    ConfigError
        If a value is unknown or two of them contradict each other.
    """

    name: str
    task: str
    time: str
    features: Sequence[str]
    label: Label
    learner: Any
    metric: str = ""
    slices: Sequence[str] = ()
    policy: Policy = field(default_factory=triggered)
    unit: str | None = None
    id: str | None = None
    classes: Sequence[Any] | None = None
    holdout: float = 0.05
    prices: Prices = field(default_factory=Prices)

    def __post_init__(self) -> None:
        if isinstance(self.label, str):
            object.__setattr__(self, "label", Label(self.label))
        object.__setattr__(self, "features", tuple(self.features))
        object.__setattr__(self, "slices", tuple(self.slices))
        if self.task not in TASKS:
            raise ConfigError("Loop(task=...) is unknown", found=repr(self.task), expected=", ".join(TASKS))
        object.__setattr__(self, "metric", self.metric or DEFAULT_METRIC[self.task])
        self._check_name()
        self._check_columns()
        try:
            metric_for(self.task, self.metric)
        except ValueError as error:
            raise ConfigError(f"Loop(metric=...) does not fit: {error}") from error
        if not 0 < self.holdout <= 0.5:
            raise ConfigError("Loop(holdout=...) is out of range", found=self.holdout, expected="(0, 0.5]")
        if self.label.never == "negative" and self.task == "regression":
            raise ConfigError(
                'Label(never="negative") has no meaning for regression',
                found=f"task={self.task!r}",
                expected='never="censored"',
            )

    def _check_name(self) -> None:
        if not self.name or not all(c.isalnum() or c in "-_" for c in self.name):
            raise ConfigError(
                "Loop(name=...) is not a name", found=repr(self.name), expected="letters, digits, - and _"
            )

    def _check_columns(self) -> None:
        if not self.features:
            raise ConfigError("Loop(features=...) is empty", expected="at least one column")
        doubled = sorted({name for name in self.features if self.features.count(name) > 1})  # type: ignore[attr-defined]
        if doubled:
            raise ConfigError("Loop(features=...) names columns twice", found=", ".join(doubled))
        truth = [c for c in (self.label.column, self.label.time) if c is not None and c in self.features]
        if truth:
            raise ConfigError(
                "Loop(features=...) holds the truth",
                found=", ".join(truth),
                expected="columns that are known when the prediction is asked for",
                hint="Take the label and its time out of the features.",
            )
