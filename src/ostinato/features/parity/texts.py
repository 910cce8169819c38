"""What is said of a cause, in plain English: what happened, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from ostinato.features.parity.differ import floats
from ostinato.features.parity.sample import Candidate, Sample

TEXTS: Final[dict[tuple[str, str], str]] = {
    ("default", "online"): "{detail} was served in place of the value. Look for a lookup that "
    "failed or a default that only the serving side knows; put the default into the definition.",
    ("default", "offline"): "the recomputation gives {detail} where a value was served. Look for "
    "events or reference rows that the recomputation cannot see.",
    ("rounding", "online"): "the served value was rounded to {detail}. Keep all digits on the way, "
    "or round in the definition.",
    ("rounding", "offline"): "the recomputed value is rounded to {detail}, the served one is not. "
    "Round in the definition, or not at all.",
    ("rounding", "arithmetic"): "the two differ by less than one part in a million, as with "
    "32-bit floats or sums in another order. If that is expected, say so with a wider tolerance.",
    ("unit", "factor"): "the served value is {parameter:.10g} times the recomputed one ({detail}). "
    "One side uses another unit; convert in the definition.",
    ("unit", "scale"): "the two are in different units: {detail}. Convert in the definition.",
    ("unit", "unknown factor"): "the served value is {parameter:.10g} times the recomputed one "
    "({detail}). Look for a unit, a rate or a scale that changed on one side.",
    ("unit", "offset"): "the served value is the recomputed one {detail}. Look for a zero point, "
    "or an event that is counted on one side alone.",
    (
        "version",
        "other",
    ): "the served value is that of the definition {detail!r}. A serving process "
    "still has that version; bring it up to date, or train on the version that is served.",
    ("lag", "late"): "events of the source reach the serving side {detail} late. Speed the source "
    "up, or declare that lag, so that training sees as little as serving does.",
    ("lag", "ahead"): "the source is {detail} late where it is recomputed: the served value knew "
    "events up to {detail} before the recorded moment at which they became known. Trainings that "
    "take the recomputed values learn from a late source: speed it up, or train on what was "
    "served. Else look for a log that is written late or a backfill that rewrote it.",
    ("lag", "stale"): "the served value is the one of {detail} earlier. Look for a cache or a "
    "batch job between the definition and the request; compute at the request, or declare the lag.",
    (
        "lag",
        "renewed",
    ): "the served value is computed every {detail} and kept in between. Compute at "
    "the request, or declare the refresh, so that training sees the same values.",
    ("time zone", "shift"): "the clocks of events and requests are {detail} apart (ahead where "
    "positive: events seem later). Write both times in UTC; a value that is as old as that "
    "would look the same.",
    ("wrong key", "key"): "the value was looked up by {detail!r}. Use the key of the definition.",
    ("wrong key", "rows"): "rows were served the values of other rows. Look for a batch whose "
    "answers come back in another order, or an index that was lost.",
    ("missing rows", "part"): "the served value lacks {detail}. Look for the part of the source "
    "that does not reach the serving side, or comes twice to the other.",
}
"""What is said of each form of each cause, and what to do; by `kind` and `form` of a cause."""


def told(feature: str, named: Candidate, equals: Sequence[Candidate]) -> str:
    """Say what a cause is and what to do; name those that the rows cannot tell from it."""
    words = TEXTS[named.kind, named.form].format(detail=named.detail, parameter=named.parameter)
    fit = named.fit
    parts = [
        f"{feature}: {words}",
        f"This explains {fit.share:.0%} of {fit.wrong} rows that differ.",
    ]
    if equals:
        parts.append(f"The same rows would be seen after {in_short(equals)}.")
    if not fit.everywhere:
        parts.append("Only a part of the traffic is hit: ask what it has in common.")
    return " ".join(parts)


def told_unknown(feature: str, sample: Sample, nearest: Candidate | None) -> str:
    """Say that no cause was found, what came nearest, and which way the values are off."""
    parts = [f"{feature}: no cause explains the {sample.count} rows that differ."]
    if nearest is None:
        parts.append("Nothing that was tried explains any of them.")
    else:
        share = f"{nearest.fit.share:.0%}"
        parts.append(f"What comes nearest is {in_short([nearest])}, with {share}.")
    return " ".join(parts + _direction(sample))


def in_short(candidates: Sequence[Candidate]) -> str:
    """List causes in a few words."""
    return " or ".join(f"{each.kind} ({each.form}: {each.detail})" for each in candidates)


def _direction(sample: Sample) -> list[str]:
    if not sample.measure.numeric:
        return []
    with np.errstate(over="ignore", invalid="ignore"):
        delta = floats(sample.served) - floats(sample.recomputed)
    seen = delta[sample.wrong & np.isfinite(delta)]
    for word, hits in (("smaller", seen < 0.0), ("larger", seen > 0.0)):
        if seen.size and hits.mean() >= _ONE_SIDED:
            share = f"{hits.mean():.0%}"
            found = f"Served values are {word} on {share} of them:"
            return [f"{found} look for events that one side alone has."]
    return []


_ONE_SIDED: Final = 0.95
