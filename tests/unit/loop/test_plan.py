from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ostinato import features
from ostinato.core.errors import ConfigError
from ostinato.decide import Degradation, Every, any_of
from ostinato.loop import Label, Loop, Policy
from ostinato.loop.plan import bound_triggers, check, make_plan
from ostinato.release import Guardrail, Shadow


class NoScorer:
    def score(self, version, requests):
        raise AssertionError(version)


def loop(learner=None, **changes):
    fields = {
        "name": "flights",
        "task": "binary",
        "time": "scheduled",
        "features": ["distance"],
        "label": Label("late", delay="6h"),
        "learner": learner if learner is not None else LogisticRegression(),
    }
    return Loop(**(fields | changes))


def plan(one, policy, *, seed=0):
    return make_plan(
        one,
        policy,
        scorer=NoScorer(),
        classes=2,
        group_names=(),
        data_from_ns=0,
        matured_to_ns=0,
        bucket_ns=1,
        seed=seed,
    )


def test_a_trigger_by_slice_learns_the_names_and_is_refused_without_slices():
    policy = Policy(triggers=[any_of(Every("7d"), Degradation(by_slice=True))])

    (bound,) = bound_triggers(loop(slices=["carrier"]), policy, ("carrier=AA", "carrier=DL"))

    assert bound.triggers[1].group_names == ("carrier=AA", "carrier=DL")
    with pytest.raises(ConfigError, match=r"by_slice=True\) contradicts Loop\(slices=...\)"):
        check(loop(), policy)


def test_a_random_generator_in_the_learner_is_refused_before_any_data():
    learner = SGDClassifier(loss="log_loss", random_state=np.random.RandomState(0))
    with pytest.raises(ConfigError, match=r"SGDClassifier\(random_state=...\)"):
        check(loop(learner), Policy())


@pytest.mark.parametrize(
    "learner",
    [
        HistGradientBoostingClassifier(),
        KNeighborsClassifier(),
        make_pipeline(StandardScaler(), HistGradientBoostingClassifier()),
    ],
)
def test_a_warm_start_that_the_learner_cannot_do_is_refused_before_any_data(learner):
    with pytest.raises(ConfigError, match=r"Policy\(warm_start=True\) contradicts Loop\(learner"):
        plan(loop(learner), Policy(warm_start=True))


@pytest.mark.parametrize(
    "learner",
    [
        LogisticRegression(),
        SGDClassifier(loss="log_loss"),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
)
def test_learners_that_can_go_on_may_be_started_warm(learner):
    check(loop(learner), Policy(warm_start=True))


@pytest.mark.parametrize("learner", [Ridge(), LogisticRegression, "boosting"])
def test_a_learner_that_does_not_fit_the_task_is_refused_before_any_data(learner):
    with pytest.raises(ConfigError, match="learner"):
        plan(loop(learner), Policy())


def test_a_policy_that_the_loop_cannot_have_is_refused_before_any_data():
    one = loop(label=Label("late", affected_by_prediction=True))

    with pytest.raises(ConfigError, match=r"Label\(affected_by_prediction=True\) contradicts"):
        plan(one, Policy(rollout=Shadow()))


def test_what_is_declared_decides_the_digest_and_the_seed_does_not():
    base = plan(loop(), Policy()).policy_digest

    assert plan(loop(), Policy(), seed=9).policy_digest == base
    assert plan(loop(), Policy(max_retrains=3)).policy_digest != base
    assert plan(loop(unit="tailnum"), Policy()).policy_digest != base
    assert plan(loop(LogisticRegression(C=2.0)), Policy()).policy_digest != base


def test_a_label_that_depends_on_the_answer_reaches_the_stages_that_compare():
    for affected in (True, False):
        one = loop(label=Label("late", affected_by_prediction=affected))
        stages = plan(one, Policy()).stages
        assert stages["release"].paired is not affected
        assert stages["decide"].paired is not affected


def test_a_selective_label_and_what_is_explored_reach_the_stages():
    one = loop(label=Label("repaid", selective=True), policy=Policy(explore=0.1))
    stages = plan(one, one.policy).stages
    assert (stages["release"].explored, stages["release"].explore) == (True, 0.1)
    assert stages["decide"].explored
    assert stages["learn"].explored
    assert stages["gate"].explored

    stages = plan(loop(), Policy(explore=0.1)).stages
    assert (stages["release"].explored, stages["release"].explore) == (False, 0.1)
    assert not stages["decide"].explored
    assert not stages["learn"].explored
    assert not stages["gate"].explored


def test_what_guardrails_look_at_is_computed_and_must_fit_the_task():
    guarded = Policy(rollout=Shadow(guardrails=[Guardrail("error_rate"), Guardrail("brier")]))

    assert plan(loop(), guarded).stages["watch"].guards == ("error_rate", "brier")
    assert plan(loop(), Policy()).stages["watch"].guards == ()
    with pytest.raises(ConfigError, match=r"Guardrail\('mae'\) does not fit Loop\(task='binary'"):
        plan(loop(), Policy(rollout=Shadow(guardrails=[Guardrail("mae")])))
    with pytest.raises(ConfigError, match=r"Guardrail\('speed'\)"):
        loop(policy=Policy(rollout=Shadow(guardrails=[Guardrail("speed")])))


def test_the_horizon_reaches_the_stage_that_counts_on_labels():
    one = loop(label=Label("late", delay="6h", horizon="2d"))
    assert plan(one, Policy()).stages["release"].horizon_ns == one.label.horizon_ns


def test_a_plan_knows_a_computed_feature_by_its_version():
    far, farther = (features.Expr("far", pl.col("distance") > miles) for miles in (1000, 2000))

    plain, one, two = (
        plan(loop(features=["distance", *more]), Policy()) for more in ([], [far], [farther])
    )

    assert plain.policy["features"] == ["distance"]
    assert one.policy["features"] == ["distance", ["far", far.version]]
    assert len({plain.policy_digest, one.policy_digest, two.policy_digest}) == 3


# ---------------------------------------------------------------- features as served

LANDINGS = features.Events("landings", time="at", columns={"carrier": "text"})


def landed(**options):
    return features.count(LANDINGS, by="carrier", window="3h", name="landed", **options)


def test_what_features_are_judged_by_stands_in_the_declaration():
    parity = features.Parity(tolerance=0.01)

    found = plan(loop(features=[landed(logged="seen")], parity=parity), Policy())

    rule = found.stages["decide"].parity
    assert found.policy["parity"]["tolerance"] == 0.01
    assert found.policy["train_on"] == "served"
    assert found.policy["logged"] == {"landed": "seen"}
    assert (rule.features, rule.tolerated, rule.hold) == (("landed",), 0.01, True)
    assert rule.arl == pytest.approx(1e6)
    assert found.stages["gate"].parity


def test_a_loop_of_plain_columns_says_nothing_of_what_was_served():
    found = plan(loop(), Policy())

    assert not {"parity", "train_on", "logged"} & set(found.policy)
    assert found.stages["decide"].parity is None
    assert not found.stages["gate"].parity


def test_a_loop_can_do_without_comparisons_or_without_their_veto():
    without = plan(loop(features=[landed()], parity=None), Policy())
    free = features.Parity(hold_training=False)
    warned = plan(loop(features=[landed()], parity=free), Policy())

    assert (without.policy["parity"], without.stages["decide"].parity) == (None, None)
    assert (warned.stages["decide"].parity.hold, warned.stages["gate"].parity) == (False, False)
