"""What does it cost to train on features that are a day late, retraining after retraining?

A made-up stream of card payments, seeded. Serving counts the declined payments of a card up to the
second; the table that trainings read gets each of them a day later, so that 1 to 2 % of the values
differ. The same payments are replayed twice, retrained every week: once trained on features as they
were served, once as that table gives them. Both serve the same values. `gap` is the mean log loss
of the second minus that of the first, on all payments (and on those whose value differs) between
one retraining and the next, with twice its standard error.

    always late, 4 weeks     every model but the first learns the last four weeks
    late since, 4 weeks      the table falls behind after the first champion was trained
    late since, all rows     each model learns all there is: the late part grows
    late since, goes on      each model goes on from the one before (warm start), one pass a week
    fed by answers           the feature is the mean of the model's own answers of two days
    gated                    "late since, 4 weeks" with the gates and canary of the default policy

Below each stands what the loop does with parity on, as it is unless it is turned off.

    python benchmarks/late_training.py               # five minutes
    python benchmarks/late_training.py --quick       # one small stream, two set-ups
    python benchmarks/late_training.py --json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, SGDClassifier

import ostinato as ost
from ostinato.core.errors import LoopError
from ostinato.stats.metrics import metric_for

HOUR = 3600
DAY = 24 * HOUR
WINDOW, HOP = 7 * DAY, HOUR
DAYS, START_DAY, FIRST_DAYS = 98, 28, 28
CARDS, PER_DAY = 3_000, 1_500
SEEDS = 2
DECLINES_A_DAY = 0.015  # per card: 1 to 2 % of the payments come within a day of one

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


# ---------------------------------------------------------------- the made-up stream


@dataclass(frozen=True)
class Stream:
    """Payments as the loop gets them, and the declined ones as the table of trainings does."""

    payments: pl.DataFrame
    declined: pl.DataFrame
    differs: NDArray[np.bool_]


def make_stream(seed: int, *, late_from_day: int = 0, per_day: int = PER_DAY) -> Stream:
    """Draw payments and declines; `late_from_day`: from when on the table is a day behind."""
    rng = np.random.default_rng(seed)
    cards = CARDS * per_day // PER_DAY
    declines = rng.poisson(DECLINES_A_DAY * cards * DAYS)
    at = np.sort(rng.integers(0, DAYS * DAY, declines))
    card = rng.integers(0, cards, declines)
    late = np.where(at >= late_from_day * DAY, DAY, 0)
    times = np.sort(rng.integers(0, DAYS * DAY, per_day * DAYS))
    payer = rng.integers(0, cards, len(times))
    served = counts(payer, times, card, at, at)
    table = counts(payer, times, card, at, at + late)
    amount, hour = rng.normal(size=(2, len(times)))
    fresh = counts(payer, times, card, at, at, window=DAY) > 0
    # Who was declined today and pays again is mostly a thief; what amounts mean drifts slowly.
    drift = np.cos(np.pi * times / (DAYS * DAY))
    odds = -1.5 + drift * amount + 0.5 * hour + 3.0 * fresh + 0.3 * served
    fraud = (rng.random(len(times)) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    payments = pl.DataFrame(
        {
            "at": moments(times),
            "card": payer,
            "amount": amount,
            "hour": hour,
            "served_declines": served,
            "fraud": fraud,
        }
    )
    declined = pl.DataFrame({"at": moments(at), "known": moments(at + late), "card": card})
    return Stream(payments=payments, declined=declined, differs=served != table)


def counts(
    payer: Ints, times: Ints, card: Ints, at: Ints, known: Ints, *, window: int = WINDOW
) -> Floats:
    """Count a card's declines of the window that were known, by hand: as the service does."""
    seen: dict[int, list[tuple[int, int]]] = {}
    for who, when, told in zip(card.tolist(), at.tolist(), known.tolist(), strict=True):
        seen.setdefault(who, []).append((when, told))
    hop = HOP if window == WINDOW else 1
    found = []
    for who, now in zip(payer.tolist(), times.tolist(), strict=True):
        edge = (now - window) // hop
        found.append(sum(told <= now and at // hop >= edge for at, told in seen.get(who, ())))
    return np.array(found, dtype=np.float64)


def moments(seconds: Ints) -> pl.Series:
    """Return times after the beginning of 2024, UTC."""
    since = np.datetime64("2024-01-01", "us") + seconds * np.timedelta64(1, "s")
    return pl.Series(since).dt.replace_time_zone("UTC")


# ---------------------------------------------------------------- the loop


def make_loop(stream: Stream, *, learner: Any, policy: ost.Policy, **changes: Any) -> ost.Loop:
    """Declare the loop; the definition reads the table, the history says what was served."""
    source = ost.features.Events("declines", time="at", known="known", data=stream.declined)
    declines = ost.features.count(
        source, by="card", window="7d", hop="1h", name="declines_7d", logged="served_declines"
    )
    return ost.Loop(
        name="payments",
        task="binary",
        time="at",
        unit="card",
        features=["amount", "hour", declines],
        label=ost.Label("fraud", delay="1h"),
        learner=learner,
        policy=policy,
        monitors=None,  # the question is what parity alone finds
        **changes,
    )


def unwatched(**changes: Any) -> ost.Policy:
    """Retrain every week and release at once: nobody looks."""
    settings = {"gates": (), "rollout": ost.Immediate(watch=None), "holdout": "1d"}
    return ost.policies.scheduled("7d", **{**settings, **changes})


LINEAR = LogisticRegression(max_iter=1000)
GOING_ON = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.002, random_state=0)

SETUPS: dict[str, dict[str, Any]] = {
    "always late, 4 weeks": {
        "late_from_day": 0,
        "learner": LINEAR,
        "policy": unwatched(window=ost.Last("28d")),
    },
    "late since, 4 weeks": {
        "late_from_day": START_DAY,
        "learner": LINEAR,
        "policy": unwatched(window=ost.Last("28d")),
    },
    "late since, all rows": {
        "late_from_day": START_DAY,
        "learner": LINEAR,
        "policy": unwatched(),
    },
    "late since, goes on": {
        "late_from_day": START_DAY,
        "learner": GOING_ON,
        "policy": unwatched(window=ost.Last("7d"), warm_start=True),
    },
    "gated": {
        "late_from_day": START_DAY,
        "learner": LINEAR,
        "policy": ost.policies.scheduled("7d", window=ost.Last("28d")),
    },
}
FED = "fed by answers"
FED_WINDOW = 2 * DAY
QUICK = ("late since, 4 weeks", "late since, goes on")


@dataclass(frozen=True)
class Row:
    """One stretch of a set-up: from one retraining to the next."""

    setup: str
    retraining: int
    rows: int
    differing: float
    gap: float
    gap_error: float
    gap_differing: float
    sound_loss: float


def measure(name: str, *, seed: int, per_day: int) -> Iterator[Row]:
    """Replay a set-up sound and skewed, and compare week by week."""
    setup = SETUPS[name]
    stream = make_stream(seed, late_from_day=setup["late_from_day"], per_day=per_day)
    kept = {key: setup[key] for key in ("learner", "policy")}
    losses = {}
    for train_on in ("served", "recomputed"):
        loop = make_loop(stream, parity=None, train_on=train_on, **kept)
        losses[train_on] = answers(ost.replay(loop, stream.payments, start=_start(), seed=seed))
    yield from compare(name, losses["served"], losses["recomputed"], stream.differs)


def _start() -> str:
    return f"2024-01-{START_DAY + 1:02d}"


def answers(result: ost.Replay) -> pl.DataFrame:
    """Return when each payment was asked about, and the loss of the answer."""
    told = result.predictions
    labels, scores = told["label"].to_numpy(), told["score"].to_numpy()
    loss = metric_for("binary", "log_loss").row_loss(labels.astype(float), scores)
    return told.select("prediction_id", "time").with_columns(loss=loss)


def compare(
    name: str, sound: pl.DataFrame, skewed: pl.DataFrame, differs: NDArray[np.bool_]
) -> Iterator[Row]:
    """Tell both apart, a row per week: models are retrained every seven days after the start."""
    gap = (skewed["loss"] - sound["loss"]).to_numpy()
    apart = differs[-len(gap) :]
    since = (sound["time"] - sound["time"][0]).dt.total_seconds().to_numpy()
    week = since // (7 * DAY)
    for number in range(int(week.max()) + 1):
        rows = np.flatnonzero(week == number)
        some = rows[apart[rows]]
        yield Row(
            setup=name,
            retraining=number,
            rows=len(rows),
            differing=float(apart[rows].mean()),
            gap=float(gap[rows].mean()),
            gap_error=float(2 * gap[rows].std() / np.sqrt(len(rows))),
            gap_differing=float(gap[some].mean()) if len(some) else float("nan"),
            sound_loss=float(sound["loss"].to_numpy()[rows].mean()),
        )


# ---------------------------------------------------------------- a model fed by its own answers


def measure_fed(*, seed: int, per_day: int) -> Iterator[Row]:
    """Feed a model the mean of its own answers to a card; trainings read them a day late."""
    rng = np.random.default_rng(seed)
    cards = CARDS * per_day // PER_DAY // 10
    times = np.sort(rng.integers(0, DAYS * DAY, per_day * DAYS))
    payer = rng.integers(0, cards, len(times))
    x = rng.normal(size=len(times))
    # A card turns bad now and then, for days: its earlier payments say much about the next.
    bad = _spells(rng, payer, times, cards)
    odds = -1.5 + x + 3.0 * bad
    label = (rng.random(len(times)) < 1 / (1 + np.exp(-odds))).astype(np.float64)
    losses = {late: _fed(payer, times, x + bad, label, late) for late in (0, DAY)}
    frames = [
        pl.DataFrame({"time": moments(times[_first(times) :]), "loss": losses[late][0]})
        for late in (0, DAY)
    ]
    yield from compare(FED, frames[0], frames[1], losses[DAY][1])


def _spells(rng: np.random.Generator, payer: Ints, times: Ints, cards: int) -> Floats:
    spells = rng.poisson(0.05 * cards * DAYS)
    who, begin = rng.integers(0, cards, spells), rng.integers(0, DAYS * DAY, spells)
    return (counts(payer, times, who, begin, begin, window=3 * DAY) > 0).astype(np.float64)


def _first(times: Ints) -> int:
    return int(np.searchsorted(times, START_DAY * DAY))


@dataclass
class Fed:
    """Answers so far, and the feature made of them: as served, and as the table has it."""

    payer: Ints
    times: Ints
    x: Floats
    late: int
    scores: Floats
    served: Floats
    table: Floats

    def serve(self, low: int, high: int, model: LogisticRegression | None) -> None:
        """Answer rows [low, high) one by one: the feature is the card's mean answer so far."""
        start = int(np.searchsorted(self.times, self.times[low] - FED_WINDOW))
        past: dict[int, list[tuple[int, float]]] = {}
        prior = float(self.scores[:low].mean()) if low else float(self.scores.mean())
        for row in range(start, high):
            now = int(self.times[row])
            told = past.setdefault(int(self.payer[row]), [])
            if row >= low:
                recent = [(at, score) for at, score in told if at > now - FED_WINDOW]
                self.served[row] = _mean([score for _, score in recent], prior)
                known = [score for at, score in recent if at <= now - self.late]
                self.table[row] = _mean(known, prior)
                if model is not None:
                    self.scores[row] = self._answer(row, model)
            told.append((now, float(self.scores[row])))

    def _answer(self, row: int, model: LogisticRegression) -> float:
        inputs = (self.x[row], _logit(self.served[row]))
        odds = float(np.dot(inputs, model.coef_[0]) + model.intercept_[0])
        return float(1 / (1 + np.exp(-odds)))


def _fed(
    payer: Ints, times: Ints, x: Floats, label: Floats, late: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """Serve week by week; return the losses after the start, and whose value was late.

    Late or not, the first models learn what was served: the table falls behind at the start.
    """
    rate = np.full(len(times), label.mean())
    fed = Fed(payer, times, x, 0, rate, rate.copy(), rate.copy())
    loss = np.zeros(len(times))
    model: LogisticRegression | None = None
    for begin in range(0, DAYS * DAY, 7 * DAY):
        fed.late = late if begin >= START_DAY * DAY else 0
        low, high = np.searchsorted(times, [begin, begin + 7 * DAY]).tolist()
        fed.serve(low, high, model)
        loss[low:high] = _loss(label[low:high], fed.scores[low:high])
        learned = slice(int(np.searchsorted(times, begin - 21 * DAY)), high)
        inputs = np.column_stack([x[learned], _logit(fed.table[learned])])
        model = LogisticRegression(max_iter=1000).fit(inputs, label[learned])
    first = _first(times)
    return loss[first:], (fed.served != fed.table)[first:]


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _logit(share: Any) -> Any:
    return np.log(share / (1 - share))


def _loss(label: Floats, scores: Floats) -> Floats:
    found: Floats = metric_for("binary", "log_loss").row_loss(label, scores)
    return found


# ---------------------------------------------------------------- with parity on


def with_parity(name: str, *, seed: int, per_day: int) -> str:
    """Say what the same loop does when nobody turned parity off."""
    setup = SETUPS[name]
    stream = make_stream(seed, late_from_day=setup["late_from_day"], per_day=per_day)
    kept = {key: setup[key] for key in ("learner", "policy")}
    loop = make_loop(stream, train_on="recomputed", **kept)
    try:
        result = ost.replay(loop, stream.payments, start=_start(), seed=seed)
    except LoopError as error:
        return error.what
    broken = result.decisions.filter(pl.col("kind") == "parity_broken")
    trained = result.cost["retrains"]
    return f"{trained:.0f} retrainings. {broken['time'][0]:%d %B %H:%M}: {broken['reason'][-1]}"


# ---------------------------------------------------------------- the table


def run(*, quick: bool) -> dict[str, Any]:
    """Measure all set-ups, each on some streams."""
    per_day, seeds = (PER_DAY // 3, 1) if quick else (PER_DAY, SEEDS)
    names = QUICK if quick else tuple(SETUPS)
    found = [
        [row for name in names for row in measure(name, seed=seed, per_day=per_day)]
        + ([] if quick else list(measure_fed(seed=seed, per_day=per_day)))
        for seed in range(seeds)
    ]
    rows = [mean_of(same) for same in zip(*found, strict=True)]
    stopped = {name: with_parity(name, seed=0, per_day=per_day) for name in names}
    return {"rows": [asdict(row) for row in rows], "with_parity": stopped}


def mean_of(rows: Sequence[Row]) -> Row:
    """Average the same stretch of several streams."""
    errors = np.array([row.gap_error for row in rows])
    return replace(
        rows[0],
        rows=sum(row.rows for row in rows),
        differing=_average([row.differing for row in rows]),
        gap=_average([row.gap for row in rows]),
        gap_error=float(np.sqrt((errors**2).sum()) / len(rows)),
        gap_differing=_average([row.gap_differing for row in rows]),
        sound_loss=_average([row.sound_loss for row in rows]),
    )


def _average(values: list[float]) -> float:
    return float(np.mean(values))


def show(found: dict[str, Any]) -> None:
    """Print the gaps week by week, in thousandths, and what parity makes of each set-up."""
    rows = [Row(**row) for row in found["rows"]]
    for name in dict.fromkeys(row.setup for row in rows):
        mine = [row for row in rows if row.setup == name]
        share = np.mean([row.differing for row in mine])
        print(f"\n{name}: {share:.1%} of the values differ; gap in thousandths of log loss")
        print("  retraining  ", *(f"{row.retraining:>8}" for row in mine))
        print("  gap         ", *(f"{1000 * row.gap:>8.1f}" for row in mine))
        print("  +-          ", *(f"{1000 * row.gap_error:>8.1f}" for row in mine))
        print("  of differing", *(f"{1000 * row.gap_differing:>8.0f}" for row in mine))
        if name in found["with_parity"]:
            print("  with parity: ", found["with_parity"][name])


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = run(quick=given.quick)
    if given.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)


if __name__ == "__main__":
    main()
