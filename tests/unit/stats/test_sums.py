import numpy as np
import pytest

from ostinato.stats import METRICS, BinarySums, MulticlassSums, RegressionSums

GROUPS = 5
EXACT = (
    "log_loss",
    "brier",
    "accuracy",
    "error_rate",
    "precision",
    "recall",
    "f1",
    "calibration_error",
)


def binary_rows(n=3000, seed=1):
    rng = np.random.default_rng(seed)
    scores = rng.beta(0.6, 2.0, n)
    scores[:3] = [0.0, 0.5, 1.0]
    labels = (rng.random(n) < scores).astype(float)
    return rng.integers(-1, GROUPS, (n, 3)), labels, scores


def multiclass_rows(n=2000, seed=2):
    rng = np.random.default_rng(seed)
    return (
        rng.integers(-1, GROUPS, (n, 3)),
        rng.integers(0, 4, n).astype(float),
        rng.dirichlet(np.ones(4), n),
    )


def regression_rows(n=2000, seed=3):
    rng = np.random.default_rng(seed)
    labels = np.round(rng.normal(2.0, 3.0, n), 1)
    return rng.integers(-1, GROUPS, (n, 3)), labels, labels + rng.normal(0, 1, n)


def of_group(group, codes, labels, scores):
    # A row counts once for each division in which it belongs to the group.
    rows = np.repeat(np.arange(labels.size), (codes == group).sum(axis=1))
    return labels[rows], scores[rows]


CASES = [
    (BinarySums.zeros, binary_rows, EXACT),
    (lambda g: MulticlassSums.zeros(g, 4), multiclass_rows, EXACT),
    (RegressionSums.zeros, regression_rows, ("mae", "rmse", "mse", "mape", "r2")),
]


@pytest.mark.parametrize(("zeros", "make", "names"), CASES)
def test_metrics_of_each_group_equal_those_of_its_rows(zeros, make, names):
    codes, labels, scores = make()
    sums = zeros(GROUPS)

    sums.add(codes, labels, scores)

    for group in range(GROUPS):
        rows = of_group(group, codes, labels, scores)
        found = sums.metrics(group)
        assert found["n"] == rows[0].size
        for name in names:
            assert found[name] == pytest.approx(METRICS[name].value(*rows), rel=1e-9), name


@pytest.mark.parametrize(("zeros", "make", "names"), CASES)
def test_the_table_holds_the_metrics_of_every_group(zeros, make, names):
    sums = zeros(GROUPS)
    sums.add(*make())

    table = sums.table()

    for group in range(GROUPS):
        assert sums.metrics(group) == {name: column[group] for name, column in table.items()}
    assert set(names) < set(table)


@pytest.mark.parametrize(("zeros", "make", "names"), CASES)
def test_other_batch_borders_give_the_same_bits(zeros, make, names):
    codes, labels, scores = make(300)
    whole, pieces = zeros(GROUPS), zeros(GROUPS)

    whole.add(codes, labels, scores)
    for cut in np.split(np.arange(300), [1, 2, 50, 51, 200]):
        pieces.add(codes[cut], labels[cut], scores[cut])

    for group in range(GROUPS):
        assert whole.metrics(group) == pieces.metrics(group)


@pytest.mark.parametrize(("zeros", "make", "names"), CASES)
def test_merging_equals_adding_all_rows_and_grows(zeros, make, names):
    codes, labels, scores = make()
    whole, left, right = zeros(GROUPS), zeros(1), zeros(GROUPS)

    whole.add(codes, labels, scores)
    left.add(np.where(codes[:500] == 0, 0, -1), labels[:500], scores[:500])
    right.add(np.where(codes[:500] == 0, -1, codes[:500]), labels[:500], scores[:500])
    right.add(codes[500:], labels[500:], scores[500:])
    left.merge(right)

    assert left.groups == GROUPS
    for name, column in whole.table().items():
        assert left.table()[name] == pytest.approx(column, rel=1e-9), name


