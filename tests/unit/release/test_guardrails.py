from __future__ import annotations

import math

import pytest

from ostinato.core.errors import ConfigError
from ostinato.release import Canary, Guardrail, LatencyGuard, ServingErrors
from ostinato.release.guardrails import budgets


def test_serving_errors_are_guarded_in_every_rollout_and_once():
    assert Canary().guardrails == (ServingErrors(),)
    assert Canary(guardrails=[ServingErrors(risk=3)]).guardrails == (ServingErrors(risk=3),)
    both = Canary(guardrails=[Guardrail("error_rate")]).guardrails
    assert both == (ServingErrors(), Guardrail("error_rate"))


def test_guardrails_share_what_is_left_of_beta_and_together_never_take_more():
    found = budgets([Guardrail("a", beta=0.02), Guardrail("b"), ServingErrors()], 0.05)

    assert found == pytest.approx({"a": 0.02, "b": 0.015, "serving errors": 0.015})
    many = Canary(guardrails=[Guardrail("a"), LatencyGuard(), Guardrail("b")])
    assert math.fsum(many.guard_budgets().values()) == pytest.approx(many.beta)


@pytest.mark.parametrize("beta", [0.05, 0.06])
def test_error_rates_that_leave_nothing_for_the_others_are_refused(beta):
    with pytest.raises(ConfigError, match=r"Canary\(guardrails=\.\.\.\) have error rates"):
        Canary(guardrails=[Guardrail("error_rate", beta=beta)])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Guardrail("error_rate", margin=0.0),
        lambda: Guardrail("error_rate", margin=1.0),
        lambda: Guardrail(""),
        lambda: Guardrail("error_rate", beta=0.0),
        lambda: ServingErrors(risk=0.9),
        lambda: ServingErrors(risk=math.inf),
        lambda: ServingErrors(beta=1.0),
        lambda: LatencyGuard(quantile=1.0),
        lambda: LatencyGuard(margin=0.0),
        lambda: LatencyGuard(margin=math.nan),
        lambda: LatencyGuard(warm_requests=-1),
        lambda: LatencyGuard(warm_up="soon"),
        lambda: LatencyGuard(beta=2.0),
        lambda: Canary(guardrails="error_rate"),
        lambda: Canary(guardrails=["error_rate"]),
        lambda: Canary(guardrails=[Guardrail]),
        lambda: Canary(guardrails=[Guardrail("a"), Guardrail("a", margin=0.3)]),
    ],
)
def test_what_is_no_guardrail_or_out_of_range_is_refused(make):
    with pytest.raises(ConfigError):
        make()


def test_two_latencies_may_be_guarded_at_once():
    both = Canary(guardrails=[LatencyGuard(quantile=0.5), LatencyGuard()])
    assert [g.name for g in both.guardrails] == ["serving errors", "latency p50", "latency p99"]
