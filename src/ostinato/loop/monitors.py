"""`Monitors`: what of a loop is watched, how closely, and how many false alarms that may cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ostinato.core.errors import ConfigError
from ostinato.core.units import duration_ns
from ostinato.core.watched import FAMILIES

AUTO: Final = "auto"
_MOST_FALSE: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitors:
    """What is watched beside the triggers of the policy, live and in replays.

    Parameters
    ----------
    false_alarms
        How many false alarms there may be in 30 days on average, all monitors together, while
        nothing changes by more than the floors; in (0, 100]. Fewer: faults are seen later.
    families
        Which families of monitors run (`core.watched.FAMILIES`).
    window
        Length of the long windows, in which evidence gathers: whole seasons, and a whole number of
        short ones. ``"auto"``: a day where the history before the start spans ten or more with
        enough rows in each, else what fits the rate of the rows.
    fast
        Length of the short windows, in which gross faults are found; ``"auto"``: an hour, where an
        hour has enough rows.
    drift_floor
        Difference of a share of rows that is no drift, in (0, 1): with .05 a feature may move as
        far as a Kolmogorov-Smirnov distance of .05 without an alarm.
    quality_floor
        Share of rows, in (0, 1), that may newly be missing, unknown or out of range.
    loss_tolerance
        Relative rise of a mean (loss, latency, outcome) that is no news, > 0.
    sensitive
        Columns of people's traits: fairness metrics are watched between their values. They need
        not be features; they are slices too.
    pairs
        Pairs of slice columns whose combinations are slices as well, the 50 most frequent ones.
    items
        Column of what the answers give exposure to (products, films): its 50 most frequent values
        are slices, and how far exposure concentrates on few of them is watched.
    examine
        How often rows are examined though nothing alarms (slices that fail, domain classifier);
        None: only after alarms.

    Raises
    ------
    ConfigError
        If a value is unknown or out of range.
    """

    false_alarms: float = 1.0
    families: Sequence[str] = FAMILIES
    window: str = AUTO
    fast: str = AUTO
    drift_floor: float = 0.05
    quality_floor: float = 0.01
    loss_tolerance: float = 0.05
    sensitive: Sequence[str] = ()
    pairs: Sequence[tuple[str, str]] = ()
    items: str | None = None
    examine: str | None = "28d"

    def __post_init__(self) -> None:
        _check_range("false_alarms", self.false_alarms, 0.0, _MOST_FALSE)
        for name in ("drift_floor", "quality_floor"):
            _check_range(name, getattr(self, name), 0.0, 1.0)
        _check_range("loss_tolerance", self.loss_tolerance, 0.0, float("inf"))
        for name in ("families", "sensitive"):
            object.__setattr__(self, name, _names(name, getattr(self, name)))
        unknown = [name for name in self.families if name not in FAMILIES]
        if unknown:
            raise ConfigError(
                "Monitors(families=...) names a family that there is not",
                found=", ".join(unknown),
                expected=", ".join(FAMILIES),
            )
        object.__setattr__(self, "pairs", tuple(_pair(each) for each in self.pairs))
        if self.items is not None and (not isinstance(self.items, str) or not self.items):
            raise ConfigError(
                "Monitors(items=...) is not a column name",
                found=repr(self.items),
                expected="a text, or None",
            )
        self._check_windows()

    def _check_windows(self) -> None:
        for name in ("window", "fast"):
            if getattr(self, name) != AUTO:
                duration_ns(getattr(self, name), name=f"Monitors({name}=...)")
        if self.examine is not None:
            duration_ns(self.examine, name="Monitors(examine=...)")
        if AUTO in (self.window, self.fast):
            return
        if duration_ns(self.window) % duration_ns(self.fast):
            raise ConfigError(
                "Monitors(window=...) contradicts Monitors(fast=...)",
                found=f"window={self.window!r}, fast={self.fast!r}",
                expected="a whole number of short windows in a long one",
            )


def _check_range(name: str, value: Any, low: float, high: float) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and low < value <= high):
        raise ConfigError(
            f"Monitors({name}=...) is out of range",
            found=repr(value),
            expected=f"a number above {low:g}" + ("" if high == float("inf") else f", to {high:g}"),
        )


def _names(name: str, given: Any) -> tuple[str, ...]:
    fits = not isinstance(given, str) and isinstance(given, Sequence)
    if not (fits and all(isinstance(each, str) and each for each in given)):
        raise ConfigError(
            f"Monitors({name}=...) is not a list of names",
            found=repr(given),
            expected="a list of texts",
        )
    return tuple(dict.fromkeys(given))


def _pair(given: Any) -> tuple[str, str]:
    fits = not isinstance(given, str) and isinstance(given, Sequence) and len(given) == 2
    if not (fits and all(isinstance(each, str) for each in given) and given[0] != given[1]):
        raise ConfigError(
            "Monitors(pairs=...) holds something that is no pair of columns",
            found=repr(given),
            expected='pairs of two slice columns, as ("origin", "carrier")',
        )
    return given[0], given[1]
