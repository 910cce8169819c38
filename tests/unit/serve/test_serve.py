from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from ostinato.core.errors import LearnerError
from ostinato.core.ids import hash_keys
from ostinato.core.records import (
    ROLES,
    PredictionsMade,
    RequestsArrived,
    Routes,
    RoutesChanged,
    ServingFault,
)
from ostinato.core.snapshot import decode, encode
from ostinato.serve import STAGE, ServeConfig

NAN = float("nan")


@dataclass
class Scores:
    """A scorer that answers what a test tells it to; an exception is raised."""

    answers: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def score(self, version, requests):
        self.asked.append(version)
        answer = self.answers[version]
        if isinstance(answer, Exception):
            raise answer
        return np.resize(np.asarray(answer, dtype=np.float64), self._shape(answer, len(requests)))

    def _shape(self, answer, size):
        shape = np.shape(answer)
        return (size, shape[1]) if len(shape) == 2 else (size,)


@pytest.fixture
def serving():
    def make(answers):
        return STAGE.start(ServeConfig(loop="demo", scorer=Scores(answers)))

    return make


def requests(count=4, offset=0):
    return RequestsArrived(
        ts_event_ns=9,
        ts_record_ns=9,
        offset=offset,
        ids=np.arange(offset, offset + count),
        times_ns=np.arange(count, dtype=np.int64),
        unit_hashes=hash_keys(np.arange(offset, offset + count)),
        groups=np.zeros((count, 1), dtype=np.int32),
    )


def change(**routes):
    return RoutesChanged(
        ts_event_ns=1, ts_record_ns=1, subject="v1", reason="", routes=Routes(**routes)
    )


def roles(made):
    return [ROLES[role] for role in made.roles]


def named(made):
    return [made.versions[index] for index in made.answered]


def test_requests_pass_unanswered_until_there_is_a_champion(serving):
    state = serving({})
    assert STAGE.step(state, [requests()], 10) == []
    assert state.config_.scorer.asked == []


def test_request_is_answered_by_the_champion_and_scored_by_every_shadow(serving):
    state = serving({"v1": 0.1, "v2": 0.2})
    (made,) = STAGE.step(state, [change(epoch=7, champion="v1", shadows=("v2",)), requests()], 10)
    assert isinstance(made, PredictionsMade)
    assert named(made) == ["v1"] * 4
    assert roles(made) == ["champion"] * 4
    assert made.scores["v2"].tolist() == [0.2] * 4
    assert made.answers().tolist() == [0.1] * 4
    assert (made.epoch, made.ts_event_ns, made.ts_record_ns) == (7, 9, 10)


def test_routes_hold_for_the_requests_after_them(serving):
    state = serving({"v1": 0.1, "v2": 0.2})
    STAGE.step(state, [change(champion="v1")], 10)
    made = STAGE.step(state, [requests(), change(champion="v2"), requests(offset=4)], 20)
    assert [record.versions for record in made] == [("v1",), ("v2",)]
    (later,) = STAGE.step(state, [requests()], 30)
    assert later.versions == ("v2",)


def test_canary_and_holdback_answer_their_units(serving):
    state = serving({"v0": 0.0, "v1": 0.1, "v2": 0.2})
    table = change(champion="v1", canary="v2", canary_share=0.5, holdback="v0", holdback_share=0.2)
    (made,) = STAGE.step(state, [table, requests(2_000)], 10)
    by_role = {"champion": "v1", "canary": "v2", "holdback": "v0"}
    assert named(made) == [by_role[role] for role in roles(made)]
    assert made.answers().tolist() == [made.scores[v][0] for v in named(made)]
    assert roles(made).count("holdback") / 2_000 == pytest.approx(0.2, abs=0.04)
    assert roles(made).count("canary") / 2_000 == pytest.approx(0.4, abs=0.04)


def test_version_in_several_places_is_asked_once(serving):
    state = serving({"v1": 0.1})
    table = change(champion="v1", holdback="v1", holdback_share=0.5, shadows=("v1",))
    (made,) = STAGE.step(state, [table, requests()], 10)
    assert made.versions == ("v1",)
    assert state.config_.scorer.asked == ["v1"]


def test_row_without_a_score_falls_back_alone(serving):
    state = serving({"v1": [0.1, NAN, 0.1, NAN], "v2": [NAN, 0.2, 0.2, NAN]})
    table = change(champion="v1", shadows=("v2",))
    made, *faults = STAGE.step(state, [table, requests()], 10)
    assert named(made) == ["v1", "v2", "v1", "v1"]
    assert roles(made) == ["champion", "fallback", "champion", "champion"]
    assert made.answers()[:3].tolist() == [0.1, 0.2, 0.1]
    assert np.isnan(made.answers()[3])
    assert [(f.subject, f.rows) for f in faults] == [("v1", 2), ("v2", 2)]


def test_canary_that_raises_is_replaced_by_the_champion(serving):
    state = serving({"v1": 0.1, "v2": LearnerError("it broke", found="ValueError")})
    table = change(champion="v1", canary="v2", canary_share=1.0)
    made, fault = STAGE.step(state, [table, requests()], 10)
    assert named(made) == ["v1"] * 4
    assert roles(made) == ["fallback"] * 4
    assert np.isnan(made.scores["v2"]).all()
    assert isinstance(fault, ServingFault)
    assert (fault.subject, fault.rows) == ("v2", 4)
    assert "it broke" in fault.reason


