from __future__ import annotations

import numpy as np
import pytest

from ostinato.core.records import LabelsUnusable, PredictionsMade
from ostinato.core.snapshot import decode, encode
from ostinato.core.watched import OutcomesArrived, OutcomesJoined
from ostinato.join import STAGE, JoinConfig

HOURS = 100
CONFIG = JoinConfig(
    horizon_ns=10,
    revise_ns=0,
    never="censored",
    classes=2,
    outcomes={"revenue": HOURS, "visits": 20},
)


def made(ids, times, *, units=None, versions=("v1",), answered=None):
    n = len(ids)
    return PredictionsMade(
        ts_event_ns=int(times[-1]),
        ts_record_ns=int(times[-1]),
        offset=0,
        ids=np.asarray(ids),
        times_ns=np.asarray(times, dtype=np.int64),
        unit_hashes=np.asarray(ids if units is None else units, dtype=np.uint64),
        groups=np.empty((n, 0), dtype=np.int32),
        versions=versions,
        answered=np.zeros(n, dtype=np.int16) if answered is None else np.asarray(answered),
        roles=np.zeros(n, dtype=np.int8),
        scores={version: np.full(n, 0.5) for version in versions},
        epoch=1,
    )


def told(ids, times, values, *, name="revenue", **changes):
    return OutcomesArrived(
        ts_event_ns=int(times[-1]),
        ts_record_ns=int(times[-1]),
        name=name,
        ids=np.asarray(ids),
        times_ns=np.asarray(times, dtype=np.int64),
        values=np.asarray(values, dtype=np.float64),
        **changes,
    )


def joined(records, name="revenue"):
    return [each for each in records if isinstance(each, OutcomesJoined) and each.name == name]


@pytest.fixture
def state():
    return STAGE.start(CONFIG)


def test_outcomes_of_a_prediction_add_up_and_are_given_out_when_no_more_can_come(state):
    STAGE.step(state, [made([1, 2, 3], [0, 5, 9], answered=[0, 1, 0], versions=("v1", "v2"))], 10)
    STAGE.step(state, [told([3, 1, 3], [20, 30, 40], [5.0, 1.0, 2.0])], 50)

    assert not joined(STAGE.step(state, [], 9 + HOURS))
    settled = joined(STAGE.step(state, [], 10 + HOURS))

    assert len(settled) == 1
    assert settled[0].values.tolist() == [1.0, 0.0, 7.0]
    assert settled[0].times_ns.tolist() == [0, 5, 9]
    assert [settled[0].versions[each] for each in settled[0].answered] == ["v1", "v2", "v1"]
    assert settled[0].settled_to_ns == 9
    assert not joined(STAGE.step(state, [], 10**6))


def test_outcomes_later_than_their_horizon_before_their_prediction_or_of_nobody_do_not_count(state):
    STAGE.step(state, [made([1, 2], [0, 50])], 60)
    out = STAGE.step(
        state, [told([9, 2, 1, 2, 1], [60, 60, 40, 40, 101], [1, 1, 4, 8, np.nan])], 110
    )
    more = STAGE.step(state, [told([1], [105], [3.0])], 120)
    settled = joined([*out, *more, *STAGE.step(state, [], 200)])

    assert np.concatenate([each.values for each in settled]).tolist() == [4.0, 1.0]
    reports = [each for each in (*out, *more) if isinstance(each, LabelsUnusable)]
    assert len(reports) == 1  # once; the rest is counted
    assert reports[0].evidence == {"ids": ["9", "2", "1"], "rows": 3}
    assert state.outcomes.left_out == {"revenue": 4}


def test_each_name_settles_by_its_own_horizon_and_unknown_names_are_left_alone(state):
    STAGE.step(state, [made([1], [0])], 1)
    STAGE.step(
        state, [told([1], [5], [2.0], name="visits"), told([1], [5], [9.0], name="other")], 6
    )

    early = STAGE.step(state, [], 25)
    late = STAGE.step(state, [told([1], [30], [4.0])], 30)

    assert joined(early, "visits")[0].values.tolist() == [2.0]
    assert not joined(early)
    assert joined([*late, *STAGE.step(state, [], 101)])[0].values.tolist() == [4.0]
    assert not state.outcomes.cohorts
    assert not state.outcomes.slots


def test_an_outcome_of_a_unit_belongs_to_its_newest_prediction_before_it(state):
    STAGE.step(state, [made([1, 2, 3], [0, 10, 20], units=[7, 8, 7])], 21)
    STAGE.step(state, [made([4], [40], units=[7])], 41)
    outcome = told(
        np.array([7, 7, 7, 8, 6], dtype=np.uint64),
        [15, 30, 45, 5, 50],
        [1.0, 2.0, 4.0, 8.0, 16.0],
        by_unit=True,
    )
    STAGE.step(state, [outcome], 60)

    settled = joined(STAGE.step(state, [], 500))

    assert np.concatenate([each.values for each in settled]).tolist() == [1.0, 0.0, 2.0, 4.0]
    assert state.outcomes.left_out == {"revenue": 2}  # before any prediction of 8; nobody is 6


def test_predictions_that_are_retried_are_settled_once(state):
    STAGE.step(state, [made([1, 1, 2], [0, 0, 1])], 2)
    STAGE.step(state, [made([2, 3], [1, 3])], 4)
    STAGE.step(state, [told([1, 2, 3], [5, 5, 5], [1.0, 2.0, 4.0])], 6)

    settled = joined(STAGE.step(state, [], 500))

    assert np.concatenate([each.values for each in settled]).tolist() == [1.0, 2.0, 4.0]


def test_state_is_bounded_by_the_horizon_and_survives_a_snapshot(state):
    sizes = []
    for tick in range(30):
        STAGE.step(state, [made(np.arange(5) + 5 * tick, np.full(5, tick * 50))], tick * 50 + 1)
        sizes.append(len(state.outcomes.slots))
        state = decode(encode(state))
        state.config_ = CONFIG

    assert max(sizes) <= 20
