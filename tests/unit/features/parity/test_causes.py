"""The cause is named: on all rows and on a few, and not where there is none."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ostinato.features.parity import (
    Keyed,
    Late,
    Refreshed,
    Scan,
    Shifted,
    Stale,
    Subset,
    Version,
    find_cause,
)
from ostinato.features.parity.texts import TEXTS

MINUTE = 60_000_000_000
HOUR, DAY = 60 * MINUTE, 1440 * MINUTE
SCAN = Scan(versions=("v1",), keys=("partner",), parts=("shop 3",))


def found(shop, values, share, **kwargs):
    served = shop.served(values, share)
    return find_cause("spent", served, shop.truth, shop.values, **{"scan": SCAN, **kwargs})


@pytest.mark.parametrize("share", [1.0, 0.1])
@pytest.mark.parametrize(
    ("variant", "kind", "form", "parameter"),
    [
        (Late(10 * MINUTE), "lag", "late", 10 * MINUTE),
        (Late(HOUR), "lag", "late", HOUR),
        (Late(12 * HOUR), "lag", "late", 12 * HOUR),
        (Late(-HOUR), "lag", "ahead", -HOUR),
        (Stale(DAY), "lag", "stale", DAY),
        (Refreshed(6 * HOUR), "lag", "renewed", 6 * HOUR),
        (Shifted(5 * HOUR), "time zone", "shift", 5 * HOUR),
        (Shifted(-8 * HOUR), "time zone", "shift", -8 * HOUR),
        (Shifted(-19800 * 1_000_000_000), "time zone", "shift", -19800 * 1_000_000_000),
        (Version("v1"), "version", "other", "v1"),
        (Keyed("partner"), "wrong key", "key", "partner"),
        (Subset("shop 3"), "missing rows", "part", "shop 3"),
    ],
)
def test_a_fault_of_the_computation_is_named(shop, variant, kind, form, parameter, share):
    cause = found(shop, shop.values(variant), share)

    assert (cause.kind, cause.form) == (kind, form)
    if form != "ahead":  # a lead longer than any delay looks like any other such lead
        assert cause.parameter == parameter
    assert cause.share == 1.0


@pytest.mark.parametrize("share", [1.0, 0.1])
@pytest.mark.parametrize(
    ("fault", "kind", "form", "parameter"),
    [
        (lambda x: 0.0 * x, "default", "online", 0.0),
        (lambda x: 0.0 * x - 1.0, "default", "online", -1.0),
        (lambda x: 0.0 * x + 77.0, "default", "online", 77.0),
        (lambda x: x * np.nan, "default", "online", None),
        (lambda x: x * 60.0, "unit", "factor", 60.0),
        (lambda x: x / 1000.0, "unit", "factor", 1e-3),
        (lambda x: x * 1.609344, "unit", "factor", 1.609344),
        (lambda x: -x, "unit", "factor", -1.0),
        (lambda x: 1.8 * x + 32.0, "unit", "scale", 1.8),
        (lambda x: x * 1.2345, "unit", "unknown factor", 1.2345),
        (lambda x: x + 5.0, "unit", "offset", 5.0),
        (lambda x: np.round(x, 1), "rounding", "online", "1 decimals"),
        (np.ceil, "rounding", "online", "whole numbers, upwards"),
        (lambda x: x.astype(np.float32) * 1.0, "rounding", "online", "floats of 32 bits"),
        (lambda x: x * (1.0 + 3e-8), "rounding", "arithmetic", "another arithmetic"),
    ],
)
def test_a_fault_of_the_value_is_named(shop, fault, kind, form, parameter, share):
    truth = shop.values() / 7.0  # many digits
    hit = np.random.default_rng(2).random(400) < share
    served = np.where(hit, fault(truth), truth)

    cause = find_cause(
        "spent", pl.Series(served), pl.Series(truth), lambda v: _over_seven(shop, v), scan=SCAN
    )

    assert (cause.kind, cause.form) == (kind, form)
    if isinstance(parameter, float):
        assert cause.parameter == pytest.approx(parameter)
    else:
        assert cause.parameter == parameter


def _over_seven(shop, variant):
    values = shop.values(variant)
    return None if values is None else values / 7.0


def test_values_that_were_missing_when_recomputed_are_a_default_offline(shop):
    truth = shop.truth
    blind = pl.Series(np.where(np.arange(400) % 3 == 0, np.nan, truth.to_numpy()))

    cause = find_cause("spent", truth, blind)

    assert (cause.kind, cause.form, cause.parameter) == ("default", "offline", None)


def test_answers_in_another_order_are_a_wrong_key(shop):
    truth = shop.values()
    served = truth.copy()
    served[100:120] = truth[100:120][::-1]

    cause = find_cause("spent", pl.Series(served), pl.Series(truth), shop.values, scan=SCAN)

    assert (cause.kind, cause.form) == ("wrong key", "rows")


def test_a_few_common_values_are_not_taken_for_those_of_other_rows():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 400).astype(float)
    served = np.where(rng.random(400) < 0.1, (truth + rng.integers(1, 3, 400)) % 3, truth)

    cause = find_cause("level", pl.Series(served), pl.Series(truth))

    assert not cause.known


def test_text_that_was_replaced_by_a_default_is_named():
    truth = pl.Series(["red", "green", "blue"] * 20)
    served = pl.Series([None if i % 4 == 0 else value for i, value in enumerate(truth)])

    cause = find_cause("colour", served, truth)

    assert (cause.kind, cause.parameter) == ("default", None)


def test_text_of_another_version_is_named():
    truth = pl.Series(["red", "green", "blue"] * 20)

    cause = find_cause(
        "colour",
        truth.str.to_uppercase(),
        truth,
        lambda variant: truth.str.to_uppercase() if variant == Version("v1") else None,
        scan=SCAN,
    )

    assert (cause.kind, cause.parameter, cause.everywhere) == ("version", "v1", True)


def test_a_fault_on_a_part_of_the_traffic_is_told_from_one_on_all(shop):
    everywhere = found(shop, shop.values(Late(HOUR)), 1.0)
    part = found(shop, shop.values(Late(HOUR)), 0.1)

    assert everywhere.everywhere
    assert not part.everywhere
    assert "part of the traffic" in part.text


def test_a_cause_that_explains_too_little_is_told_as_the_nearest_and_not_named(shop):
    late, noise = shop.values(Late(HOUR)), shop.values() + np.arange(400) ** 1.5
    mixed = np.where(np.arange(400) % 2, late, noise)

    cause = found(shop, mixed, 0.2)

    assert not cause.known
    assert cause.form == "late"
    assert "1 h" in cause.text
    assert 0.2 < cause.share < 0.8


def test_rows_that_may_differ_do_not_hide_a_cause(shop):
    truth, late = shop.values(), shop.values(Late(DAY // 2))
    served = np.where(np.arange(400) < 60, late, truth)
    served[100:120] = truth[100:120] * np.linspace(1.1, 1.9, 20)

    wary = find_cause("spent", pl.Series(served), pl.Series(truth), shop.values, scan=SCAN)
    told = find_cause(
        "spent", pl.Series(served), pl.Series(truth), shop.values, scan=Scan(background=20.0)
    )

    assert not wary.known
    assert (told.kind, told.parameter) == ("lag", DAY // 2)


def test_noise_has_no_cause_and_the_direction_is_told(shop):
    rng = np.random.default_rng(9)
    served = shop.values() * rng.uniform(0.2, 0.9, 400)

    cause = find_cause("spent", pl.Series(served), shop.truth, shop.values, scan=SCAN)

    assert not cause.known
    assert "smaller on 100%" in cause.text


def test_equal_columns_have_no_cause(shop):
    cause = find_cause("spent", shop.truth, shop.truth, shop.values)

    assert not cause.known
    assert cause.rows == 0


def test_causes_that_the_rows_cannot_tell_apart_are_both_told(shop):
    nothing = shop.values(Late(2 * DAY))  # later than the window is long: the sum of nothing

    cause = found(shop, nothing, 0.1)

    assert (cause.kind, cause.parameter) == ("default", 0.0)
    assert "lag (late:" in cause.text


def test_a_sparse_count_that_is_late_is_not_taken_for_a_default(shop):
    # Most rows that differ are served 0, as the one event of the last hour has not come.
    rng = np.random.default_rng(5)
    recent, older = rng.random(2_000) < 0.1, rng.random(2_000) < 0.3
    truth = recent.astype(float) + older
    late = older.astype(float)

    def recompute(variant):
        match variant:
            case Late(by) if by >= HOUR:
                return late
            case Late(_):
                return truth
            case _:
                return None

    cause = find_cause("visits", pl.Series(late), pl.Series(truth), recompute)

    assert (cause.kind, cause.parameter, cause.everywhere) == ("lag", HOUR, True)


def test_a_lag_between_round_times_is_found_to_a_hundredth(shop):
    lag = 7 * HOUR + 23 * MINUTE

    cause = found(shop, shop.values(Late(lag)), 1.0)

    assert cause.kind == "lag"
    assert cause.parameter == pytest.approx(lag, rel=0.01)


def test_a_caller_that_can_do_no_variant_gets_what_the_values_tell(shop):
    served = shop.served(shop.values() * 60.0)

    cause = find_cause("spent", served, shop.truth, lambda variant: None, scan=SCAN)

    assert (cause.kind, cause.parameter) == ("unit", 60.0)


def test_what_is_plain_is_not_recomputed_a_hundred_times(shop):
    served = shop.served(shop.values(Version("v1")))
    shop.asked.clear()

    find_cause("spent", served, shop.truth, shop.values, scan=SCAN)

    assert len(shop.asked) <= 4


def test_each_text_says_what_to_do():
    for words in TEXTS.values():
        said = words.format(detail="1 h", parameter=1.0)

        assert said.count(".") >= 2 or ";" in said
        assert said.endswith(".")