@pytest.mark.parametrize("broken", [LearnerError("no"), NAN, np.inf, -np.inf])
def test_when_nobody_can_answer_the_answer_is_nan(serving, broken):
    state = serving({"v1": broken, "v2": broken})
    made, *faults = STAGE.step(state, [change(champion="v1", shadows=("v2",)), requests()], 10)
    assert np.isnan(made.answers()).all()
    assert roles(made) == ["champion"] * 4
    assert len(faults) == 2


def test_fault_is_journalled_once_per_change_of_mind(serving):
    state = serving({"v1": 0.1, "v2": NAN})
    answers = state.config_.scorer.answers
    STAGE.step(state, [change(champion="v1", shadows=("v2",))], 10)
    faults = []
    for now, answer in enumerate([NAN, NAN, LearnerError("x"), 0.2, 0.2, [0.2, NAN], NAN], 11):
        answers["v2"] = answer
        faults.append(len(STAGE.step(state, [requests()], now)) - 1)
    assert faults == [1, 0, 0, 0, 0, 1, 0]
    assert state.faulty == {"v2": 6}


def test_faults_of_versions_that_left_are_forgotten(serving):
    state = serving({"v1": 0.1, "v2": NAN})
    STAGE.step(state, [change(champion="v1", shadows=("v2",)), requests()], 10)
    STAGE.step(state, [change(champion="v1")], 20)
    assert state.faulty == {}
    again = STAGE.step(state, [change(champion="v1", shadows=("v2",)), requests()], 30)
    assert len(again) == 2


def test_class_probabilities_keep_their_shape_when_a_version_fails(serving):
    three = [[0.2, 0.3, 0.5]]
    state = serving({"v1": LearnerError("no"), "v2": three})
    made, _ = STAGE.step(state, [change(champion="v1", shadows=("v2",)), requests()], 10)
    assert made.scores["v1"].shape == (4, 3)
    assert made.answers().tolist() == three * 4
    state.config_.scorer.answers["v2"] = LearnerError("no")
    made, *_ = STAGE.step(state, [requests()], 20)
    assert made.answers().shape == (4, 3)
    assert np.isnan(made.answers()).all()


def test_row_with_one_probability_missing_has_no_answer(serving):
    state = serving({"v1": [[0.2, NAN, 0.5], [0.2, 0.3, 0.5]], "v2": [[0.1, 0.1, 0.8]]})
    made, fault = STAGE.step(state, [change(champion="v1", shadows=("v2",)), requests(2)], 10)
    assert named(made) == ["v2", "v1"]
    assert np.isnan(made.scores["v1"][0]).all()
    assert fault.rows == 1


def test_scores_that_a_scorer_keeps_are_not_changed(serving):
    state = serving({})
    kept = np.array([0.1, np.inf, 0.3, 0.4])
    state.config_.scorer.score = lambda version, asked: kept
    made, _ = STAGE.step(state, [change(champion="v1"), requests()], 10)
    assert np.isnan(made.scores["v1"][1])
    assert np.isinf(kept[1])


def test_wrong_number_of_answers_is_a_fault(serving):
    state = serving({})
    state.config_.scorer.score = lambda version, asked: np.full(3, 0.5)
    made, fault = STAGE.step(state, [change(champion="v1"), requests()], 10)
    assert np.isnan(made.answers()).all()
    assert fault.reason == "The version gave 3 answers to 4 requests."


def test_empty_batch_asks_nobody(serving):
    state = serving({"v1": 0.1})
    assert STAGE.step(state, [change(champion="v1"), requests(0)], 10) == []
    assert state.config_.scorer.asked == []


def test_restored_serving_answers_alike(serving):
    state = serving({"v1": 0.1, "v2": NAN})
    table = change(champion="v1", canary="v2", canary_share=0.5)
    STAGE.step(state, [table, requests()], 10)
    again = decode(encode(state))
    again.config_ = state.config_
    results = [STAGE.step(s, [requests(50)], 20) for s in (state, again)]
    assert encode(results[0]) == encode(results[1])


def test_the_champion_answers_explored_units_and_every_row_has_its_probability(serving):
    state = serving({"v1": 0.1, "v2": 0.2})
    table = change(champion="v1", canary="v2", canary_share=0.25, explore_share=0.4)

    (made,) = STAGE.step(state, [table, requests(400)], 10)

    chances = {"champion": 0.75 * 0.6, "canary": 0.25, "explore": 0.75 * 0.4}
    assert {"champion", "canary", "explore"} == set(roles(made))
    assert made.propensities == pytest.approx([chances[role] for role in roles(made)])
    explored = made.roles == ROLES.index("explore")
    assert set(made.answered[explored].tolist()) == {made.versions.index("v1")}


def test_without_a_share_no_probabilities_are_written(serving):
    state = serving({"v1": 0.1, "v2": 0.2})
    (made,) = STAGE.step(state, [change(champion="v1", shadows=("v2",)), requests()], 10)
    assert made.propensities is None


def test_a_row_that_fell_back_has_the_probability_of_all_ways_that_led_there(serving):
    state = serving({"v1": 0.1, "v2": NAN, "v0": NAN})
    table = change(champion="v1", canary="v2", canary_share=0.5, holdback="v0", holdback_share=0.2)

    made, *_ = STAGE.step(state, [table, requests(200)], 10)

    fell = made.roles == ROLES.index("fallback")
    assert set(roles(made)) == {"champion", "fallback"}
    assert made.propensities[fell] == pytest.approx(0.2 + 0.8 * 0.5)
    assert made.propensities[~fell] == pytest.approx(0.8 * 0.5)
    assert np.mean(fell) == pytest.approx(0.6, abs=0.12)
