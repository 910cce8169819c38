"""The benchmark of served features, small: everything is measured, features cost something."""

from __future__ import annotations

import asyncio

import features_serving


def test_the_quick_run_measures_every_loop_and_way_to_post(tmp_path):
    costs, rates = asyncio.run(features_serving.measure(tmp_path, quick=True))

    assert [cost.loop for cost in costs] == ["plain", "windowed", "shared", "rows", "own"]
    assert [cost.features for cost in costs] == [0, 20, 20, 22, 23]
    assert all(cost.request_us > 0 for cost in costs)
    assert [cost.serve_us > 0 for cost in costs] == [False, True, True, True, True]
    assert [rate.posted for rate in rates] == [
        "one by one",
        "1,000 at once",
        "1,000 at once with ids",
    ]
