"""Which matured rows a candidate learns from, and how much each of them weighs.

A window answers with the earliest moment it wants; the rows predicted from there on, up to where
labels have matured, are the training rows.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from datetime import timedelta
from typing import Final

import numpy as np

from ostinato.core.errors import ConfigError
from ostinato.core.records import Floats, Ints
from ostinato.core.units import duration_ns, format_duration

EVERYTHING_NS: Final = -(2**62)
"""A moment (nanoseconds since 1970) before all history: about the year 1823."""
HALF_LIVES_KEPT: Final = 20
"""After so many half-lives a row weighs less than a millionth. Smaller: weight is cut off that
still counts; larger: rows are read that do not."""

Duration = str | timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSpan:
    """From when on rows are used, and in what time their weight halves (None: all weigh the same).

    Both are nanoseconds; `from_ns` counts from 1970 and may be far in the past.
    """

    from_ns: int
    half_life_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Expanding:
    """All history.

    Examples
    --------
    >>> Expanding().span(matured_to_ns=0).half_life_ns is None
    True
    """

    def span(self, *, matured_to_ns: int, change_ns: int | None = None) -> WindowSpan:  # noqa: ARG002 - one signature for all windows
        """Return the whole past.

        Parameters
        ----------
        matured_to_ns
            Every prediction up to this time has matured; nanoseconds since 1970.
        change_ns
            When the world changed, if known; nanoseconds since 1970.
        """
        return WindowSpan(from_ns=EVERYTHING_NS)


@dataclass(frozen=True, slots=True)
class Last:
    """The last stretch of matured history.

    Parameters
    ----------
    duration
        How long it is, such as ``"60d"``.

    Raises
    ------
    ConfigError
        If it is not a positive duration.

    Examples
    --------
    >>> Last("1d").span(matured_to_ns=2 * 86_400_000_000_000).from_ns
    86400000000000
    """

    duration: Duration

    def __post_init__(self) -> None:
        duration_ns(self.duration, name="Last(duration)")

    def span(self, *, matured_to_ns: int, change_ns: int | None = None) -> WindowSpan:  # noqa: ARG002 - as above
        """Return the stretch that ends where labels have matured."""
        return WindowSpan(from_ns=matured_to_ns - duration_ns(self.duration))


@dataclass(frozen=True, slots=True)
class Decayed:
    """History whose weight halves with age.

    Parameters
    ----------
    half_life
        A row this much older than the newest weighs half, such as ``"30d"``.
    keep
        How far back rows are read at all. Default: 20 half-lives, where a row weighs less than a
        millionth.

    Raises
    ------
    ConfigError
        If one is not a positive duration, or `keep` is shorter than one half-life.
    """

    half_life: Duration
    _: KW_ONLY
    keep: Duration | None = None

    def __post_init__(self) -> None:
        half_life = duration_ns(self.half_life, name="Decayed(half_life)")
        keep = None if self.keep is None else duration_ns(self.keep, name="Decayed(keep)")
        if keep is not None and keep < half_life:
            raise ConfigError(
                "Decayed(keep) is shorter than Decayed(half_life)",
                found=f"keep={format_duration(keep)}, half_life={format_duration(half_life)}",
                expected="keep of at least one half-life",
                hint="To use a short stretch with equal weights, take Last.",
            )

    def span(self, *, matured_to_ns: int, change_ns: int | None = None) -> WindowSpan:  # noqa: ARG002 - as above
        """Return the stretch that is kept, with its half-life."""
        half_life = duration_ns(self.half_life)
        keep = HALF_LIVES_KEPT * half_life if self.keep is None else duration_ns(self.keep)
        return WindowSpan(from_ns=max(EVERYTHING_NS, matured_to_ns - keep), half_life_ns=half_life)


@dataclass(frozen=True, slots=True, kw_only=True)
class SinceChange:
    """Only what came after the world changed; never less than a minimum.

    Parameters
    ----------
    minimum
        Where less than this has matured since the change, rows from before it fill up.
    fallback
        The window where no change is known.

    Raises
    ------
    ConfigError
        If `minimum` is not a positive duration or `fallback` is not another kind of window.
    """

    minimum: Duration = "14d"
    fallback: Expanding | Last | Decayed = field(default_factory=lambda: Last("60d"))

    def __post_init__(self) -> None:
        duration_ns(self.minimum, name="SinceChange(minimum)")
        if not isinstance(self.fallback, Expanding | Last | Decayed):
            raise ConfigError(
                "SinceChange(fallback) is not a window",
                found=repr(self.fallback),
                expected='Expanding(), Last("60d") or Decayed("30d")',
            )

    def span(self, *, matured_to_ns: int, change_ns: int | None = None) -> WindowSpan:
        """Return the time since the change, or the fallback's span where none is known."""
        if change_ns is None:
            return self.fallback.span(matured_to_ns=matured_to_ns)
        return WindowSpan(from_ns=min(change_ns, matured_to_ns - duration_ns(self.minimum)))


Window = Expanding | Last | Decayed | SinceChange


def weights(times_ns: Ints, to_ns: int, half_life_ns: int | None) -> Floats:
    """Weigh rows by age: 2 ** -(age / half-life).

    Parameters
    ----------
    times_ns
        When each row was predicted, (n,), nanoseconds since 1970.
    to_ns
        The moment whose rows weigh 1; later rows weigh 1 too.
    half_life_ns
        Nanoseconds, > 0; None: all rows weigh 1.

    Returns
    -------
    numpy.ndarray
        (n,), float64, in (0, 1] (0 only where it underflows).

    Examples
    --------
    >>> weights(np.array([0, 50, 100]), 100, 50)
    array([0.25, 0.5 , 1.  ])
    """
    if half_life_ns is None:
        return np.ones(len(times_ns))
    assert half_life_ns > 0, "a half-life is positive"
    ages = np.maximum(to_ns - np.asarray(times_ns, dtype=np.int64), 0)
    faded: Floats = np.exp2(-ages / half_life_ns)
    return faded
