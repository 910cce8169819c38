import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ostinato.stats import METRICS, BinarySums, DualEProcess, EDetector

unit = st.floats(0.0, 1.0, allow_subnormal=False)


@st.composite
def streams(draw):
    n = draw(st.integers(1, 400))
    losses = draw(hnp.arrays(float, n, elements=unit))
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=6)))
    return losses, cuts


@settings(max_examples=60, deadline=None)
@given(streams(), st.floats(0.01, 0.9), st.integers(0, 2**32 - 1))
def test_the_e_detector_equals_its_recursion_for_any_batches(stream, m0, seed):
    losses, cuts = stream
    allowed = m0 * np.random.default_rng(seed).uniform(0.5, 1.0, losses.size)
    detector = EDetector.begin(m0, arl=1e4, m_max=m0)

    for cut in np.split(np.arange(losses.size), cuts):
        detector.update(losses[cut], allowed[cut])

    a = np.full(detector.bets.size, -np.inf)
    path = []
    for loss, m in zip(losses, allowed, strict=True):
        a = np.logaddexp(0.0, a) + np.log1p(detector.bets * (loss - m))
        path.append(np.logaddexp.reduce(a) - np.log(a.size))
    assert detector.log_e == pytest.approx(path[-1], rel=1e-9, abs=1e-9)
    assert detector.log_e_max == pytest.approx(max(0.0, *path), rel=1e-9, abs=1e-9)
    # A value within rounding of the threshold may fall on either side.
    if detector.crossed:
        assert path[detector.crossed_at - 1] >= np.log(1e4) - 1e-9
        assert all(e < np.log(1e4) + 1e-9 for e in path[: detector.crossed_at - 1])
    else:
        assert max(path) < np.log(1e4) + 1e-9
    assert 0 <= detector.change_point <= detector.n


@settings(max_examples=60, deadline=None)
@given(streams(), st.floats(0.001, 0.5), st.floats(0.001, 1.0))
def test_the_dual_process_does_not_depend_on_batch_borders(stream, margin, moment):
    losses, cuts = stream
    differences = 2.0 * losses - 1.0
    whole = DualEProcess.begin(margin=margin, second_moment=moment, cap=200)
    pieces = DualEProcess.begin(margin=margin, second_moment=moment, cap=200)

    whole.update(differences)
    for cut in np.split(np.arange(losses.size), cuts):
        pieces.update(differences[cut])

    assert pieces.log_e_promote == pytest.approx(whole.log_e_promote, rel=1e-9, abs=1e-9)
    assert pieces.log_e_abort == pytest.approx(whole.log_e_abort, rel=1e-9, abs=1e-9)
    assert (pieces.n, pieces.total) == (whole.n, pytest.approx(whole.total, abs=1e-9))


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(float, st.integers(2, 200), elements=unit),
    st.integers(0, 2**32 - 1),
    st.floats(0, 1),
)
def test_the_approximate_auc_is_always_within_its_bound(scores, seed, share):
    labels = (np.random.default_rng(seed).random(scores.size) < share).astype(float)
    sums = BinarySums.zeros(1)

    sums.add(np.zeros(scores.size, dtype=int), labels, scores)

    exact = METRICS["roc_auc"].value(labels, scores)
    found = sums.metrics(0)["roc_auc"]
    if np.isnan(exact):
        assert np.isnan(found)
    else:
        assert abs(found - exact) <= sums.auc_error_bound(0) + 1e-12