@pytest.mark.parametrize(("zeros", "make", "names"), CASES)
def test_a_revised_row_leaves_no_trace(zeros, make, names):
    codes, labels, scores = make(500)
    wrong = labels.copy()
    wrong[:40] = np.roll(labels[:40], 7)
    revised, clean = zeros(GROUPS), zeros(GROUPS)

    revised.add(codes, wrong, scores)
    revised.add(codes[:40], wrong[:40], scores[:40], np.full(40, -1.0))
    revised.add(codes[:40], labels[:40], scores[:40])
    clean.add(codes, labels, scores)

    for name, column in clean.table().items():
        assert revised.table()[name] == pytest.approx(column, rel=1e-9), name
    assert (revised.table()["n"] == clean.table()["n"]).all()


def test_counts_cancel_exactly_when_all_rows_are_taken_back():
    codes, labels, scores = binary_rows()
    sums = BinarySums.zeros(GROUPS)

    sums.add(codes, labels, scores)
    sums.add(codes, labels, scores, np.full(labels.size, -1.0))

    assert not sums.histogram.any()
    assert np.abs(sums.log_loss).max() < 1e-9
    assert np.isnan(sums.metrics(0)["accuracy"])


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("shape", [(0.05, 2.0), (1.0, 1.0), (40.0, 60.0), (30.0, 1.0)])
def test_approximate_auc_is_within_its_bound(seed, shape):
    rng = np.random.default_rng(seed)
    scores = rng.beta(*shape, 2000)
    labels = (rng.random(2000) < 0.3 + 0.4 * scores).astype(float)
    sums = BinarySums.zeros(1)

    sums.add(np.zeros(2000, dtype=int), labels, scores)

    exact = METRICS["roc_auc"].value(labels, scores)
    bound = sums.auc_error_bound(0)
    assert abs(sums.metrics(0)["roc_auc"] - exact) <= bound + 1e-12
    assert 0.0 < bound < 0.5
    assert sums.metrics(0)["average_precision"] == pytest.approx(
        METRICS["average_precision"].value(labels, scores), abs=0.02
    )


def test_a_typical_auc_is_off_by_less_than_a_thousandth():
    _, labels, scores = binary_rows(20_000)
    sums = BinarySums.zeros(1)

    sums.add(np.zeros(20_000, dtype=int), labels, scores)

    assert sums.metrics(0)["roc_auc"] == pytest.approx(
        METRICS["roc_auc"].value(labels, scores), abs=1e-3
    )


def test_groups_without_rows_are_nan_and_growing_keeps_what_was_there():
    codes, labels, scores = binary_rows(100)
    sums = BinarySums.zeros(GROUPS)
    sums.add(codes, labels, scores)
    before = sums.metrics(2)

    sums.grow(50)

    assert sums.metrics(2) == before
    assert sums.metrics(49)["n"] == 0
    assert np.isnan(sums.metrics(49)["brier"])


def test_bad_input_is_refused_before_anything_is_added():
    sums = BinarySums.zeros(2)
    one = np.ones(1)

    with pytest.raises(ValueError, match="group code 2 was found in a summary of 2 groups"):
        sums.add(np.array([[2]]), one, one)
    with pytest.raises(ValueError, match="scores must lie in"):
        sums.add(np.array([[0]]), one, np.array([np.nan]))
    with pytest.raises(ValueError, match="must have 1 rows"):
        sums.add(np.array([[0], [1]]), one, one)
    with pytest.raises(ValueError, match="3 classes, the summary has 4"):
        MulticlassSums.zeros(1, 4).add(np.array([0]), one, np.full((1, 3), 1 / 3))
    with pytest.raises(ValueError, match="class indices"):
        MulticlassSums.zeros(1, 3).add(np.array([0]), one * 3, np.full((1, 3), 1 / 3))
    with pytest.raises(ValueError, match="finite"):
        RegressionSums.zeros(1).add(np.array([0]), one, one * np.inf)
    assert not sums.histogram.any()


def test_no_rows_change_nothing():
    sums = BinarySums.zeros(2)

    sums.add(np.zeros((0, 3), dtype=int), np.zeros(0), np.zeros(0))

    assert sums.metrics(0)["n"] == 0
