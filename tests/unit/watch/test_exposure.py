from __future__ import annotations

import numpy as np
import pytest

from ostinato.core.records import ROLES, PredictionsMade
from ostinato.core.snapshot import decode, encode
from ostinato.watch.monitors.exposure import Exposure

FAST, SLOW = 100, 200
FILMS = ("film", 0, tuple(range(2, 12)))


def monitor(**changes):
    settings = {"task": "binary", "items": FILMS, "tolerance": 0.05}
    return Exposure(**{**settings, "slow_ns": SLOW, **changes})


def made(times, scores, *, items=None, explored=None):
    n = len(times)
    roles = np.zeros(n, dtype=np.int8)
    if explored is not None:
        roles[explored] = ROLES.index("explore")
    codes = np.zeros(n) if items is None else items
    return PredictionsMade(
        ts_event_ns=0,
        ts_record_ns=0,
        offset=0,
        ids=np.arange(n),
        times_ns=np.asarray(times, dtype=np.int64),
        unit_hashes=np.zeros(n, dtype=np.uint64),
        groups=(codes + 2).astype(np.int32)[:, None],
        versions=("v1",),
        answered=np.zeros(n, dtype=np.int16),
        roles=roles,
        scores={"v1": scores},
        epoch=1,
    )


def window(watch, state, start):
    found = {}
    for at in range(start, start + SLOW, FAST):
        readings = watch.read(state, at, at + FAST)
        found |= {each.stream.name: each for each in readings.found}
    return found, dict(readings.unmeasured), watch.describe(state, start, start + SLOW)


def test_a_recommender_that_feeds_its_own_popularity_concentrates(draw):
    """Each day films are shown by how often they were shown before."""
    watch, shown = monitor(), np.ones(10) / 10
    state, effective, verdicts = watch.begin(), [], []
    for turn in range(14):
        films = draw.choice(10, 2000, p=shown)
        watch.take(state, made(turn * SLOW + np.arange(2000) % SLOW, shown[films], items=films), 0)
        found, _, figures = window(watch, state, turn * SLOW)
        effective.append(found["feedback/film:exposures"].mean)
        verdicts.append(figures["feedback/film:exposures"]["verdict"])
        if turn >= 7:
            shown = shown ** (1.6 if turn > 7 else 1.0) * np.linspace(1, 2, 10)
            shown /= shown.sum()

    assert effective[0] == pytest.approx(10, rel=0.05)
    assert effective[-1] < 3
    assert verdicts[0] == "clear"
    assert verdicts[-1] == "loop"
    figures = figures["feedback/film:exposures"]
    assert figures["gini"] > 0.6
    assert "Explore" in figures["action"]
    assert found["feedback/film:answers"].mean < found["feedback/film:exposures"].mean


def test_exploration_that_stops_is_a_share_that_falls(draw):
    watch, shares = monitor(items=None), []
    state = watch.begin()
    for turn in range(3):
        explored = draw.random(1000) < 0.1 if turn < 2 else None
        watch.take(
            state, made(np.full(1000, turn * SLOW), np.full(1000, 0.3), explored=explored), 0
        )
        found, _, figures = window(watch, state, turn * SLOW)
        shares.append(found["feedback/requests:explored"].mean)

    assert min(shares[:2]) > 0.07
    assert shares[2] == 0.0
    assert figures["feedback/requests"]["explored"] == 0.0
    reading = found["feedback/requests:explored"]
    assert (reading.relative, reading.floor, reading.rising) == (True, 0.5, False)


def test_entropy_of_answers_is_told_where_they_are_used_and_where_chance_decides(draw):
    watch = monitor(items=None)
    state = watch.begin()
    scores = np.r_[np.full(100, 0.5), np.full(100, 0.999)]
    watch.take(state, made(np.zeros(200), scores, explored=np.arange(100)), 0)

    found, _, _ = window(watch, state, 0)

    assert found["feedback/answers:entropy @explored"].mean == pytest.approx(np.log(2))
    assert found["feedback/answers:entropy"].mean < 0.01


def test_classes_of_answers_concentrate_where_there_are_no_items(draw):
    watch = monitor(task="multiclass", items=None)
    state = watch.begin()
    watch.take(state, made(np.zeros(900), np.eye(3)[np.arange(900) % 3]), 0)

    found, _, _ = window(watch, state, 0)

    assert found["feedback/classes:answers"].mean == pytest.approx(3.0)


def test_few_requests_per_item_wait_and_say_so(draw):
    watch = monitor()
    state = watch.begin()
    watch.take(state, made(np.zeros(50), np.full(50, 0.5), items=np.arange(50) % 10), 0)
    found, unmeasured, _ = window(watch, state, 0)
    watch.take(state, made(np.full(60, SLOW), np.full(60, 0.5), items=np.arange(60) % 10), 0)
    later, _, _ = window(watch, state, SLOW)

    assert "feedback/film:exposures" not in found
    assert "50 came for 10 items" in unmeasured["feedback/film"]
    assert later["feedback/film:exposures"].mean == pytest.approx(10.0)


def test_answers_of_an_unknown_shape_and_scores_that_are_missing_do_no_harm(draw):
    watch = monitor(task="multiclass", items=None)
    state = watch.begin()
    watch.take(state, made(np.zeros(5), np.full(5, np.nan)), 0)
    other = monitor()
    told = other.begin()
    other.take(told, made(np.zeros(200), np.full(200, np.nan), items=np.arange(200) % 10), 0)

    assert window(watch, state, 0)[0] == {}
    found, unmeasured, _ = window(other, told, 0)
    assert "feedback/film:exposures" in found
    assert unmeasured == {"feedback/film:answers": "All scores are zero."}
    assert encode(decode(encode(told))) == encode(told)
    assert other.renew(told, "v2") is None
