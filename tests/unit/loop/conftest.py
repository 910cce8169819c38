"""A loop that predicts numbers, a trainer that answers at the next tick, and a way to run both."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from ostinato.core.ids import hash_keys
from ostinato.core.records import (
    CandidateEvaluated,
    CandidateTrained,
    LabelsArrived,
    RequestsArrived,
    ValidationSet,
)
from ostinato.core.units import HOUR_NS
from ostinato.decide import NewLabels
from ostinato.loop import Label, Loop, Policy, Prices, restore, snapshot, start, step
from ostinato.loop.plan import make_plan
from ostinato.release import Immediate

START_NS = 1_000_000 * HOUR_NS
ROWS = 40


class Ridge:
    """Stands for a learner; nothing here trains."""

    _estimator_type = "regressor"

    def fit(self):
        raise AssertionError

    def get_params(self, deep=True):
        return {}

    def set_params(self):
        raise AssertionError

    def __sklearn_tags__(self):
        from sklearn.utils import RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type="regressor",
            target_tags=TargetTags(required=True),
            regressor_tags=RegressorTags(),
        )


class Scorer:
    """Version `vN` answers N everywhere."""

    def score(self, version, requests):
        return np.full(len(requests), float(version[1:]))


def make_loop_plan(**changes):
    policy = Policy(
        triggers=changes.pop("triggers", [NewLabels(3 * ROWS)]),
        gates=(),
        rollout=changes.pop("rollout", Immediate(min_samples=50)),
        cooldown="1h",
        **changes,
    )
    loop = Loop(
        name="numbers",
        task="regression",
        time="t",
        features=["x"],
        label=Label("y", delay="1h"),
        learner=Ridge(),
        policy=policy,
    )
    return make_plan(
        loop,
        policy,
        scorer=Scorer(),
        classes=0,
        group_names=(),
        data_from_ns=0,
        matured_to_ns=START_NS,
        bucket_ns=24 * HOUR_NS,
        seed=3,
    )


class Classifier(Ridge):
    """Stands for a learner of yes or no."""

    _estimator_type = "classifier"

    def __sklearn_tags__(self):
        from sklearn.utils import ClassifierTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
        )

    def predict_proba(self):
        raise AssertionError


class Doubtful:
    """Every version says yes with a chance of four in ten."""

    def score(self, version, requests):
        return np.full(len(requests), 0.4)


def make_priced_plan(**changes):
    """A loop of yes or no whose answers are priced by a cost matrix."""
    policy = Policy(
        triggers=changes.pop("triggers", [NewLabels(10_000)]),
        gates=(),
        rollout=Immediate(min_samples=50),
        cooldown="1h",
        **changes,
    )
    loop = Loop(
        name="yes-or-no",
        task="binary",
        time="t",
        features=["x"],
        label=Label("y", delay="1h"),
        learner=Classifier(),
        prices=Prices(false_positive=1.0, false_negative=5.0),
        policy=policy,
    )
    return make_plan(
        loop,
        policy,
        scorer=Doubtful(),
        classes=2,
        group_names=(),
        data_from_ns=0,
        matured_to_ns=START_NS,
        bucket_ns=24 * HOUR_NS,
        seed=3,
    )


def trained(order, number):
    stamp = {"ts_event_ns": order.ts_event_ns, "ts_record_ns": order.ts_record_ns}
    n = 600
    rows = ValidationSet(
        name="recent",
        times_ns=START_NS + np.arange(n),
        labels=np.zeros(n),
        groups=np.zeros((n, 0), dtype=np.int32),
        candidate=np.full(n, float(number)),
        champion=None if order.champion is None else np.full(n, float(number - 1)),
    )
    return [
        CandidateTrained(
            **stamp, subject=f"v{number}", reason="", request=order.request, artifact=""
        ),
        CandidateEvaluated(
            **stamp,
            version=f"v{number}",
            sets=(rows,),
            latency_ms_per_row=0.1,
            artifact_bytes=1,
        ),
    ]


def arrivals(tick):
    now_ns = START_NS + tick * HOUR_NS
    rng = np.random.default_rng(tick)
    ids = np.arange(tick * ROWS, (tick + 1) * ROWS)
    requests = RequestsArrived(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        offset=int(ids[0]),
        ids=ids,
        times_ns=now_ns - HOUR_NS + np.arange(ROWS),
        unit_hashes=hash_keys(ids),
        groups=np.zeros((ROWS, 0), dtype=np.int32),
    )
    labels = LabelsArrived(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        ids=ids,
        times_ns=np.full(ROWS, now_ns),
        values=rng.normal(2.0, 0.2, ROWS),
    )
    return [requests, labels]


def yes_or_no_arrivals(tick):
    requests, labels = arrivals(tick)
    return [requests, replace(labels, values=(labels.values > 2.0).astype(float))]


def trained_yes_or_no(order, number):
    candidate, evaluated = trained(order, number)
    (rows,) = evaluated.sets
    champion = None if rows.champion is None else np.full(len(rows), 0.4)
    rows = replace(rows, candidate=np.full(len(rows), 0.4), champion=champion)
    return [candidate, replace(evaluated, sets=(rows,))]


def play(plan, ticks, *, restart_at=(), told=arrivals, train=trained):
    """Run ticks; each training is answered at the next tick. Return what was made, per tick."""
    state, waiting, number, made = start(plan), [], 0, []
    for tick in range(ticks):
        if tick in restart_at:
            state = restore(plan, snapshot(state))
        batch = [*waiting, *(told(tick) if tick > 2 else [])]
        state, out = step(state, batch, START_NS + tick * HOUR_NS)
        waiting = []
        for record in out:
            if record.kind == "training_requested":
                number += 1
                waiting += train(record, number)
        made.append(out)
    return state, made


@pytest.fixture
def yes_or_no():
    return SimpleNamespace(
        start_ns=START_NS,
        plan=make_priced_plan,
        play=partial(play, told=yes_or_no_arrivals, train=trained_yes_or_no),
        arrivals=yes_or_no_arrivals,
    )


@pytest.fixture
def numbers():
    return SimpleNamespace(
        start_ns=START_NS,
        plan=make_loop_plan,
        play=play,
        arrivals=arrivals,
        trained=trained,
    )
