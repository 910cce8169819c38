import numpy as np
import pytest

from ostinato.core.snapshot import decode, encode
from ostinato.stats.kll import QuantileSketch
from ostinato.stats.value_distances import kolmogorov_smirnov, wasserstein

pytest.importorskip("datasketches")


def sketch_of(values, *, k=200, pieces=1):
    sketch = QuantileSketch.begin(k=k)
    for part in np.array_split(values, pieces):
        sketch.update(part)
    return sketch


def true_ranks(values, points):
    return np.searchsorted(np.sort(values), points, side="right") / values.size


@pytest.mark.parametrize("pieces", [1, 40])
def test_ranks_are_within_the_error_in_five_kilobytes(pieces):
    values = np.random.default_rng(1).lognormal(size=200_000)
    sketch = sketch_of(values, pieces=pieces)
    points = np.quantile(values, np.linspace(0.01, 0.99, 50))

    off = np.abs(sketch.ranks(points) - true_ranks(values, points))

    # 1.33 % holds for one point with 99 % confidence; five times that is out of reach of chance.
    assert sketch.rank_error == pytest.approx(0.0133, abs=2e-4)
    assert np.median(off) < 0.0133
    assert off.max() < 0.066
    assert sketch.packed.nbytes < 5500
    assert sketch.n == values.size
    ranks = true_ranks(values, sketch.quantiles(np.array([0.1, 0.5, 0.9])))
    assert ranks == pytest.approx([0.1, 0.5, 0.9], abs=0.05)


def test_merged_sketches_tell_the_same_as_one_of_everything():
    rng = np.random.default_rng(2)
    values = rng.normal(1e9, 2.0, 60_000)
    hours = [sketch_of(part) for part in np.array_split(values, 24)]

    day = QuantileSketch.begin()
    for hour in hours:
        day = day.merged(hour)

    points = np.quantile(values, [0.05, 0.5, 0.95])
    assert day.ranks(points) == pytest.approx([0.05, 0.5, 0.95], abs=0.066)
    assert day.n == 60_000
    assert day.mean == pytest.approx(values.mean(), rel=1e-12)
    assert day.sd == pytest.approx(values.std(), rel=1e-6)


def test_a_small_sketch_keeps_every_value_and_equals_the_exact_distances():
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=150), rng.normal(0.5, size=120)
    one, other = sketch_of(first), sketch_of(second)

    ks = one.kolmogorov_smirnov(other)
    moved = one.wasserstein(other, rng=np.random.default_rng(0))

    exact = kolmogorov_smirnov(np.sort(first), np.sort(second))
    assert one.rank_error == 0.0
    assert ks.effect == pytest.approx(exact.effect, abs=1e-12)
    assert ks.p == pytest.approx(exact.p, rel=1e-9)
    expected = wasserstein(np.sort(first), np.sort(second), rng=np.random.default_rng(0))
    assert moved.effect == pytest.approx(expected.effect, rel=0.05)


def test_distances_of_sketches_are_within_two_rank_errors_of_the_exact_ones():
    rng = np.random.default_rng(4)
    first = rng.gamma(2.0, size=80_000)
    for shift in (0.0, 0.1, 0.5):
        second = rng.gamma(2.0, size=50_000) + shift
        one, other = sketch_of(first, k=400), sketch_of(second, k=400)
        exact = kolmogorov_smirnov(np.sort(first), np.sort(second))
        found = one.kolmogorov_smirnov(other)
        allowed = 2.0 * (one.rank_error + other.rank_error)
        assert abs(found.effect - exact.effect) <= allowed
        assert found.p >= 0.3 if shift == 0.0 else found.p < 1e-6
        moved = one.wasserstein(other, rng=rng, draws=99)
        assert moved.effect == pytest.approx(shift / first.std(), abs=0.05)


def test_unmoved_streams_are_not_flagged_for_the_error_of_their_sketches():
    rng = np.random.default_rng(5)
    flagged = 0
    for _ in range(40):
        pair = [sketch_of(rng.normal(size=100_000)) for _ in range(2)]
        flagged += pair[0].kolmogorov_smirnov(pair[1]).p < 0.05

    assert flagged <= 4


def test_a_sketch_comes_back_from_a_snapshot_as_it_was():
    sketch = sketch_of(np.random.default_rng(6).normal(size=30_000))

    again = decode(encode(sketch))

    assert again.packed.tobytes() == sketch.packed.tobytes()
    points = np.linspace(-2, 2, 9)
    assert again.ranks(points).tolist() == sketch.ranks(points).tolist()
    assert (again.n, again.mean, again.scatter) == (sketch.n, sketch.mean, sketch.scatter)


def test_values_that_have_no_rank_are_refused():
    empty = QuantileSketch.begin()
    with pytest.raises(ValueError, match="finite"):
        empty.update(np.array([1.0, np.nan]))
    with pytest.raises(ValueError, match="without values"):
        empty.quantiles(np.array([0.5]))
    with pytest.raises(ValueError, match="without values"):
        empty.ranks(np.array([0.5]))
    with pytest.raises(ValueError, match="k must be"):
        QuantileSketch.begin(k=5)
    empty.update(np.zeros(0))
    assert (empty.n, empty.sd) == (0, 0.0)
    assert empty.merged(empty).n == 0


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasketches", None)

    with pytest.raises(ValueError, match=r"ostinato\[sketches\]"):
        QuantileSketch.begin()
