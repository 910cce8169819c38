"""`Label`: the truth about a prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ostinato.core.errors import ConfigError
from ostinato.core.units import duration_ns

NEVER: Final = ("censored", "negative")
_HORIZON: Final = "30d"  # of labels that have a time of their own


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
    selective
        Whether a label only comes for requests that the answer let through (a loan that was
        granted, a case that was sent to review). What is seen is then chosen by the model, and
        says little of the rest: the policy must let a random share through
        (``Policy(explore=...)``), and versions are compared on that share alone, at the gates and
        while they roll out. The share, the holdout and the cap of the rollout must give enough rows
        of it. In a replay the explored units are drawn again by hash, but their labels are those
        that the answers of the time let through: it compares versions on a random part of those,
        and says nothing of the requests that were turned away.
    revise
        How long after maturity a label may still be revised. Default: the horizon.

    Raises
    ------
    ConfigError
        If a value is unknown or two of them contradict each other.
    """

    column: str
    time: str | None = None
    delay: str | None = None
    horizon: str | None = None
    never: str = "censored"
    affected_by_prediction: bool = False
    selective: bool = False
    revise: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.column, str) or not self.column:
            raise ConfigError(
                "Label(column) is not a column name", found=repr(self.column), expected="a text"
            )
        self._check_moments()
        self._check_selective()
        if self.never not in NEVER:
            raise ConfigError(
                "Label(never=...) is unknown", found=repr(self.never), expected=" or ".join(NEVER)
            )

    def _check_selective(self) -> None:
        if self.selective and self.affected_by_prediction:
            raise ConfigError(
                "Label(selective=True) contradicts Label(affected_by_prediction=True)",
                found="both",
                expected="one of them",
                hint="Explored requests are let through whatever the answer was, so there is no "
                "answer that could affect their truth.",
            )
        if self.selective and self.never == "negative":
            raise ConfigError(
                'Label(selective=True) contradicts Label(never="negative")',
                found="an absent label that means class 0",
                expected='never="censored"',
                hint="Where the answer keeps a label away, its absence says nothing of the truth.",
            )

    def _check_moments(self) -> None:
        for name in ("delay", "horizon", "revise"):
            value = getattr(self, name)
            if value is not None:
                duration_ns(value, name=f"Label({name}=...)")
        if self.time is not None and self.delay is not None:
            raise ConfigError(
                "Label(time=..., delay=...) are both given",
                found=f"time={self.time!r}, delay={self.delay!r}",
                expected="one of them",
                hint="Use time when the data says when each label became known, delay otherwise.",
            )
        if self.time is not None and self.time == self.column:
            raise ConfigError(
                "Label(column, time=...) name the same column",
                found=repr(self.column),
                expected="the label, and the moment it became known",
            )
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
        return duration_ns(_HORIZON) if self.time is not None else self.delay_ns

    @property
    def revise_ns(self) -> int:
        """Time for revisions in nanoseconds."""
        return self.horizon_ns if self.revise is None else duration_ns(self.revise)
