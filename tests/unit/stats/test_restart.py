import copy
import dataclasses
import json

import numpy as np
import pytest

from ostinato.stats import (
    BettingMean,
    BettingTest,
    BinarySums,
    ConditionalBinomial,
    CusumChart,
    DetectorBank,
    DualEProcess,
    EDetector,
    ELond,
    EwmaChart,
    MulticlassSums,
    QuantileComparison,
    RegressionSums,
    SampleRatio,
    SeasonalBaseline,
    ShewhartChart,
    TwoArms,
    WeakNullEProcess,
)

N = 700
RNG = np.random.default_rng(1)
LOSSES = (RNG.random(N) < 0.15).astype(float)
CODES = RNG.integers(-1, 4, (N, 2))
CLASSES = RNG.dirichlet(np.ones(3), N)
ALLOWED = np.full(N, 0.1)

STATES = {
    "edetector": (EDetector.begin(0.1), lambda s, i: s.update(LOSSES[i], ALLOWED[i])),
    "dual": (
        DualEProcess.begin(margin=0.01, second_moment=0.1, cap=5000),
        lambda s, i: s.update(LOSSES[i] - 0.15),
    ),
    "weak_null": (
        WeakNullEProcess.begin(margin=0.01, second_moment=0.1, cap=5000),
        lambda s, i: s.update(LOSSES[i] - 0.15),
    ),
    "sample_ratio": (
        SampleRatio.begin((0.8, 0.2)),
        lambda s, i: s.update(LOSSES[i].astype(int)),
    ),
    "conditional": (
        ConditionalBinomial.begin(),
        lambda s, i: s.update(LOSSES[i], 1.0 - LOSSES[i], ALLOWED[i]),
    ),
    "quantiles": (
        QuantileComparison.begin(level=0.5),
        lambda s, i: s.update(LOSSES[i], 1.0 + LOSSES[i]),
    ),
    "betting_test": (
        BettingTest.begin(mean=0.1, streams=2),
        lambda s, i: s.update(np.column_stack([LOSSES[i], ALLOWED[i]])),
    ),
    "betting_mean": (BettingMean.begin(), lambda s, i: s.update(LOSSES[i])),
    "bank": (
        DetectorBank.begin(np.array([0.1, 0.2])),
        lambda s, i: s.update(LOSSES[i].astype(int), LOSSES[i], ALLOWED[i]),
    ),
    "e_lond": (
        ELond.begin(alpha=0.1),
        lambda s, i: [s.test(50.0 * loss) for loss in LOSSES[i].tolist()],
    ),
    "arms": (TwoArms.begin(margin=0.01, cap=5000), lambda s, i: s.update(LOSSES[i], LOSSES[i])),
    "shewhart": (ShewhartChart.begin(0.1, 0.3, batch=30), lambda s, i: s.update(LOSSES[i])),
    "ewma": (EwmaChart.begin(0.1, 0.3), lambda s, i: s.update(LOSSES[i])),
    "cusum": (CusumChart.begin(0.1, 0.3), lambda s, i: s.update(LOSSES[i])),
    "binary": (BinarySums.zeros(4), lambda s, i: s.add(CODES[i], LOSSES[i], ALLOWED[i])),
    "multiclass": (
        MulticlassSums.zeros(4, 3),
        lambda s, i: s.add(CODES[i], LOSSES[i], CLASSES[i]),
    ),
    "regression": (RegressionSums.zeros(4), lambda s, i: s.add(CODES[i], LOSSES[i], ALLOWED[i])),
    "seasonal": (
        SeasonalBaseline.fit(LOSSES, np.arange(N) % 5, 5),
        lambda s, i: s.at(np.zeros(1, dtype=int)),
    ),
}
each_state = pytest.mark.parametrize("name", sorted(STATES))
PROCESSES = [name for name in sorted(STATES) if hasattr(STATES[name][0], "registered")]


def rebuilt(state):
    """Copy a state as the snapshotter does: field by field, nested states included."""
    fields = {}
    for field in dataclasses.fields(state):
        value = getattr(state, field.name)
        if dataclasses.is_dataclass(value):
            fields[field.name] = rebuilt(value)
        else:
            assert isinstance(value, float | int | bool | str | np.ndarray | type(None))
            fields[field.name] = copy.deepcopy(value)
    return type(state)(**fields)


def same(one, other):
    for field in dataclasses.fields(one):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if dataclasses.is_dataclass(left):
            same(left, right)
        else:
            assert np.array_equal(left, right), field.name
            assert type(left) is type(right), field.name


@each_state
def test_a_state_rebuilt_from_its_fields_goes_on_with_the_same_bits(name):
    start, update = STATES[name]
    state = rebuilt(start)
    update(state, slice(0, 333))

    again = rebuilt(state)
    for step in (slice(333, 340), slice(340, N)):
        update(state, step)
        update(again, step)

    same(state, again)


@each_state
def test_a_state_holds_no_more_after_a_long_stream(name):
    start, update = STATES[name]
    state = rebuilt(start)
    sizes = {f.name: np.size(getattr(state, f.name)) for f in dataclasses.fields(state)}

    for _ in range(5):
        update(state, slice(0, N))

    assert sizes == {f.name: np.size(getattr(state, f.name)) for f in dataclasses.fields(state)}


@each_state
def test_a_state_is_finite_so_that_it_can_be_written_anywhere(name):
    start, update = STATES[name]
    state = rebuilt(start)
    update(state, slice(0, N))

    for kept in (start, state):
        for field in dataclasses.fields(kept):
            value = getattr(kept, field.name)
            if isinstance(value, float | np.ndarray):
                assert np.isfinite(value).all(), field.name


@pytest.mark.parametrize("name", PROCESSES)
def test_what_a_process_registers_is_fixed_before_its_first_event(name):
    start, update = STATES[name]
    state = rebuilt(start)
    before = json.dumps(state.registered())

    update(state, slice(0, N))

    assert json.dumps(state.registered()) == before
    assert "method" in state.registered()
    for key, value in state.registered().items():
        assert isinstance(value, float | int | str | list), key


def test_every_sequential_process_registers():
    assert set(STATES) - set(PROCESSES) == {"binary", "multiclass", "regression", "seasonal"}
