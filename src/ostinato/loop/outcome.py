"""`Outcome`: what the business gains from a prediction."""

from __future__ import annotations

from dataclasses import dataclass

from ostinato.core.errors import ConfigError
from ostinato.core.units import duration_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A business outcome of predictions: revenue, watch time, a purchase.

    Of each prediction the outcomes that come within the horizon are summed up; none is 0. Their
    mean per prediction is watched beside the metric, version by version.

    Parameters
    ----------
    name
        What it is called; live, under which name it is posted to ``/outcomes``.
    column
        Column of the history with its value, null or 0 for none. Default: the name.
    time
        Column with the moment it became known.
    delay
        Or: it becomes known this long after its prediction (``"1d"``). Without `time` and `delay`
        it is known at once.
    horizon
        Outcomes that come later than this after their prediction do not count; until then the
        prediction's outcome is not settled. Default: the delay, or ``"7d"`` with a `time` column.
    higher_is_better
        Whether more of it is what the business wants.

    Raises
    ------
    ConfigError
        If a value is unknown or two of them contradict each other.
    """

    name: str
    column: str = ""
    time: str | None = None
    delay: str | None = None
    horizon: str | None = None
    higher_is_better: bool = True

    def __post_init__(self) -> None:
        for field, value in (("name", self.name), ("column", self.column or self.name)):
            if not isinstance(value, str) or not value:
                raise ConfigError(
                    f"Outcome({field}=...) is not a name", found=repr(value), expected="a text"
                )
        object.__setattr__(self, "column", self.column or self.name)
        for field in ("delay", "horizon"):
            value = getattr(self, field)
            if value is not None:
                duration_ns(value, name=f"Outcome({field}=...)")
        if self.time is not None and self.delay is not None:
            raise ConfigError(
                "Outcome(time=..., delay=...) are both given",
                found=f"time={self.time!r}, delay={self.delay!r}",
                expected="one of them",
            )
        if self.time is not None and self.time == self.column:
            raise ConfigError(
                "Outcome(column=..., time=...) name the same column",
                found=repr(self.column),
                expected="the value, and the moment it became known",
            )
        if self.horizon_ns < self.delay_ns:
            raise ConfigError(
                "Outcome(horizon=...) is shorter than Outcome(delay=...)",
                found=f"horizon={self.horizon!r}, delay={self.delay!r}",
                expected="a horizon of at least the delay",
                hint="With this horizon no outcome would count.",
            )

    @property
    def delay_ns(self) -> int:
        """Delay in nanoseconds, 0 where it is known at once or timed by a column."""
        return 0 if self.delay is None else duration_ns(self.delay)

    @property
    def horizon_ns(self) -> int:
        """Horizon in nanoseconds."""
        if self.horizon is not None:
            return duration_ns(self.horizon)
        return duration_ns("7d") if self.time is not None else self.delay_ns
