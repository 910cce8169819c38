"""The benchmark of monitoring, small: contenders measure the same, goals are judged by what ran."""

from __future__ import annotations

import pytest

import monitoring
from monitoring import CONTENDERS, OURS, Contender, Row, goals
from profiles import by_numpy, by_scipy, made, ours
from profiles.made import Sizes
from servers.environments import Environments


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("profiles")
    made.make(found, Sizes(2_000, 3_000))
    return found


def test_distances_are_those_of_the_values(folder):
    mine, counted, exact = (
        ours.whole(folder, "1")(),
        by_numpy.task(folder, 1)(),
        by_scipy.task(folder, 1)(),
    )

    assert mine.rows == counted.rows == exact.rows == 3_000
    assert mine.there == counted.there == 50
    assert mine.total == pytest.approx(exact.total, abs=0.01)
    assert counted.total == pytest.approx(exact.total, abs=0.01)


def test_four_workers_count_what_one_pass_counts(folder):
    assert ours.merge(folder)().there == 5


def test_an_hour_counts_an_hours_rows(folder):
    assert ours.hour(folder)().rows == 3_000 // 24


def test_a_contender_runs_in_a_process_of_its_own(folder):
    (row,) = monitoring.measure([CONTENDERS[0]], folder, Environments(folder))

    assert (row.rows, row.there, row.failed) == (3_000, 50, "")
    assert row.processor > 0
    assert "ours" in monitoring.line(row)


def test_a_contender_that_fails_is_told_with_its_last_words(folder):
    unknown = Contender(OURS, "nothing", "ours", "ostinato")

    (row,) = monitoring.measure([unknown], folder, Environments(folder))

    assert "KeyError: 'nothing'" in row.failed
    assert row.failed in monitoring.line(row)


def made_row(name, task="1", processor=1.0, **kwargs):
    fields = {"rows": 10**6, "there": 50, "total": 0.1, "peak_mib": 800.0, "before_mib": 700.0}
    return Row(name, task, "1", processor=processor, **(fields | kwargs))


def test_goals_are_judged_by_what_ran():
    rows = [
        made_row(OURS, processor=0.6),
        made_row(OURS, "4", processor=2.4),
        made_row(OURS, "merge", there=4),
        made_row("numba", processor=0.4),
        made_row("evidently", processor=59.0),
        made_row("scipy", total=0.2),
    ]
    judged = {goal.what: goal.kept for goal in goals(rows, quick=False)}

    assert judged == {
        "merged counts that are those of one pass, of 5": False,
        "columns measured": True,
        "largest KS distance, difference to numba": True,
        "largest KS distance, difference to scipy": False,
        "times cheaper than evidently": False,
        "times the compiled pass": True,
        "memory beside the rows, of theirs": True,
        "times the cost for four times the rows": True,
    }
    assert len(goals(rows, quick=True)) == 4
    assert goals([Row(OURS, "1", "1", failed="stopped")], quick=True) == []
