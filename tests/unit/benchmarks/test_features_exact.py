"""The benchmark of exactness, small: no value differs, and a difference would be seen."""

from __future__ import annotations

from pathlib import Path

import polars as pl

import features_exact


def test_features_served_are_those_of_history(monkeypatch):
    monkeypatch.setattr(features_exact, "RETAIL", Path("nowhere"))

    found = features_exact.compare(features_exact.retail(1_500))

    assert found.differing == 0
    assert found.compared == found.rows * found.features > 40_000
    assert found.missing < found.compared / 2


def test_a_value_that_differs_in_its_last_bit_is_seen(monkeypatch):
    monkeypatch.setattr(features_exact, "RETAIL", Path("nowhere"))
    monkeypatch.setattr(features_exact, "serve", _a_bit_off(features_exact.serve))

    assert features_exact.compare(features_exact.retail(300)).differing == 1


def _a_bit_off(serve):
    def served(world):
        table = serve(world)
        name = next(c for c in table.columns if (table[c][-1] or 0) != 0)
        values = table[name].to_list()
        values[-1] *= 1 + 2**-52
        return table.with_columns(pl.Series(name, values))

    return served
