"""Our side: the loop replayed with its monitors as they are by default."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

import ostinato as ost
from watched.worlds import CATEGORIES, NUMBERS, START_DAY, TRUTH, World

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


def loop_of(features: list[str], *, slices: list[str], name: str = "watched") -> ost.Loop:
    """Return a loop over one of the worlds; the policy never learns again."""
    return ost.Loop(
        name=name,
        task="binary",
        time="at",
        features=features,
        label=ost.Label("label", time="known", horizon="2d"),
        learner=ost.learners.gradient_boosting("binary", max_iter=60, learning_rate=0.15),
        slices=slices,
        policy=ost.policies.static(),
    )


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen of one world: days from the fault to the first alarm of any monitor and by
    family (None: none came), the diagnosis after it, and alarms before it."""

    world: str
    seed: int
    delay: float | None
    first: str
    families: dict[str, float]
    cause: str
    right: bool
    before: int


def watch(world: World) -> Seen:
    """Replay a world, and read what the loop says of it."""
    replay = ost.replay(
        loop_of([*NUMBERS, *CATEGORIES], slices=["c0", "c1"]),
        world.table(),
        start=BEGIN + timedelta(days=START_DAY),
        seed=world.seed,
    )
    broke = BEGIN + timedelta(days=world.fault_day)
    alarms = replay.alarms.sort("raised")
    after = alarms.filter(pl.col("raised") >= broke) if world.fault else alarms
    families: dict[str, float] = {}
    for row in after.to_dicts():
        families.setdefault(row["family"], days_between(broke, row["raised"]))
    causes = [each for each in diagnoses(replay) if each["time"] >= broke]
    named = [each["cause"] for each in causes if each["cause"] != "none found"]
    cause = named[0] if named else "none found"
    return Seen(
        world=world.name,
        seed=world.seed,
        delay=days_between(broke, after["raised"][0]) if len(after) else None,
        first=after["stream"][0] if len(after) else "",
        families=families,
        cause=cause,
        right=cause in TRUTH.get(world.fault, ("none found",)),
        before=len(alarms) - len(after) if world.fault else len(alarms),
    )


def diagnoses(replay: ost.Replay) -> list[dict[str, Any]]:
    """Return the diagnoses in the journal, in order of time."""
    import json  # noqa: PLC0415 - only here

    rows = replay.decisions.filter(pl.col("kind") == "diagnosis_made").to_dicts()
    return [{**json.loads(row["evidence"]), "time": row["time"]} for row in rows]


def days_between(one: datetime, other: datetime) -> float:
    """Return days from one moment to another."""
    return (other - one).total_seconds() / 86_400
