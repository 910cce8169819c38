import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.stats import DetectorBank, EDetector

COUNTS = ("n", "n_at_max", "crossed_at", "low_at_crossing", "change_point", "crossed", "warned")


@st.composite
def ticks(draw):
    """Some ticks of events of some streams, evenly or unevenly spread."""
    streams = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = rng.dirichlet(np.full(streams, draw(st.sampled_from([0.1, 1.0, 100.0]))))
    sizes = draw(st.lists(st.integers(0, 500), min_size=1, max_size=4))
    rate = draw(st.sampled_from([0.0, 0.1, 0.2, 0.5]))
    return streams, [
        (
            rng.choice(streams, size, p=weights),
            (rng.random(size) < rate) * rng.choice([1.0, 0.7], size),
            rng.uniform(0.05, 0.1, size),
        )
        for size in sizes
    ]


@settings(max_examples=60, deadline=None)
@given(ticks(), st.sampled_from([20.0, 1e4, 1e9]))
def test_a_bank_equals_its_detectors_run_stream_by_stream(given_ticks, arl):
    streams, batches = given_ticks
    means = np.linspace(0.05, 0.3, streams)
    tops = np.maximum(means, 0.1)
    bank = DetectorBank.begin(means, arl=arl, m_max=tops)
    each = [EDetector.begin(m, arl=arl, m_max=t) for m, t in zip(means, tops, strict=True)]

    for codes, losses, allowed in batches:
        bank.update(codes, losses, allowed)
        for stream, detector in enumerate(each):
            detector.update(losses[codes == stream], allowed[codes == stream])
        if bank.crossed.all():
            bank.reset(bank.crossed)
            for detector in each:
                detector.reset()

    for name in ("log_e", "log_e_max", "log_sr", "log_cu"):
        found = np.array([getattr(detector, name) for detector in each])
        assert getattr(bank, name) == pytest.approx(found, rel=1e-8, abs=1e-9), name
    for name in COUNTS:
        found = np.array([getattr(detector, name) for detector in each])
        assert np.array_equal(getattr(bank, name), found), name
