from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from ostinato.core.errors import LearnerError
from ostinato.core.ids import hash_keys
from ostinato.core.records import (
    FALLBACK_VERSION,
    ROLES,
    PredictionsMade,
    RequestsAnswered,
    RequestsArrived,
    Routes,
    RoutesChanged,
)
from ostinato.core.snapshot import encode
from ostinato.serve import STAGE, ServeConfig

NAN = float("nan")


@dataclass
class Scores:
    """A scorer of one answer per version, whatever is asked; an exception is raised."""

    answers: dict

    def score(self, version, requests):
        answer = self.answers[version]
        if isinstance(answer, Exception):
            raise answer
        return np.asarray(answer, dtype=np.float64)[: len(requests)]


def serving(answers=None, fallback=None):
    return STAGE.start(ServeConfig(loop="demo", scorer=Scores(answers or {}), fallback=fallback))


def requests(count=4):
    return RequestsArrived(
        ts_event_ns=9,
        ts_record_ns=9,
        offset=0,
        ids=np.arange(count),
        times_ns=np.arange(count, dtype=np.int64),
        unit_hashes=hash_keys(np.arange(count)),
        groups=np.zeros((count, 1), dtype=np.int32),
    )


def change(**routes):
    return RoutesChanged(
        ts_event_ns=1, ts_record_ns=1, subject="v1", reason="", routes=Routes(**routes)
    )


def as_answered(made, faults=None):
    """Say what a stage made as a gateway would have told it."""
    columns = sorted({f.name for f in fields(PredictionsMade)} - {"seq", "ts_record_ns"})
    told = {name: getattr(made, name) for name in columns}
    return RequestsAnswered(ts_record_ns=9, faults=faults or {}, **told)


def answered(scores, *, faults=None, versions=None, epoch=3):
    count = 4
    return RequestsAnswered(
        ts_event_ns=9,
        ts_record_ns=9,
        offset=0,
        ids=np.arange(count),
        times_ns=np.arange(count, dtype=np.int64),
        unit_hashes=hash_keys(np.arange(count)),
        groups=np.zeros((count, 1), dtype=np.int32),
        versions=versions or tuple(scores),
        answered=np.zeros(count, dtype=np.int16),
        roles=np.zeros(count, dtype=np.int8),
        scores={
            version: np.asarray(values, dtype=np.float64) for version, values in scores.items()
        },
        epoch=epoch,
        faults=faults or {},
    )


TABLE = change(
    epoch=3, champion="v1", canary="v2", canary_share=0.5, holdback="v0", holdback_share=0.2
)


@pytest.mark.parametrize(
    "answers",
    [
        {"v0": [0.0] * 9, "v1": [0.1] * 9, "v2": [0.2] * 9},
        {"v0": [0.0] * 9, "v1": [NAN, 0.1] * 4 + [0.1], "v2": [0.2, np.inf, NAN] * 3},
        {"v0": [NAN] * 9, "v1": [NAN] * 9, "v2": [NAN] * 9},
        {"v0": [0.0] * 9, "v1": LearnerError("it raised"), "v2": [0.2] * 9},
        {name: [[0.1, 0.2, 0.7], [NAN, 0.5, 0.5]] * 4 for name in ("v0", "v1", "v2")},
    ],
)
@pytest.mark.parametrize("fallback", [None, (0.25,)])
def test_what_a_gateway_answered_is_written_down_as_if_it_had_been_scored_here(answers, fallback):
    if fallback is not None and np.ndim(answers["v0"]) == 2:
        fallback = (0.2, 0.3, 0.5)
    state = serving(answers, fallback)
    made, *faults = STAGE.step(state, [TABLE, requests(8)], 10)

    told = as_answered(made, {fault.subject: fault.reason for fault in faults})
    elsewhere = serving({}, fallback)
    again = STAGE.step(elsewhere, [TABLE, told], 10)

    assert encode(again) == encode([made, *faults])
    assert elsewhere.faulty == state.faulty
    assert elsewhere.classes == state.classes


def test_a_gateway_that_says_nothing_of_a_missing_score_is_told_by_the_score_itself():
    (_, fault) = STAGE.step(serving(), [answered({"v1": [0.1, NAN, 0.1, np.inf]})], 10)
    assert (fault.subject, fault.rows) == ("v1", 2)
    assert fault.reason == "The version answered NaN or an infinite number."


