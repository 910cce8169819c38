from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ostinato.core.errors import ConfigError
from ostinato.core.records import ValidationSet
from ostinato.core.units import DAY_NS
from ostinato.gate import (
    ArtifactSize,
    Calibration,
    GateConfig,
    Latency,
    MinimumDelta,
    NoRegression,
    NoWorseSlice,
    NoWorseThanAnchor,
)
from ostinato.gate.case import make_case


def case_of(evaluated, *, task="regression", metric="mae", group_names=()):
    config = GateConfig(gates=(), task=task, metric=metric, group_names=group_names)
    return make_case(config, evaluated)


def forecasts(rng, n, *, tilt=0.0, noise=0.3):
    """Labels, and two forecasts of them; the first too sure of itself by `tilt`."""
    z = rng.normal(0.0, 1.0, n)
    labels = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float)
    ours = 1 / (1 + np.exp(-(z + rng.normal(0, noise, n)) * (1 + tilt)))
    theirs = 1 / (1 + np.exp(-(z + rng.normal(0, noise, n))))
    return ValidationSet(
        name="recent",
        times_ns=np.sort(rng.integers(0, 8 * DAY_NS, n)),
        labels=labels,
        groups=np.zeros((n, 0), dtype=np.int32),
        candidate=ours,
        champion=theirs,
    )


@pytest.mark.parametrize(
    ("gain", "verdict"), [(0.1, "pass"), (0.0, "inconclusive"), (-0.1, "fail")]
)
def test_the_minimum_delta_passes_fails_or_cannot_tell(gain, verdict, make_set, make_evaluated):
    rng = np.random.default_rng(1)

    found = MinimumDelta(delta=0.01).judge(
        case_of(make_evaluated(make_set(rng, gain=gain, rows=400)))
    )

    facts = found.evidence["recent"]
    assert found.verdict == facts["verdict"] == verdict
    assert facts["low"] < facts["gain"] < facts["high"]
    assert facts["bar"] == pytest.approx(0.01 * facts["champion_loss"])
    assert facts["smallest_visible"] > facts["bar"]


def test_few_rows_are_inconclusive_where_a_gain_is_asked_for(make_set, make_evaluated):
    rng = np.random.default_rng(1)

    found = MinimumDelta().judge(case_of(make_evaluated(make_set(rng, gain=0.9, rows=40))))

    assert found.verdict == "inconclusive"
    assert found.reason == "Only 40 rows in the recent set; no effect would have shown."


def test_a_missing_set_is_inconclusive_where_a_gain_is_asked_for(make_evaluated):
    assert MinimumDelta().judge(case_of(make_evaluated())).verdict == "inconclusive"


def test_few_rows_are_passed_by_where_only_no_harm_is_asked_for(make_set, make_evaluated):
    rng = np.random.default_rng(1)
    sets = make_set(rng, gain=0.1), make_set(rng, "random", gain=-0.9, rows=40)

    found = MinimumDelta().judge(case_of(make_evaluated(*sets)))

    assert found.verdict == "pass"
    facts = found.evidence["random"]
    assert (facts["rows"], facts["wanted"], facts["verdict"]) == (40, 50, "pass")


@pytest.mark.parametrize("name", ["random", "hard"])
def test_a_set_that_cannot_tell_passes_where_only_no_harm_is_asked_for(
    name, make_set, make_evaluated
):
    rng = np.random.default_rng(1)
    sets = make_set(rng, gain=0.1), make_set(rng, name, rows=250, day_effect=0.3)
    case = case_of(make_evaluated(*sets))

    found = MinimumDelta().judge(case)
    strict = MinimumDelta(no_harm_on=(), no_worse_on=(name,)).judge(case)

    assert (found.verdict, strict.verdict) == ("pass", "inconclusive")
    assert strict.reason.startswith(
        f"Gain on the {name} set cannot be told from the bar; an effect"
    )


@pytest.mark.parametrize("name", ["random", "hard"])
def test_a_set_that_shows_harm_vetoes_a_gain_elsewhere(name, make_set, make_evaluated):
    rng = np.random.default_rng(1)
    case = case_of(make_evaluated(make_set(rng, gain=0.1), make_set(rng, name, gain=-0.2)))

    for gate in (MinimumDelta(), MinimumDelta(no_harm_on=(), no_worse_on=(name,))):
        found = gate.judge(case)
        assert found.verdict == "fail"
        assert found.reason.startswith(f"Gain on the {name} set is below the bar; an effect of")
        assert found.evidence[name]["bar"] < 0


def test_what_passed_is_told_with_what_was_asked_for(make_set, make_evaluated):
    rng = np.random.default_rng(1)
    case = case_of(make_evaluated(make_set(rng, gain=0.1), make_set(rng, "random", gain=0.1)))

    found = MinimumDelta(no_worse_on=("random",), no_harm_on=("hard",)).judge(case)

    begins = "Better on recent, no worse on random, no harm elsewhere; on recent an effect of "
    assert found.reason.startswith(begins)


