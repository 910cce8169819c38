from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ostinato.core.records import LatencyObserved
from ostinato.core.snapshot import decode, encode
from ostinato.core.units import SECOND_NS
from ostinato.release import Canary, LatencyGuard
from ostinato.release.latency import LatencyWatch

SINCE = 1000 * SECOND_NS


def begin(**changes):
    fields = {
        "quantile": 0.9,
        "margin": 0.2,
        "beta": 0.05,
        "since_ns": SINCE,
        "warm_requests": 100,
        "warm_ns": 60 * SECOND_NS,
        "steps": 1,
    }
    return LatencyWatch.begin(**(fields | changes))


def told(version, latencies, *, after=120, since=SINCE):
    """Latencies that a replica measured from some seconds after its start on."""
    n = len(latencies)
    return LatencyObserved(
        ts_event_ns=0,
        ts_record_ns=0,
        version=version,
        times_ns=since + after * SECOND_NS + np.arange(n),
        latencies_ms=np.asarray(latencies, dtype=np.float64),
        replica_since_ns=since,
    )


def observe(watch, *records):
    for record in records:
        watch.observe(record, "v1", "v2")
    return watch


def slow_and_fast(seed=0, factor=1.0, n=4000):
    rng = np.random.default_rng(seed)
    return rng.lognormal(2.0, 0.3, n), factor * rng.lognormal(2.0, 0.3, n)


def test_a_slower_challenger_crosses_and_one_within_the_margin_does_not():
    crossed = []
    for factor in (1.0, 1.15, 1.6):
        champion, challenger = slow_and_fast(factor=factor)
        watch = observe(begin(), told("v1", champion), told("v2", challenger))
        crossed.append(watch.test.crossed)

    assert crossed == [False, False, True]


def test_without_a_fresh_champion_nothing_is_guessed():
    champion, challenger = slow_and_fast(factor=5.0)

    watch = observe(begin(), told("v1", champion, since=SINCE - 1), told("v2", challenger))

    assert watch.test.incumbent.n == 0
    assert not watch.test.crossed
    assert watch.evidence()["latency_ms_champion_at_most"] is None


@pytest.mark.parametrize(("after", "counted"), [(0, 0), (120, 150)])
def test_the_warm_up_lasts_until_both_its_requests_and_its_time_are_over(after, counted):
    watch = observe(begin(), told("v2", np.full(250, 9.0), after=after))
    assert watch.test.candidate.n == counted


def test_each_replica_warms_up_by_itself_and_a_restart_remembers():
    watch = observe(begin(), told("v2", np.full(90, 9.0)))
    watch = decode(encode(watch))

    observe(watch, told("v2", np.full(30, 9.0)), told("v2", np.full(90, 9.0), since=SINCE + 1))

    assert watch.test.candidate.n == 20


def test_another_versions_latency_is_nobodys_business():
    watch = observe(begin(), told("v0", np.full(900, 9.0)))
    assert (watch.test.n, watch.replicas) == (0, {})


def test_each_step_is_a_test_of_its_own_but_replicas_stay_warm():
    champion, challenger = slow_and_fast(factor=1.15)
    watch = observe(begin(steps=2), told("v1", champion), told("v2", challenger))
    watch.registered = True

    step_ns = SINCE + 600 * SECOND_NS
    watch.enter(step_ns)
    observe(watch, told("v2", np.full(30, 9.0)), told("v2", np.full(50, 9.0), after=700))

    assert watch.test.beta == 0.025
    assert (watch.test.incumbent.n, watch.test.candidate.n) == (0, 50)  # nothing of before
    assert not watch.registered


@pytest.mark.parametrize("entered", [True, False])
def test_shares_that_change_with_the_latency_cross_only_where_steps_are_pooled(entered):
    rng, watch = np.random.default_rng(0), begin(steps=2)
    # At 5 % all is quick; at 50 % all is slow, for both versions alike.
    fast, slow = rng.lognormal(2.0, 0.3, 20_000), rng.lognormal(3.0, 0.3, 3000)
    observe(watch, told("v1", fast[1000:]), told("v2", fast[:1000]))

    if entered:
        watch.enter(SINCE + 600 * SECOND_NS)
    observe(watch, told("v1", slow[:1500], after=700), told("v2", slow[1500:], after=700))

    assert watch.test.crossed != entered


def batches(version, latencies, *, size, since=SINCE):
    """The same latencies, as gateways tell them: some per tick, a record each."""
    whole = told(version, latencies, since=since)
    return [
        replace(
            whole,
            times_ns=whole.times_ns[start : start + size],
            latencies_ms=whole.latencies_ms[start : start + size],
        )
        for start in range(0, len(whole), size)
    ]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_it_does_not_matter_in_which_batches_a_gateway_tells_of_them(size):
    champion, challenger = slow_and_fast(n=1500, factor=1.6)
    whole = observe(begin(), told("v1", champion), told("v2", challenger))
    pairs = zip(
        batches("v1", champion, size=size), batches("v2", challenger, size=size), strict=True
    )

    parts = observe(begin(), *(record for pair in pairs for record in pair))

    assert parts.replicas == whole.replicas
    assert parts.evidence() == whole.evidence()


def test_a_gateway_that_loads_the_challenger_starts_anew_for_the_champion_too():
    champion, challenger = slow_and_fast(factor=1.6)
    loaded = SINCE + 30 * SECOND_NS
    watch = observe(
        begin(),
        told("v1", champion, since=SINCE - 900 * SECOND_NS),  # as it was before the rollout
        *batches("v1", champion, size=50, since=loaded),
        *batches("v2", challenger, size=50, since=loaded),
    )
    assert watch.test.incumbent.n == watch.test.candidate.n == len(champion) - 100
    assert watch.test.crossed


def test_two_gateways_warm_up_by_themselves_and_are_counted_together():
    champion, challenger = slow_and_fast()
    watch = begin()
    for since in (SINCE + 1, SINCE + 2):
        observe(watch, *batches("v1", champion, size=500, since=since))
        observe(watch, *batches("v2", challenger, size=500, since=since))
    assert watch.test.candidate.n == 2 * (len(challenger) - 100)


def test_an_empty_report_says_nothing():
    watch = observe(begin(), told("v1", []))
    assert (watch.test.n, watch.replicas) == (0, {})


def test_a_rollout_that_a_gateway_finds_slow_is_aborted(world):
    guard = LatencyGuard(quantile=0.9, margin=0.2, warm_requests=100, warm_up="1m")
    loop = world(Canary(steps=(0.1, 0.5, 1.0), over="9d", cap="30d", guardrails=[guard]))
    loop.accept("v2")
    loaded = loop.now_ns + SECOND_NS
    champion, challenger = slow_and_fast(factor=1.8, n=6000)
    for one, other in zip(
        batches("v1", champion, size=500, since=loaded),
        batches("v2", challenger, size=500, since=loaded),
        strict=True,
    ):
        loop.tick(one, other)
    ended = loop.last("rollout_ended")
    assert (ended.subject, ended.outcome) == ("v2", "aborted")
    assert ended.evidence["guardrail"] == "latency p90"
