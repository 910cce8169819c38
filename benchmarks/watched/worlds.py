"""Streams of loan-like requests, seeded, in which one thing goes wrong at a known moment.

Fifteen numbers and five categories, of which seven matter; the noise of the label grows with `x0`,
so that inputs alone can make a model worse. Traffic follows the hour of the day. Labels come a day
later. `fault` begins at `START_DAY + CALM_DAYS` and lasts to the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

DAY_US = 86_400_000_000
EPOCH = np.datetime64("2024-01-01T00:00:00", "us")
START_DAY, CALM_DAYS, FAULT_DAYS = 35, 28, 28
NUMBERS = tuple(f"x{i}" for i in range(15))
CATEGORIES = tuple(f"c{i}" for i in range(5))
SIZES = ("small", "medium", "large")
FAULTS = ("covariate", "concept", "label", "quality")
TRUTH = {
    "covariate": ("covariate shift", "unseen inputs"),
    "concept": ("concept drift",),
    "label": ("label shift",),
    "quality": ("data quality",),
}
"""What a diagnosis of each fault may be called."""

STRENGTH = {
    "covariate": {"small": 0.5, "medium": 1.0, "large": 2.0},  # standard deviations of x0
    "concept": {"small": 0.5, "medium": 1.0, "large": 2.0},  # share of x1's effect that turns round
    "label": {"small": 0.5, "medium": 1.0, "large": 1.8},  # log odds
    "quality": {"small": 0.05, "medium": 0.2, "large": 0.8},  # rows in which x1 is missing
}


@dataclass(frozen=True, kw_only=True)
class World:
    """One stream: `fault` of a `size`, or none (empty)."""

    seed: int
    fault: str = ""
    size: str = "medium"
    per_day: int = 1_500
    days: int = START_DAY + CALM_DAYS + FAULT_DAYS

    @property
    def name(self) -> str:
        return f"{self.fault} {self.size}" if self.fault else "nothing"

    @property
    def fault_day(self) -> int:
        """The day on which it goes wrong."""
        return START_DAY + CALM_DAYS

    def table(self) -> pl.DataFrame:
        """Return the stream: a row per request, in order of time."""
        rng = np.random.default_rng([self.seed, 7])
        rows = self.per_day * self.days
        times = _times(rng, rows, self.days)
        after = times >= self.fault_day * DAY_US
        strength = STRENGTH[self.fault][self.size] if self.fault else 0.0
        numbers = _numbers(rng, rows)
        if self.fault == "covariate":
            numbers["x0"] = numbers["x0"] + strength * after
        codes = {
            name: rng.choice(4 + 3 * i, rows, p=_zipf(4 + 3 * i))
            for i, name in enumerate(CATEGORIES)
        }
        turned = 1.0 - 2.0 * strength * after if self.fault == "concept" else np.ones(rows)
        odds = _odds(numbers, codes, turned)
        labels = rng.random(rows) < 1.0 / (1.0 + np.exp(-odds))
        if self.fault == "label":
            keep = _reweighted(rng, labels, after, strength)
            times, labels = times[keep], labels[keep]
            numbers = {name: values[keep] for name, values in numbers.items()}
            codes = {name: values[keep] for name, values in codes.items()}
            after = after[keep]
        if self.fault == "quality":
            broken = after & (rng.random(len(after)) < strength)
            numbers["x1"] = np.where(broken, np.nan, numbers["x1"])
        frame = pl.DataFrame(
            {
                "at": EPOCH + times.astype("timedelta64[us]"),
                **numbers,
                **{
                    name: np.array([f"v{i}" for i in range(20)])[codes[name]] for name in CATEGORIES
                },
                "label": labels,
            }
        )
        return frame.with_columns(
            pl.col("at").dt.replace_time_zone("UTC"),
            *(pl.col(name).fill_nan(None) for name in NUMBERS),
            known=pl.col("at").dt.replace_time_zone("UTC") + pl.duration(days=1),
        )


def _times(rng, rows, days):
    """More requests by day than by night."""
    hours = 1.0 + 0.6 * np.sin((np.arange(24) - 8) / 24 * 2 * np.pi)
    hour = rng.choice(24, rows, p=hours / hours.sum())
    times = rng.integers(0, days, rows) * DAY_US + hour * (DAY_US // 24)
    return np.sort(times + rng.integers(0, DAY_US // 24, rows))


def _numbers(rng, rows):
    found = {}
    for i, name in enumerate(NUMBERS):
        values = rng.normal(size=rows)
        found[name] = (
            np.exp(values) if i % 5 == 4 else np.round(values, 1) if i % 5 == 3 else values
        )
    return found


def _zipf(count):
    shares = 1.0 / np.arange(1, count + 1)
    return shares / shares.sum()


def _odds(numbers, codes, turned):
    signal = 1.4 * numbers["x1"] * turned - 1.0 * numbers["x2"] + 0.5 * numbers["x3"]
    signal = signal + 0.6 * (codes["c0"] == 1) - 0.6 * (codes["c1"] == 0)
    # The higher x0, the less the rest says: inputs that move there are harder.
    return -0.6 + signal * 2.0 / (1.0 + np.exp(1.5 * numbers["x0"]))


def _reweighted(rng, labels, after, strength):
    """Drop rows so that the odds of the label move, and nothing else does."""
    share = float(labels.mean())
    odds = share / (1 - share) * np.exp(strength)
    wanted = odds / (1 + odds)
    keep_other = (share / wanted) * (1 - wanted) / (1 - share)
    return ~after | labels | (rng.random(len(labels)) < keep_other)


def still(seed: int, *, columns: int, slices: int, days: int, per_day: int) -> pl.DataFrame:
    """Return a stream in which nothing ever changes: `columns` inputs, one of `slices` values."""
    rng = np.random.default_rng([seed, 11])
    rows = per_day * days
    times = _times(rng, rows, days)
    made = {}
    for i in range(columns - 1):
        if i % 5 == 4:
            made[f"f{i}"] = np.array([f"v{j}" for j in range(12)])[
                rng.choice(12, rows, p=_zipf(12))
            ]
        else:
            values = rng.normal(size=rows)
            made[f"f{i}"] = np.exp(values) if i % 5 == 3 else values
    made["segment"] = np.array([f"s{j}" for j in range(slices)])[rng.integers(0, slices, rows)]
    odds = made["f0"] - made["f1"] + 0.5 * made["f2"]
    at = pl.Series(EPOCH + times.astype("timedelta64[us]")).dt.replace_time_zone("UTC")
    labels = rng.random(rows) < 1.0 / (1.0 + np.exp(-odds))
    return pl.DataFrame({"at": at, **made, "label": labels}).with_columns(
        known=pl.col("at") + pl.duration(days=1)
    )