def test_a_candidate_that_is_worse_on_hard_cases_fails(make_set, make_evaluated):
    rng = np.random.default_rng(1)
    sets = make_set(rng, gain=0.1), make_set(rng, "hard", gain=-0.2, rows=500)

    found = MinimumDelta().judge(case_of(make_evaluated(*sets)))

    assert found.verdict == "fail"
    assert found.reason.startswith("Gain on the hard set is below the bar;")


def test_rows_the_champion_could_not_score_are_left_out(make_set, make_evaluated):
    rng = np.random.default_rng(1)
    recent = make_set(rng, gain=0.1)
    recent.champion[:300] = np.nan

    case = case_of(make_evaluated(recent))

    assert len(case.sets["recent"]) == len(case.gains["recent"]) == 1700
    assert MinimumDelta().judge(case).verdict == "pass"


@pytest.mark.parametrize("harmed", [True, False])
def test_a_slice_that_is_worse_is_found_among_many(harmed, make_set, make_evaluated):
    rng = np.random.default_rng(4)
    recent = make_set(rng, gain=0.02, rows=9000, groups=20)
    if harmed:
        recent.candidate[recent.groups[:, 0] == 7] *= 1.3
    names = tuple(f"carrier={code}" for code in range(21))

    found = NoWorseSlice().judge(case_of(make_evaluated(recent), group_names=names))

    assert found.verdict == ("fail" if harmed else "pass")
    assert found.evidence["tested"] == 20
    assert found.evidence.get("harmed", []) == (["carrier=7"] if harmed else [])
    assert len(found.evidence["worst"]) == 5
    for facts in found.evidence["worst"].values():
        assert facts["low"] < facts["gain"] < facts["high"]


def test_the_margin_of_a_slice_is_relative_to_its_own_loss(make_evaluated):
    rng = np.random.default_rng(4)
    groups = np.repeat([0, 1], 1000)[:, None].astype(np.int32)
    champion = np.where(groups[:, 0] == 0, 0.1, 10.0) * rng.uniform(0.9, 1.1, 2000)
    candidate = champion * np.where(groups[:, 0] == 0, 1.2, 1.0) * rng.uniform(0.99, 1.01, 2000)
    recent = ValidationSet(
        name="recent",
        times_ns=rng.integers(0, 8 * DAY_NS, 2000),
        labels=np.zeros(2000),
        groups=groups,
        candidate=candidate,
        champion=champion,
    )

    found = NoWorseSlice(margin=0.05).judge(
        case_of(make_evaluated(recent), group_names=("small", "large"))
    )

    assert found.evidence["harmed"] == ["small"]


def test_slices_that_are_too_small_are_counted_and_not_tested(make_set, make_evaluated):
    rng = np.random.default_rng(4)
    recent = make_set(rng, gain=-0.5, rows=900, groups=10)

    found = NoWorseSlice().judge(case_of(make_evaluated(recent), group_names=tuple("abcdefghij")))

    assert (found.verdict, found.evidence["too_small"]) == ("pass", 10)
    assert found.evidence["worst"] == {}
    assert "no effect would have shown" in found.reason


def test_small_slices_are_estimated_in_the_light_of_all_others(make_set, make_evaluated):
    rng = np.random.default_rng(4)
    recent = make_set(rng, gain=0.0, rows=4000, groups=40)
    recent.candidate[recent.groups[:, 0] == 7] += 0.3
    names = tuple(f"carrier={code}" for code in range(40))

    found = NoWorseSlice().judge(case_of(make_evaluated(recent), group_names=names))

    shrunken = found.evidence["shrunken"]
    others = [facts["chance_of_harm"] for name, facts in shrunken.items() if name != names[7]]
    assert found.evidence["tested"] == 0
    assert next(iter(shrunken)) == names[7]
    assert shrunken[names[7]]["chance_of_harm"] > 0.95
    assert shrunken[names[7]]["relative_gain"] == pytest.approx(-0.3, abs=0.06)
    assert len(others) == 9
    assert max(others) < 0.3


def test_estimates_of_slices_come_from_rows_that_were_not_judged_on_before(
    make_set, make_evaluated
):
    rng = np.random.default_rng(4)
    sets = [make_set(rng, name, gain=0.02, rows=3000, groups=3) for name in ("recent", "random")]
    case = case_of(make_evaluated(*sets), group_names=("a", "b", "c"))
    none_fresh = replace(case, withheld=("recent", "random"))

    told = NoWorseSlice().judge(case).evidence["worst"]["a"]
    hidden = NoWorseSlice().judge(none_fresh).evidence

    own = case.gains["recent"][case.sets["recent"].groups[:, 0] == 0]
    assert told["rows"] > told["fresh_rows"] == len(own)
    assert told["gain"] == pytest.approx(own.mean())
    assert (hidden["worst"], hidden["shrunken"]) == ({}, {})


