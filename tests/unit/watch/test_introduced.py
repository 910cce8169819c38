from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from ostinato.watch.reading import Level, Readings, Shares, Stream
from ostinato.watch.streams import StreamBook

SLOW = 100


@dataclass(frozen=True)
class Outputs:
    """Stands for a monitor; the book asks only for its name and family."""

    name: str = "outputs"
    family: str = "output"


def window(start, draw, *versions, chance=0.5):
    """Readings of some versions: the cells of 400 scores, and their mean loss."""
    found = []
    for version in versions:
        counts = draw.multinomial(400, [chance, 1.0 - chance]).astype(float)
        found.append(
            Shares(stream=Stream(family="output", subject="s", version=version), counts=counts)
        )
        level = Level(
            stream=Stream(family="output", subject="loss", version=version),
            rows=400.0,
            mean=chance + 0.01 * draw.normal(),
            deviation=0.2,
        )
        found.append(level)
    return Readings(from_ns=start, to_ns=start + SLOW, found=tuple(found))


def long_window(book, readings):
    """Take and close a window; what is told of it."""
    [*_] = book.take(Outputs(), readings, slow_ns=SLOW, now_ns=0)
    [told] = book.close(Outputs(), readings.to_ns, {}, slow_ns=SLOW, now_ns=0)
    return told


@pytest.fixture
def draw():
    return np.random.default_rng(2)


def test_a_stream_that_comes_with_a_reference_is_weighed_at_once(draw):
    book = StreamBook()
    book.renew([window(SLOW * i, draw, "") for i in range(10)], slow_ns=SLOW)
    reference = tuple(window(SLOW * i, draw, "v2") for i in range(10))
    first = window(1_000, draw, "", "v2", "v3")

    told = long_window(
        book, Readings(from_ns=1_000, to_ns=1_100, found=first.found, references=reference)
    )

    assert "output/s [v2]" in told.streams
    assert "output/loss [v2]" in told.streams
    assert sorted(told.unmeasured) == ["output/loss [v3]", "output/s [v3]"]  # they learn
    assert "output/s" in told.streams


def test_a_reference_does_not_close_those_that_are_being_learned(draw):
    book = StreamBook()
    book.renew([], slow_ns=SLOW)
    for start in range(0, 3 * SLOW, SLOW):
        told = long_window(book, window(start, draw, ""))
    reference = tuple(window(SLOW * i, draw, "v2") for i in range(10))
    now = window(1_000, draw, "", "v2")

    told = long_window(
        book, Readings(from_ns=1_000, to_ns=1_100, found=now.found, references=reference)
    )

    assert "learning" in told.unmeasured["output/s"]
    assert "output/s" not in told.streams
    assert "output/s [v2]" in told.streams


def test_a_reference_of_a_stream_that_has_one_changes_nothing(draw):
    book = StreamBook()
    book.renew([window(SLOW * i, draw, "") for i in range(10)], slow_ns=SLOW)
    before = long_window(book, window(1_000, draw, "")).reference
    other = tuple(window(SLOW * i, draw, "", chance=0.9) for i in range(10))
    now = window(1_100, draw, "")

    after = long_window(
        book, Readings(from_ns=1_100, to_ns=1_200, found=now.found, references=other)
    ).reference

    assert after.tolist() == before.tolist()
