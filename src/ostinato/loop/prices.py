"""`Prices`: what things are worth, in one currency."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ostinato.core.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What things are worth, in one currency.

    Parameters
    ----------
    metric_unit
        Value of lowering the mean row loss by 1 for one prediction (a fall of 0.01 over 1,000
        predictions is worth 10 of these).
    train_hour
        Price of one hour of training. A training is taken to last as long as the replay says
        (``train_takes``), so that what policies are worth does not depend on a stopwatch.
    serve_hour
        Price of one hour of serving, all gateways together. A live service watches what a
        prediction costs by it.
    label
        Price of one label.
    alarm
        Price of one alarm that came to nothing: a retraining that failed, was refused or was
        aborted, or a release that was rolled back. People look at each of them.
    currency
        How amounts are called.
    false_positive, false_negative
        Cost matrix of a binary task at threshold 0.5; when given, value is counted in these
        instead of the metric.

    Raises
    ------
    ConfigError
        If a price is negative or no number, or only one of the two costs is given.
    """

    metric_unit: float = 1.0
    train_hour: float = 1.0
    serve_hour: float = 0.0
    label: float = 0.0
    alarm: float = 0.0
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
        for name in (
            "metric_unit",
            "train_hour",
            "serve_hour",
            "label",
            "alarm",
            "false_positive",
            "false_negative",
        ):
            amount = getattr(self, name)
            if amount is not None and not 0 <= amount < math.inf:
                raise ConfigError(
                    f"Prices({name}=...) is not a price", found=repr(amount), expected=">= 0"
                )