def test_a_rise_of_one_slice_as_large_as_the_visible_one_is_found_four_times_in_five(
    make_set, make_evaluated
):
    rng = np.random.default_rng(12)
    names = tuple(str(code) for code in range(10))
    found = 0
    for _ in range(60):
        recent = make_set(rng, gain=0.0, rows=4000, groups=10)
        healthy = NoWorseSlice().judge(case_of(make_evaluated(recent), group_names=names))
        visible = next(iter(healthy.evidence["worst"].values()))["smallest_visible"]
        recent.candidate[recent.groups[:, 0] == 3] += visible
        judged = NoWorseSlice().judge(case_of(make_evaluated(recent), group_names=names))
        found += "3" in judged.evidence.get("harmed", [])

    assert 40 <= found <= 57


def test_healthy_releases_are_seldom_blocked_by_their_slices(make_set, make_evaluated):
    rng = np.random.default_rng(5)
    names = tuple(str(code) for code in range(30))
    blocked = 0
    for _ in range(100):
        recent = make_set(rng, gain=0.0, rows=9000, groups=30)
        blocked += (
            NoWorseSlice().judge(case_of(make_evaluated(recent), group_names=names)).verdict
            != "pass"
        )

    assert blocked <= 5


def test_two_equally_good_models_are_seldom_told_apart_by_calibration(make_evaluated):
    rng = np.random.default_rng(6)
    blocked = 0
    for _ in range(150):
        case = case_of(make_evaluated(forecasts(rng, 500)), task="binary", metric="log_loss")
        blocked += Calibration().judge(case).verdict != "pass"

    assert blocked <= 6


def test_a_candidate_that_is_far_too_sure_of_itself_fails(make_evaluated):
    rng = np.random.default_rng(6)
    failed = 0
    for _ in range(20):
        recent = forecasts(rng, 3000, tilt=2.0)
        case = case_of(make_evaluated(recent), task="binary", metric="log_loss")
        found = Calibration().judge(case)
        failed += found.verdict == "fail"

    assert failed == 20
    assert found.evidence["low"] < found.evidence["difference"] < found.evidence["high"]
    assert found.evidence["smallest_visible"] > 0


def test_calibration_of_many_classes_and_of_none(make_set, make_evaluated):
    rng = np.random.default_rng(6)
    scores = rng.dirichlet([1, 1, 1], 600)
    labels = np.array([rng.choice(3, p=row) for row in scores]).astype(float)
    recent = replace(forecasts(rng, 600), labels=labels, candidate=scores, champion=scores)

    many = Calibration().judge(
        case_of(make_evaluated(recent), task="multiclass", metric="log_loss")
    )
    none = Calibration().judge(case_of(make_evaluated(make_set(rng))))

    assert (many.verdict, many.evidence["difference"]) == ("pass", 0.0)
    assert none.reason.startswith("There are no probabilities to compare;")


@pytest.mark.parametrize(
    ("gate", "verdict"),
    [
        (Latency(max_ms=1.0), "pass"),
        (Latency(max_ms=0.1), "fail"),
        (ArtifactSize(max_bytes=1000), "pass"),
        (ArtifactSize(max_bytes=999), "fail"),
    ],
)
def test_a_candidate_must_fit(gate, verdict, make_evaluated):
    found = gate.judge(case_of(make_evaluated()))

    assert found.verdict == verdict
    assert "ms_per_row" not in found.evidence


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: MinimumDelta(delta=-1), "delta"),
        (lambda: MinimumDelta(alpha=0.7), "alpha"),
        (lambda: MinimumDelta(min_rows=0), "min_rows"),
        (lambda: MinimumDelta(better_on=("new",)), "new"),
        (lambda: MinimumDelta(better_on="recent", no_worse_on=("recent",)), "no_worse_on"),
        (lambda: NoWorseSlice(margin=0), "margin"),
        (lambda: NoWorseSlice(q=1), "q=1"),
        (lambda: Calibration(tolerance=-1), "tolerance"),
        (lambda: Calibration(min_rows=3), "min_rows"),
        (lambda: NoRegression(max_flip_rate=0), "max_flip_rate"),
        (lambda: NoRegression(golden=-1), "golden"),
        (lambda: NoRegression(within=0), "within"),
        (lambda: NoWorseThanAnchor(margin=0), "margin"),
        (lambda: NoWorseThanAnchor(every=0), "every"),
        (lambda: NoWorseThanAnchor(every="soon"), "every"),
        (lambda: Latency(max_ms=0), "max_ms"),
        (lambda: ArtifactSize(max_bytes=-1), "max_bytes"),
    ],
)
def test_each_value_out_of_range_is_refused_by_name(make, named):
    with pytest.raises(ConfigError) as caught:
        make()
    assert named in str(caught.value)
