"""Learners and versions that raise, hang, eat memory, die or answer NaN."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.timeout(120)


def failure(whole, what):
    """Have it learn while the learner misbehaves; return why the training failed."""
    before = len(whole.decisions("training_failed"))
    whole.say("fit", what)
    whole.act("retrain")
    failed = whole.until(lambda: whole.decisions("training_failed")[before:], why=what)
    return failed[0]["reason"]


def test_a_learner_that_misbehaves_costs_a_training_and_a_version_only_its_answers(make_whole):
    limits = {"train_timeout": 15, "train_memory_mb": 700, "predict_timeout_ms": 500}
    whole = make_whole(moody=True, **limits).start()
    first = whole.routes().champion

    assert "does not like Mondays" in failure(whole, "raise")
    assert "longer than 15 s" in failure(whole, "hang")
    assert "more than 700 MB" in failure(whole, "eat")
    whole.say("fit", "die once")
    whole.say("name", "bad")
    bad = whole.retrained()

    for what in ("raises", "nan", "hangs"):
        whole.say("predict", f"bad {what}")
        answer = whole.predict()
        assert (answer["version"], answer["role"]) == (first, "fallback"), what
    faults = whole.until(lambda: whole.decisions("serving_fault"))
    assert faults[0]["subject"] == bad
    assert "does not like Mondays" in faults[0]["reason"]
    whole.until(lambda: whole.status().metrics[f"rows lost by {bad}"] == 3)
    counted = f'ostinato_faults_total{{loop="whole",gateway="0",version="{bad}"}} 3'
    whole.until(lambda: counted in whole.get("/metrics").splitlines())
    assert whole.stop() == 0
