import numpy as np
import pytest

from ostinato.features.asof.groups import group, number
from ostinato.features.asof.parallel import cut, run
from ostinato.features.prepare import Prepared


def prepared(keys, times, avail) -> Prepared:
    none = np.empty((len(keys), 0))
    return Prepared(
        keys=np.array(keys, dtype=np.uint64),
        times_ns=np.array(times, dtype=np.int64),
        avail_ns=np.array(avail, dtype=np.int64),
        values=none,
        hashes=none.astype(np.uint64),
        has=none.astype(np.bool_),
    )


@pytest.mark.parametrize("shift", [0, 20, 44])
def test_keys_are_numbered_in_order_of_appearance_even_if_their_low_bits_are_the_same(shift):
    keys = np.random.default_rng(1).integers(0, 3_000, 9_000).astype(np.uint64)
    there = keys % np.uint64(7) != 0

    _, numbers, count = number(keys << np.uint64(shift), there)

    expected: dict[int, int] = {}
    for key, held, found in zip(keys.tolist(), there.tolist(), numbers.tolist(), strict=True):
        assert found == (expected.setdefault(key, len(expected)) if held else -1)
    assert count == len(expected) > 2_000


@pytest.mark.parametrize("workers", [1, 3])
def test_rows_of_a_key_stand_together_in_order(workers):
    events = prepared([5, 7, 5, 9, 5, 7], [30, 10, 20, 1, 40, 12], [31, 32, 33, 34, 50, 60])
    hashes, there = np.array([7, 5, 7, 5], dtype=np.uint64), np.array([True, True, True, False])
    times = np.array([9, 3, 4, 1])

    made = group(events, hashes, there, times, np.argsort(times), workers)

    assert made.requests.tolist() == [1, 2, 0]  # key 5, then 7; the last has no key
    assert made.starts.tolist() == [0, 1, 3]
    assert made.times_ns.tolist() == [3, 4, 9]
    assert made.events.tolist() == [0, 2, 4, 1, 5]  # nobody asks for key 9
    assert made.folded.starts.tolist() == [0, 3, 5]
    assert made.folded.times.tolist() == [30, 20, 40, 10, 12]
    assert made.folded.avail.tolist() == [31, 33, 50, 32, 60]
    assert made.folded.by_time.tolist() == [1, 0, 2, 3, 4]


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("each", [[], [0], [3], [0, 0, 0], [1] * 100, [100, 1, 1, 1]])
def test_parts_cover_every_key_once(each, workers):
    work = np.cumsum([0, *each])

    parts = cut(work, workers)

    assert [key for first, end in parts for key in range(first, end)] == list(range(len(each)))


def test_parts_are_of_about_the_same_work():
    work = np.arange(1001)

    sizes = [end - first for first, end in cut(work, workers=2)]

    assert len(sizes) == 8
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_pass_raises_is_raised(workers):
    def fail() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        run([(list, ()), (fail, ())], workers)
