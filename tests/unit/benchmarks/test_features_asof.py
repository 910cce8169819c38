"""The benchmark of features over history, small: contenders find the same, what fails is told."""

from __future__ import annotations

import math

import pytest

import features_asof
from features_asof import CONTENDERS, OURS, Contender, Row
from histories import by_pandas, by_polars, made, ours
from histories.made import Sizes
from servers.environments import Environments

SMALL = Sizes(2_000, 300, 1_000, 200, 500, 100)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("histories")
    made.make(found, SMALL)
    return found


def test_hand_written_joins_find_what_ours_finds(folder):
    mine, polars, pandas = (f(folder)() for f in (ours.of_join, by_polars.join, by_pandas.join))

    assert mine[:2] == polars[:2] == pandas[:2]
    assert mine.rows == SMALL.labels
    assert mine.total == pytest.approx(polars.total) == pytest.approx(pandas.total)


def test_hand_written_means_find_what_ours_finds(folder):
    mine, polars = ours.of_means(folder)(), by_polars.means(folder)()

    assert mine[:2] == polars[:2]
    assert mine.there > SMALL.requests
    assert mine.total == pytest.approx(polars.total)


def test_twenty_features_are_asked_of_every_request(folder):
    assert len(ours.twenty().windowed) == len(ours.means().windowed) == 20
    assert ours.of_twenty(folder)().rows == SMALL.requests


def test_a_contender_runs_in_a_process_of_its_own(folder):
    contender = next(each for each in CONTENDERS if each.name == "pandas merge_asof")

    (row,) = features_asof.measure([contender], folder, Environments(folder), 60.0)

    assert (row.rows, row.failed) == (SMALL.labels, "")
    assert row.seconds > 0
    assert row.peak_mib >= row.before_mib > 0


def test_a_contender_that_fails_is_told_with_its_last_words(folder):
    unknown = Contender("join", "nobody", "by_pandas", "nothing", "pandas")

    (row,) = features_asof.measure([unknown], folder, Environments(folder), 60.0)

    assert "KeyError: 'nothing'" in row.failed
    assert row.failed in features_asof.line(row)


def test_a_contender_that_takes_too_long_is_stopped(folder):
    (row,) = features_asof.measure([CONTENDERS[0]], folder, Environments(folder), 0.0)

    assert row.failed == "stopped after 0 s of the processor"


def test_ours_must_keep_the_goal_and_be_confirmed():
    mine = Row("twenty", OURS, "1", seconds=59.0)
    peer = Row("join", "Polars", "1", agrees=True)

    assert features_asof.kept([mine, peer], quick=False)
    assert not features_asof.kept([Row("twenty", OURS, "1", seconds=61.0)], quick=False)
    assert not features_asof.kept([mine, Row("join", "Polars", "1")], quick=False)
    assert not features_asof.kept([Row("twenty", OURS, "1", failed="stopped")], quick=True)


def test_another_sum_or_number_of_values_does_not_agree():
    mine = Row("join", OURS, "1", 1.0, 1.0, rows=5, there=4, total=10.0)
    peer = Row("join", "Polars", "1", 3.0, 2.0, rows=5, there=4, total=10.000001)
    lossy = Row("join", "Polars", "1", 3.0, 2.0, rows=5, there=3, total=10.0)

    found = features_asof._compared(peer, mine)

    assert (found.agrees, found.times_seconds, found.times_processor) == (True, 3.0, 2.0)
    assert not features_asof._compared(lossy, mine).agrees
    assert math.isnan(features_asof._compared(peer, None).times_seconds)
