"""Learn when enough new labels have matured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ostinato.core.errors import ConfigError
from ostinato.core.records import LossesObserved
from ostinato.decide.trigger import Early, Finding, Reference, Seen, Stance


@dataclass(frozen=True, slots=True)
class NewLabels:
    """Ask for a new model when this many labelled rows matured since the last request.

    Parameters
    ----------
    count
        Number of labelled rows, >= 1.

    Raises
    ------
    ConfigError
        If the count is not a positive whole number.
    """

    count: int

    def __post_init__(self) -> None:
        if not isinstance(self.count, int) or isinstance(self.count, bool) or self.count < 1:
            raise ConfigError(
                "NewLabels(count) is not a positive whole number",
                found=repr(self.count),
                expected="at least 1",
            )

    @property
    def name(self) -> str:
        return f"{self.count} new labels"

    def begin(self) -> None:
        return None

    def observe(self, state: Any, losses: LossesObserved, champion: str) -> None:
        """The decide stage counts labels for all triggers."""

    def renew(self, state: Any, reference: Reference | None) -> None:
        """A new champion does not change the count."""

    def foresee(self, state: Any, early: Early, champion: str) -> None:
        """Only labels of mature rows count."""

    def advance(self, state: Any, now_ns: int) -> None:
        """The decide stage counts labels for all triggers."""

    def kept(self, state: Any, candidate: Reference | None) -> None:
        """The count goes on from the request."""

    def registered(self, state: Any) -> Mapping[str, Any] | None:  # noqa: ARG002 - one signature for all triggers
        return None

    def requested(self, state: Any, now_ns: int) -> None:
        """The decide stage begins to count again."""

    def look(self, state: Any, seen: Seen) -> Stance:  # noqa: ARG002 - one signature for all triggers
        return "act" if seen.labels_since >= self.count else "quiet"

    def explain(self, state: Any, seen: Seen) -> Finding:  # noqa: ARG002 - as above
        enough = seen.labels_since >= self.count
        return Finding(
            reason=f"{self.count} new labels have matured."
            if enough
            else "Not enough new labels yet.",
            evidence={"labels": seen.labels_since, "wanted": self.count},
        )
