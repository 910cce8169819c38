from __future__ import annotations

import pytest

from ostinato.core.errors import ConfigError
from ostinato.decide import Degradation, Every, NewLabels, all_of, any_of
from ostinato.gate import MinimumDelta
from ostinato.learn.windows import Expanding, Last, SinceChange
from ostinato.loop import Policy, policies
from ostinato.release import Immediate


def test_equal_policies_have_equal_digests_and_others_do_not():
    assert Policy().digest == Policy().digest
    assert Policy(window=Last("60d")).digest != Policy().digest
    assert policies.scheduled("7d").digest != policies.scheduled("8d").digest


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"cooldown": "often"}, r"Policy\(cooldown="),
        ({"per": ""}, r"Policy\(per="),
        ({"holdout": "0d"}, r"Policy\(holdout="),
        ({"max_retrains": 0}, r"Policy\(max_retrains="),
        ({"train_timeout": 0.0}, r"Policy\(train_timeout="),
        ({"train_timeout": float("nan")}, r"Policy\(train_timeout="),
        ({"triggers": Every("7d")}, r"Policy\(triggers=...\) is not a list"),
        ({"triggers": ["7d"]}, r"Policy\(triggers=...\) holds something that is not a trigger"),
        ({"triggers": [Every("7d"), Every("7d")]}, r"Policy\(triggers=...\) holds the same"),
        ({"gates": MinimumDelta()}, r"Policy\(gates=...\) is not a list"),
        ({"gates": [MinimumDelta]}, r"Policy\(gates=...\) is something else"),
        ({"gates": [MinimumDelta(), MinimumDelta()]}, r"the same gate twice"),
        ({"window": "60d"}, r"Policy\(window="),
        ({"rollout": Immediate}, r"Policy\(rollout="),
    ],
)
def test_each_bad_field_is_refused_by_name(fields, named):
    with pytest.raises(ConfigError, match=named):
        Policy(**fields)


class Nameless:
    """A gate without a text of its own: its repr is an address."""

    name = "nameless"

    def judge(self, case):
        raise AssertionError(case)


def test_what_cannot_be_written_down_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"Policy\(gates=...\) cannot be written down") as caught:
        Policy(gates=[Nameless()])
    assert "__repr__" in caught.value.hint


@pytest.mark.parametrize(
    "trigger",
    [Every("12h"), Every("0 */6 * * *"), any_of(NewLabels(5), Every("12h"))],
)
def test_a_cool_down_longer_than_the_schedule_is_refused_with_both_named(trigger):
    with pytest.raises(ConfigError, match=r"Policy\(cooldown=...\) contradicts .*Every\("):
        Policy(triggers=[trigger], cooldown="1d")


def test_a_schedule_that_only_limits_an_alarm_may_be_shorter_than_the_cool_down():
    policy = Policy(triggers=[all_of(Every("1h"), Degradation())], cooldown="1d")

    assert policy.triggers[0].name.startswith("all of")


@pytest.mark.parametrize("when", ["1h", "7d", "0 3 * * *", "*/30 * * * *"])
def test_a_scheduled_policy_has_room_for_its_own_schedule(when):
    policy = policies.scheduled(when)

    (every,) = policy.triggers
    period_days = every.period_ns / 86_400e9
    assert policy.max_retrains >= 30 / period_days - 1e-9


def test_presets_take_any_argument_of_a_policy():
    triggered = policies.triggered(0.1, cooldown="2d")

    assert policies.static().triggers == ()
    assert policies.scheduled("7d", rollout=Immediate()).rollout == Immediate()
    assert (triggered.triggers[0].tolerance, triggered.cooldown) == (0.1, "2d")
    assert triggered.window == Expanding()
    assert policies.triggered(window=SinceChange()).window == SinceChange()
