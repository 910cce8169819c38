"""Causes of scale: a value in another unit, or off by a constant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from ostinato.features.parity.differ import Measure, floats
from ostinato.features.parity.sample import Candidate, Fit, Sample
from ostinato.stats.arrays import FloatArray

FACTORS: Final[dict[float, str]] = {
    60.0: "seconds and minutes, or minutes and hours",
    3600.0: "seconds and hours",
    24.0: "hours and days",
    1440.0: "minutes and days",
    86400.0: "seconds and days",
    7.0: "days and weeks",
    12.0: "months and years, or inches and feet",
    365.0: "days and years",
    365.25: "days and years",
    10.0: "a power of ten",
    100.0: "shares and percentages, or cents",
    1e3: "thousands (milli, kilo)",
    1e6: "millions (micro, mega)",
    1e9: "thousand millions (nano, giga)",
    1024.0: "bytes and kibibytes",
    1048576.0: "bytes and mebibytes",
    1.609344: "miles and kilometres",
    1.852: "nautical miles and kilometres",
    0.3048: "feet and metres",
    0.9144: "yards and metres",
    2.54: "inches and centimetres",
    25.4: "inches and millimetres",
    0.45359237: "pounds and kilograms",
    28.349523125: "ounces and grams",
    3.785411784: "gallons and litres",
    3.6: "metres a second and kilometres an hour",
    0.514444: "knots and metres a second",
    4.184: "calories and joules",
    6.894757: "pounds per square inch and kilopascals",
    57.29577951308232: "degrees and radians",
    1.8: "differences in Celsius and Fahrenheit",
    -1.0: "the opposite sign",
}
"""Conversions that are known by name; each is tried both ways."""

SCALES: Final[dict[str, tuple[float, float]]] = {
    "Fahrenheit served, Celsius recomputed": (1.8, 32.0),
    "Celsius served, Fahrenheit recomputed": (1.0 / 1.8, -32.0 / 1.8),
    "kelvin served, Celsius recomputed": (1.0, 273.15),
    "Celsius served, kelvin recomputed": (1.0, -273.15),
}
"""Conversions with a factor and an offset."""

_RTOL: Final = 1e-6  # conversions are written with few digits, or done in 32 bits


def units(sample: Sample) -> Iterator[Candidate]:
    """Served values that are the recomputed ones times a number, or plus one."""
    if not sample.measure.numeric:
        return
    rule = replace(sample.measure, rtol=max(sample.measure.rtol, _RTOL))
    recomputed = floats(sample.recomputed)
    for name, (slope, offset) in SCALES.items():
        yield _unit("scale", slope, sample.fit(slope * recomputed + offset, measure=rule), 20, name)
    for factor, name in FACTORS.items():
        for ratio in dict.fromkeys((factor, 1.0 / factor)):
            fit = sample.fit(ratio * recomputed, measure=rule)
            yield _unit("factor", ratio, fit, 21, name)
    yield from _unknown(sample, recomputed, rule)


def _unknown(sample: Sample, recomputed: FloatArray, rule: Measure) -> Iterator[Candidate]:
    served = floats(sample.served)
    seen = sample.wrong & np.isfinite(served) & np.isfinite(recomputed) & (recomputed != 0.0)
    if np.unique(recomputed[seen]).size < 3:
        return  # one or two values: any constant would do
    ratio = float(np.median(served[seen] / recomputed[seen]))
    if abs(ratio) > _RTOL and abs(ratio - 1.0) > 10.0 * _RTOL:
        fit = sample.fit(ratio * recomputed, measure=rule)
        yield _unit("unknown factor", ratio, fit, 91, "no conversion known by name")
    offset = float(np.median(served[seen] - recomputed[seen]))
    if offset != 0.0:
        fit = sample.fit(recomputed + offset)
        yield _unit("offset", offset, fit, 92, f"{offset:+.12g}")


def _unit(form: str, ratio: float, fit: Fit, rank: int, detail: str) -> Candidate:
    return Candidate(kind="unit", form=form, parameter=ratio, fit=fit, rank=rank, detail=detail)
