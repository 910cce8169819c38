"""Labels and undo, timed against a service made by hand that answers as ours does."""

from __future__ import annotations

from servers import labels, undo


def test_every_collected_prediction_gets_its_true_label_once(found, service, world, monkeypatch):
    monkeypatch.setattr(labels, "BATCH", 50)

    seen = labels.measure(found, world, seconds=0.5)

    assert seen.labels == len(service.labels) >= 50
    assert seen.labels % 50 == 0
    assert seen.failed == 0
    assert set(service.labels.values()) == {0, 1}
    assert [check.passed for check in seen.checks()][1] is True


def test_undo_is_timed_to_the_last_answer_of_the_undone_version(found, service, world, monkeypatch):
    monkeypatch.setattr(undo, "LABELLED_SECONDS", 0.2)
    service.undo_takes_seconds = 0.2

    seen = undo.measure(found, world, times=1, seconds=1.0).each[0]

    # 200 ms on a quiet machine; not less on any.
    assert 190 <= seen.effect_ms < 1_000
    assert seen.failed == 0


def test_a_slow_undo_and_a_failed_request_break_the_rules():
    slow = undo.Undone(effect_ms=101.0, answered_ms=1.0, rate=1.0, p99_ms=1.0, failed=1)

    broken = [check.what for check in undo.Undos([slow]).checks() if check.passed is False]

    assert len(broken) == 2
