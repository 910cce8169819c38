"""How features as served are compared with the same features recomputed: what users declare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ostinato.core.errors import ConfigError
from ostinato.features.declared import Aggregate


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """Windowed features as served are compared with the same features recomputed.

    A replay does so where the history says what was served (`logged=...` of a feature), tick by
    tick; a service by itself, with features of `Events`. A feature that differs on more rows than
    are tolerated is told as `parity_broken`, with the cause, and as `parity_restored` when it does
    not any more.

    Parameters
    ----------
    tolerance
        Share of the compared rows that may differ, in (0, 0.5). Smaller: clocks that are a little
        apart alarm; larger: rare faults stay unseen.
    rtol, atol
        Two numbers differ when they are further apart than `atol` + `rtol` times the larger one.
    false_alarm
        Chance of a false alarm per compared row, all features together, in (0, 1).
    hold_training
        Whether nothing is trained and no candidate is accepted while parity is broken: what would
        be learned is not what is served.
    sample
        Share of the units whose rows are compared, in (0, 1]; default: all. A service compares at
        most 2,000 rows at a time, evenly chosen.
    previous
        Earlier definitions, under the names of the features: tried when a cause is looked for.

    Raises
    ------
    ConfigError
        If a value is out of its range.

    Examples
    --------
    >>> Parity().hold_training
    True
    """

    tolerance: float = 1e-3
    rtol: float = 1e-9
    atol: float = 0.0
    false_alarm: float = 1e-6
    hold_training: bool = True
    sample: float | None = None
    previous: Sequence[Aggregate] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "previous", tuple(self.previous))
        for name, low, high, ends in (
            ("tolerance", 0.0, 0.5, "(0, 0.5)"),
            ("false_alarm", 0.0, 1.0, "(0, 1)"),
        ):
            if not low < getattr(self, name) < high:
                _refuse(name, getattr(self, name), ends)
        for name in ("rtol", "atol"):
            if not getattr(self, name) >= 0.0:
                _refuse(name, getattr(self, name), "0 or more")
        if self.sample is not None and not 0.0 < self.sample <= 1.0:
            _refuse("sample", self.sample, "(0, 1], or None")
        wrong = [each for each in self.previous if not isinstance(each, Aggregate)]
        if wrong:
            _refuse("previous", wrong[0], "windowed features, such as mean(...)")

    def told(self) -> dict[str, Any]:
        """Write it down in plain values: earlier definitions by name and version."""
        return {
            "tolerance": self.tolerance,
            "rtol": self.rtol,
            "atol": self.atol,
            "false_alarm": self.false_alarm,
            "hold_training": self.hold_training,
            "sample": self.sample,
            "previous": [[each.name, each.version] for each in self.previous],
        }


def _refuse(name: str, found: object, expected: str) -> None:
    raise ConfigError(f"Parity({name}=...) is out of range", found=repr(found), expected=expected)
