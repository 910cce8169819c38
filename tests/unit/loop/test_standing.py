from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ostinato import features
from ostinato.core.records import FeaturesCompared, ParityCause
from ostinato.loop import Loop, restore, snapshot, start, step
from ostinato.loop.plan import make_plan
from ostinato.loop.standing import standing


class NoScorer:
    def score(self, version, requests):
        raise AssertionError(version)


@pytest.fixture
def plan():
    landings = features.Events("landings", time="at", columns={"carrier": "text"})
    landed = features.count(landings, by="carrier", window="3h", name="landed")
    loop = Loop(
        name="flights",
        task="binary",
        time="at",
        features=[landed],
        label="late",
        learner=LogisticRegression(),
    )
    return make_plan(
        loop,
        loop.policy,
        scorer=NoScorer(),
        classes=2,
        group_names=(),
        data_from_ns=0,
        matured_to_ns=0,
        bucket_ns=1,
        seed=0,
    )


def compared(differing):
    one = np.array([1])
    return FeaturesCompared(
        ts_event_ns=1,
        ts_record_ns=1,
        features=("landed",),
        rows=100 * one,
        missing_online=0 * one,
        missing_offline=0 * one,
        both_differ=differing * one,
        gap=1.0 * one,
        size=1.0 * one,
        effect=np.array([np.nan]),
        effect_max=np.array([np.nan]),
        dated=0 * one,
        ages_s=np.array([np.nan]),
        causes={"landed": ParityCause(name="unit", parameter=60.0, explained=1.0, text="Minutes.")},
    )


def test_a_loop_tells_which_features_are_not_as_served(plan):
    state, made = step(start(plan), [compared(50)], 1)

    assert standing(state).broken == {"landed": "Minutes."}
    assert [each.kind for each in made][-1] == "parity_broken"
    assert "learning_requested" not in [each.kind for each in made]


def test_broken_parity_survives_a_snapshot(plan):
    state, _ = step(start(plan), [compared(50)], 1)

    again = restore(plan, snapshot(state))

    assert standing(again).broken == {"landed": "Minutes."}
    assert snapshot(again) == snapshot(state)
    assert step(again, [], 2)[1] == []


def test_a_loop_whose_features_agree_asks_for_its_first_champion(plan):
    state, made = step(start(plan), [compared(0)], 1)

    assert standing(state).broken == {}
    assert "learning_requested" in [each.kind for each in made]
