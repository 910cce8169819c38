"""Windows of shares and levels: e-values, references, spreads."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import betabinom, binom, norm

from ostinato.stats.window_levels import (
    LevelReference,
    fit_levels,
    level_interval,
    level_log_e_values,
)
from ostinato.stats.window_prior import Common
from ostinato.stats.window_runs import gathered, mixed
from ostinato.stats.window_shares import (
    fit_shares,
    share_interval,
    share_log_e_values,
    window_deviation,
)
from ostinato.stats.windows import Moments, believed, scatter, two_sided

ENDLESS = np.inf


def log_e(hits, rows, border, alike):
    """Of the rising side, per hit count; (hits, alternatives)."""
    hits = np.asarray(hits, dtype=np.float64)
    size = len(hits)
    return share_log_e_values(
        hits,
        np.full(size, float(rows)),
        np.tile([border, 1.0], (size, 1)),
        np.full(size, alike),
        np.ones((size, 2), dtype=np.bool_),
    )[:, 0]


def chances(rows, mean, alike):
    k = np.arange(rows + 1.0)
    if alike < 1e-9:
        return binom.logpmf(k, rows, mean)
    size = 1.0 / alike - 1.0
    return betabinom.logpmf(k, rows, mean * size, (1.0 - mean) * size)


@pytest.mark.parametrize("rows", [1, 20, 400])
@pytest.mark.parametrize("border", [0.001, 0.06, 0.5, 0.95])
@pytest.mark.parametrize("alike", [1e-8, 1e-3, 0.05, 0.4])
def test_an_e_value_of_a_share_is_at_most_one_in_expectation(rows, border, alike):
    found = log_e(np.arange(rows + 1), rows, border, alike)

    for mean in (border, 0.6 * border):
        for spread in (alike, 0.3 * alike, 0.0):
            expected = np.exp(chances(rows, mean, spread)[:, None] + found).sum(axis=0)
            # 1 exactly where the spread is the one that is known; a smaller one can cost 2 %.
            assert expected.max() <= (1.0 + 1e-6 if spread == alike else 1.02)


def test_an_e_value_of_a_share_is_one_in_expectation_at_the_border():
    # Where nothing is taken off for heavy tails (rows vary, windows hardly), nothing is lost.
    found = log_e(np.arange(201), 200, 0.1, 1e-8)

    expected = np.exp(chances(200, 0.1, 1e-8)[:, None] + found).sum(axis=0)

    assert expected == pytest.approx(1.0, abs=1e-3)


def test_evidence_rises_with_the_hits():
    found = log_e(np.arange(101), 100, 0.2, 0.01)

    assert (np.diff(found[20:], axis=0) >= 0.0).all()


@pytest.mark.parametrize("border", [1e-6, 0.01, 0.5, 1.0 - 1e-6])
@pytest.mark.parametrize("alike", [1e-8, 1e-4, 0.5])
@pytest.mark.parametrize("rows", [1.0, 1e7, 1e9])
def test_numbers_stay_finite(border, alike, rows):
    found = log_e([0.0, 0.5 * rows // 1, rows], rows, border, alike)

    assert np.isfinite(found).all()


def test_millions_of_rows_keep_their_digits():
    found = log_e(1e6 + np.arange(1000.0), 1e7, 0.1, 1e-8)

    steps = np.diff(found, axis=0)
    assert (steps > 0.0).all()
    assert np.abs(np.diff(steps, axis=0)).max() < 1e-5


def test_nothing_is_beyond_a_border_of_one():
    found = share_log_e_values(
        np.array([5.0]),
        np.array([5.0]),
        np.array([[1.0, 1.0]]),
        np.array([0.1]),
        np.ones((1, 2), dtype=np.bool_),
    )

    assert (found == -np.inf).all()


def levels(mean=0.0, row=1.0, between=0.01, floor=0.0):
    one = np.array([1.0])
    return LevelReference(
        mean * one, 0.0 * one, row * one, between * one, between * one, 20 * one, floor * one
    )


@pytest.mark.parametrize(("row", "between"), [(1.0, 0.0), (1.0, 0.1), (0.0, 0.2)])
def test_an_e_value_of_a_level_is_at_most_one_in_expectation(row, between):
    reference, rows = levels(row=row, between=between, floor=0.1), 25
    spread = math.sqrt(row / rows + between)

    def expected(mean, deviation):
        def part(x, alternative):
            e = level_log_e_values(
                np.array([float(rows)]),
                np.array([x]),
                np.array([deviation]),
                reference,
                reference.borders,
            )[0, 0, alternative]
            return math.exp(e + norm.logpdf(x, mean, spread))

        return [quad(part, mean - 9 * spread, mean + 16 * spread, args=(a,))[0] for a in range(3)]

    border = float(reference.borders[0, 0])

    assert max(expected(border, math.sqrt(row))) <= 1.0 + 1e-6
    assert max(expected(0.0, math.sqrt(row))) < 1.0
    assert max(expected(border, 3.0)) <= 1.0 + 1e-6


def test_both_sides_of_a_level_are_alike():
    reference = levels(mean=2.0)
    one = np.array([30.0])

    above = level_log_e_values(one, np.array([2.4]), one / 30, reference, reference.borders)
    below = level_log_e_values(one, np.array([1.6]), one / 30, reference, reference.borders)

    assert above[0, 0] == pytest.approx(below[0, 1])
    assert above[0, 1] == pytest.approx(below[0, 0])
    assert above[0, 0].max() > 0.0 > above[0, 1].max()


def test_windows_of_heavy_tails_are_believed_less_the_more_they_differ():
    log_ratio = np.full((3, 1), 50.0)

    found = believed(log_ratio, np.full(3, 10.0), np.array([0.0, 0.5, 1.0]))[:, 0]

    assert found[0] == pytest.approx(50.0, rel=1e-3)
    assert found[0] > found[1] > found[2] > 5.0


def test_evidence_gathers_as_shiryaev_and_roberts_have_it():
    draw = np.random.default_rng(3)
    log_values = draw.normal(0.0, 1.0, (40, 2, 3))
    slow = np.zeros((2, 3))
    fast = np.full((2, 3), -np.inf)
    for each in log_values:
        slow = (slow + 1.0) * np.exp(each)
        fast = gathered(fast, each)

    assert np.exp(fast) == pytest.approx(slow)


def test_a_false_alarm_takes_as_many_windows_as_its_level():
    draw, level, lengths = np.random.default_rng(1), 60.0, []
    steps = np.array([1.0, 2.5, 5.0])
    log_sr, age = np.full((400, 3), -np.inf), np.zeros(400)
    for _ in range(800):
        z = draw.normal(size=(400, 1))
        log_sr = gathered(log_sr, steps * z - 0.5 * steps**2)
        age += 1
        out = mixed(log_sr, np.arange(400), np.full(400, 3.0)) >= math.log(level)
        lengths += age[out].tolist()
        log_sr[out], age[out] = -np.inf, 0.0

    assert len(lengths) > 300
    # All windows over alarms: the average run length, censored ones counted in.
    assert 400 * 800 / len(lengths) > level


def test_the_evidence_of_a_stream_is_the_mean_of_all_its_alternatives():
    values = np.array([[[1.0, 2.0], [3.0, 0.0]], [[5.0, 1.0], [0.0, 0.0]], [[7.0, 0.0]] * 2])
    with np.errstate(divide="ignore"):
        logs = np.log(values)

    found = mixed(logs, np.array([0, 0, 2]), np.array([8.0, 4.0, 2.0]))

    assert np.exp(found) == pytest.approx([12.0 / 8.0, 0.0, 14.0 / 2.0])


def nothing(streams):
    return Common.nothing(streams)


def of_windows(counts, rows):
    """Moments of windows of one set in one stream each; counts (windows, streams)."""
    streams = counts.shape[1]
    moments, everyone = Moments.zeros(streams, streams), np.ones(streams, dtype=np.bool_)
    for window in counts:
        moments.add(
            np.arange(streams), np.full(streams, float(rows)), window.astype(float), everyone
        )
    return moments


def beta_binomial(draw, mean, alike, rows, shape):
    size = 1.0 / alike - 1.0
    return draw.binomial(rows, draw.beta(mean * size, (1.0 - mean) * size, shape))


@pytest.mark.parametrize("windows", [4, 8, 28])
@pytest.mark.parametrize("alike", [0.002, 0.02])
def test_the_upper_limit_of_the_spread_covers_it(windows, alike):
    draw, streams = np.random.default_rng(windows), 2000
    counts = beta_binomial(draw, 0.3, alike, 500, (windows, streams))

    found = fit_shares(
        of_windows(counts, 500),
        np.arange(streams),
        np.full(streams, 1e-4),
        np.full(streams, ENDLESS),
        nothing(streams),
    )

    # Of 90 %; shares are not normal, and a stream's own mean is estimated.
    assert 0.88 < (found.alike_high > alike).mean() < 0.93
    assert float(found.alike.mean()) == pytest.approx(alike, rel=0.15)


def test_the_limit_of_the_spread_falls_with_the_windows():
    draw = np.random.default_rng(2)
    limits = []
    for windows in (3, 8, 28, 200):
        counts = beta_binomial(draw, 0.3, 0.01, 500, (windows, 300))
        fitted = fit_shares(
            of_windows(counts, 500),
            np.arange(300),
            np.full(300, 1e-4),
            np.full(300, ENDLESS),
            nothing(300),
        )
        limits.append(float(np.median(fitted.alike_high)))

    assert limits == sorted(limits, reverse=True)
    assert limits[-1] < 0.0125


def test_with_fewer_than_three_windows_they_are_taken_to_vary_by_the_floor():
    counts = np.array([[100], [110]])

    found = fit_shares(
        of_windows(counts, 1000), np.array([0]), np.array([0.05]), np.array([ENDLESS]), nothing(1)
    )

    spread = window_deviation(np.array([0.155]), np.array([1e9]), found.alike_high)
    assert spread[0] == pytest.approx(0.05, rel=0.01)


def test_shares_of_none_and_all_rows_have_a_reference_too():
    counts = np.array([[0, 1000]] * 10)

    found = fit_shares(
        of_windows(counts, 1000),
        np.array([0, 1]),
        np.full(2, 0.01),
        np.full(2, ENDLESS),
        nothing(2),
    )

    assert found.mean.tolist() == [0.0, 1.0]
    assert (found.error > 0.0).all()
    assert found.borders[0, 0] == pytest.approx(0.01, abs=0.001)
    assert found.borders[0, 1] == 1.0
    assert found.borders[::-1, ::-1] == pytest.approx(found.borders)


@pytest.mark.parametrize("windows", [5, 20])
@pytest.mark.parametrize("alike", [1e-8, 0.01])
def test_intervals_cover_the_next_window(windows, alike):
    draw, streams, rows = np.random.default_rng(7), 3000, 300
    counts = beta_binomial(draw, 0.2, alike, rows, (windows + 1, streams))
    reference = fit_shares(
        of_windows(counts[:-1], rows),
        np.arange(streams),
        np.full(streams, 1e-4),
        np.full(streams, ENDLESS),
        nothing(streams),
    )

    low, high = share_interval(counts[-1] / rows, np.full(streams, float(rows)), reference)

    # The difference of a window of no change is 0 in expectation.
    assert 0.94 < ((low <= 0.0) & (high >= 0.0)).mean() < 0.997


def test_levels_are_learned_from_their_windows():
    draw, streams, windows, rows = np.random.default_rng(4), 1500, 12, 40
    means = 1e6 + draw.normal(0.0, 0.5, (windows, streams))
    moments, within = Moments.zeros(streams, streams), np.zeros(streams)
    owner, everyone = np.arange(streams), np.ones(streams, dtype=np.bool_)
    read = means + draw.normal(0.0, 2.0 / math.sqrt(rows), means.shape)
    for window in read[:-1]:
        moments.add(owner, np.full(streams, float(rows)), rows * (window - 1e6), everyone)
        within += rows * 4.0
    relative = np.zeros(streams, dtype=np.bool_)

    found = fit_levels(
        moments,
        within,
        np.full(streams, 1e6),
        np.full(streams, 1e-4),
        relative,
        np.full(streams, ENDLESS),
        nothing(streams),
    )
    low, high = level_interval(np.full(streams, 40.0), read[-1], np.full(streams, 2.0), found)

    assert found.mean == pytest.approx(np.full(streams, 1e6), abs=1.0)
    assert float(found.between.mean()) == pytest.approx(0.25, rel=0.1)
    assert 0.87 < (found.between_high > 0.25).mean() < 0.93
    assert 0.94 < ((low <= 0.0) & (high >= 0.0)).mean() < 0.98


def test_a_relative_floor_is_a_share_of_the_reference():
    moments, within = Moments.zeros(2, 2), np.array([100.0, 100.0])
    everyone = np.ones(2, dtype=np.bool_)
    for _ in range(5):
        moments.add(np.arange(2), np.full(2, 20.0), np.array([200.0, -200.0]), everyone)

    found = fit_levels(
        moments,
        within,
        np.zeros(2),
        np.array([0.1, 0.1]),
        np.array([True, False]),
        np.full(2, ENDLESS),
        nothing(2),
    )

    assert found.floor.tolist() == pytest.approx([1.0, 0.1])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=2),
        min_size=1,
        max_size=8,
    )
)
def test_moments_are_those_of_the_windows(windows):
    moments, everyone = Moments.zeros(2, 2), np.ones(2, dtype=np.bool_)
    for window in windows:
        rows = np.array([float(a + b) for a, b in window])
        moments.add(np.arange(2), rows, np.array([float(a) for a, _ in window]), everyone)

    for stream in range(2):
        seen = [w[stream] for w in windows if sum(w[stream])]
        rows = np.array([a + b for a, b in seen], dtype=float)
        shares = np.array([a / (a + b) for a, b in seen])
        assert moments.windows[stream] == len(seen)
        assert moments.rows[stream] == rows.sum()
        if seen:
            mean = (rows * shares).sum() / rows.sum()
            apart = scatter(moments.sums, moments.squares, np.maximum(moments.rows, 1.0))[stream]
            assert apart == pytest.approx((rows * (shares - mean) ** 2).sum(), abs=1e-9)


def test_quantiles_widen_where_the_error_was_estimated_from_few_windows():
    assert two_sided(np.array([0.0, 7.0, 1000.0])) == pytest.approx([1.96, 2.365, 1.962], abs=1e-3)