def test_a_fault_is_told_once_and_again_after_the_version_was_well():
    state = serving()
    bad, well = answered({"v1": [NAN] * 4}, faults={"v1": "it hung"}), answered({"v1": [0.1] * 4})
    kinds = [[r.kind for r in STAGE.step(state, [each], 10)] for each in (bad, bad, well, bad)]
    told = ["predictions_made", "serving_fault"]
    assert kinds == [told, told[:1], told[:1], told]
    assert state.faulty == {"v1": 4}


def test_a_version_that_only_stands_among_the_faults_lost_every_row():
    made, fault = STAGE.step(
        serving(), [answered({"v1": [0.1] * 4}, faults={"v2": "it could not be loaded"})], 10
    )
    assert made.versions == ("v1",)
    assert (fault.subject, fault.rows, fault.reason) == ("v2", 4, "it could not be loaded")


def test_a_version_without_scores_stands_beside_the_others_in_their_shape():
    scores = {"v1": [[0.1, 0.2, 0.7]] * 4}
    made, fault = STAGE.step(serving(), [answered(scores, versions=("v1", "v2"))], 10)
    assert made.scores["v2"].shape == (4, 3)
    assert np.isnan(made.scores["v2"]).all()
    assert (fault.subject, fault.rows) == ("v2", 4)


def test_answers_under_routes_that_are_not_known_here_are_still_what_was_served():
    state = serving()
    (made,) = STAGE.step(
        state, [change(champion="v1", epoch=1), answered({"v9": [0.4] * 4}, epoch=77)], 10
    )
    assert isinstance(made, PredictionsMade)
    assert (made.epoch, made.versions) == (77, ("v9",))
    assert state.routes.champion == "v1"


def test_answers_before_any_route_count_and_no_answers_do_not():
    empty = replace(answered({"v1": [0.1] * 4}), times_ns=np.empty(0, dtype=np.int64))
    assert STAGE.step(serving(), [empty], 10) == []
    assert len(STAGE.step(serving(), [answered({"v1": [0.1] * 4})], 10)) == 1


def test_the_loops_own_answer_stands_in_where_no_version_can_score():
    state = serving({"v1": [0.1, NAN, NAN, 0.1], "v2": [NAN, 0.2, NAN, 0.2]}, fallback=(0.25,))
    made, *_ = STAGE.step(state, [change(champion="v1", shadows=("v2",)), requests()], 10)
    assert [made.versions[index] for index in made.answered] == ["v1", "v2", FALLBACK_VERSION, "v1"]
    assert [ROLES[role] for role in made.roles] == ["champion", "fallback", "fallback", "champion"]
    assert made.answers().tolist() == [0.1, 0.2, 0.25, 0.1]


def test_the_loops_own_answer_is_no_version_where_it_is_not_needed():
    state = serving({"v1": [0.1, NAN, 0.1, 0.1], "v2": [0.2] * 4}, fallback=(0.25,))
    made, *_ = STAGE.step(state, [change(champion="v1", shadows=("v2",)), requests()], 10)
    assert made.versions == ("v1", "v2")


def test_the_loops_own_answer_has_its_classes_also_when_no_version_ever_answered():
    state = serving({"v1": LearnerError("it raised")}, fallback=(0.2, 0.3, 0.5))
    made, _ = STAGE.step(state, [change(champion="v1"), requests()], 10)
    assert made.answers().tolist() == [[0.2, 0.3, 0.5]] * 4


def test_whoever_falls_back_to_the_loops_own_answer_was_sure_to():
    state = serving({name: [NAN] * 4 for name in ("v0", "v1", "v2")}, fallback=(0.25,))
    made, *_ = STAGE.step(state, [TABLE, requests()], 10)
    assert made.propensities == pytest.approx(np.ones(4))


def test_the_loops_own_answer_is_never_a_faulty_version():
    scores = {"v1": [NAN] * 4, FALLBACK_VERSION: [0.25, NAN, 0.25, 0.25]}
    _, *faults = STAGE.step(serving(), [answered(scores)], 10)
    assert [fault.subject for fault in faults] == ["v1"]
