"""Whatever monitors measure and people do, the journal tells of alarms what stands, and once."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.core.records import LossesObserved, OperatorActed, Promoted, RolloutEnded
from ostinato.core.snapshot import decode, encode
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.core.watched import SEVERITIES, DiagnosisMade, ReferenceRenewed, WindowMeasured
from ostinato.decide import DataQuality, DecideConfig, Drift, Every, SliceDegradation, any_of
from ostinato.decide.alarms import AlarmRule
from ostinato.decide.stage import start, step

STREAMS = {
    "inputs": ("drift", tuple(f"drift/c{i}" for i in range(25))),
    "quality": ("quality", ("quality/c0:missing", "quality/c1:missing", "quality/c2:type")),
    "losses": ("performance", ("performance/mae", "performance/mae @a=1", "performance/mae [v2]")),
}
CONFIG = DecideConfig(
    triggers=(
        any_of(Every("5d"), DataQuality(at_most=None)),
        Drift(columns=["c0", "c1", "c2"], least=2),
        SliceDegradation(),
    ),
    cooldown_ns=HOUR_NS,
    max_requests=100,
    per_ns=30 * DAY_NS,
    task="regression",
    metric="mae",
    alarms=AlarmRule(
        shares=dict.fromkeys(STREAMS, 0.5),
        fast_windows=720.0,
        slow_windows=30.0,
        examine_ns=3 * DAY_NS,
    ),
)


def window(state, now_ns, monitor, slow, found):
    family, names = STREAMS[monitor]
    table = np.array(found, dtype=np.float64).reshape(-1, 2)[: len(names)]
    size = len(table)
    return WindowMeasured(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        monitor=monitor,
        family=family,
        slow=slow,
        from_ns=now_ns - DAY_NS,
        to_ns=now_ns,
        streams=names[:size],
        streams_total=len(names),
        value=table[:, 0],
        reference=np.zeros(size),
        low=table[:, 0] - 0.05,
        high=table[:, 0] + 0.05,
        floor=np.full(size, 0.05),
        log_e=table[:, 1],
    )


def renewed(state, now_ns, monitor):
    return ReferenceRenewed(ts_event_ns=now_ns, ts_record_ns=now_ns, monitor=monitor, champion="v1")


def promoted(state, now_ns):
    return decided(Promoted, now_ns, "v3", previous="v1")


def ended(state, now_ns):
    return decided(RolloutEnded, now_ns, "v2", outcome="kept")


def diagnosed(state, now_ns):
    return decided(
        DiagnosisMade,
        now_ns,
        state.champion,
        evidence={"columns": [{"column": "c1", "matters": False}]},
        request=state.examining.open,
        cause="none found",
        action="",
    )


def losses(state, now_ns):
    return LossesObserved(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        offsets=np.arange(1),
        times_ns=np.array([now_ns]),
        unit_hashes=np.zeros(1, dtype=np.uint64),
        groups=np.zeros((1, 0), dtype=np.int32),
        versions=("v1",),
        answered=np.zeros(1, dtype=np.int16),
        roles=np.zeros(1, dtype=np.int8),
        losses={"v1": np.zeros(1)},
        matured_to_ns=now_ns,
    )


def acted(state, now_ns, act, subject):
    until_ns = now_ns + DAY_NS
    return decided(
        OperatorActed, now_ns, subject, act=act, who="ana", act_id="a", until_ns=until_ns
    )


def decided(kind, now_ns, subject, **fields):
    return kind(ts_event_ns=now_ns, ts_record_ns=now_ns, subject=subject, reason="", **fields)


monitors = st.sampled_from(sorted(STREAMS))
log_e = st.sampled_from([-np.inf, 0.0, 2.0, 8.0, 30.0, np.inf])
apart = st.sampled_from([-0.5, -0.1, 0.0, 0.04, 0.1, 0.2, 0.9])
acts = st.sampled_from(["acknowledge", "silence", "unsilence", "retrain", "pause", "resume"])
actions = st.one_of(
    st.tuples(
        st.just(window),
        monitors,
        st.booleans(),
        st.lists(st.tuples(apart, log_e), max_size=25),
    ),
    st.tuples(st.just(renewed), monitors),
    st.tuples(st.sampled_from([promoted, ended, losses, diagnosed])),
    st.tuples(st.just(acted), acts, st.sampled_from(["*", "drift/c1", "quality/*", ""])),
)


class Told:
    """What a reader of the journal knows."""

    def __init__(self):
        self.standing: dict[str, str] = {}
        self.examining = ""

    def alarm_raised(self, record):
        before = self.standing.get(record.subject)
        worse = before is None or SEVERITIES.index(record.severity) > SEVERITIES.index(before)
        assert worse, "told again only when it is worse"
        self.standing[record.subject] = record.severity

    def alarm_resolved(self, record):
        del self.standing[record.subject]

    def alarm_acknowledged(self, record):
        assert record.subject in self.standing

    def examination_requested(self, record):
        assert not self.examining, "one at a time"
        self.examining = record.request

    def learning_requested(self, record):
        broken = [n for n, s in self.standing.items() if (n[:7], s) == ("quality", "critical")]
        assert record.subject == "operator" or not broken, "nothing is learnt from broken data"

    def read(self, records):
        for record in records:
            getattr(self, record.kind, lambda _: None)(record)


def restored(state):
    again = decode(encode(state))
    again.config_ = CONFIG
    return again


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(actions, st.sampled_from([1, 24, 96])), min_size=1, max_size=25))
def test_the_journal_tells_what_stands_and_a_restored_state_goes_on_the_same(moves):
    state, now_ns, told = start(CONFIG), 20_000 * DAY_NS, Told()
    step(state, [decided(Promoted, now_ns, "v1", previous=None)], now_ns)
    for (make, *arguments), hours in moves:
        now_ns += hours * HOUR_NS
        record = make(state, now_ns, *arguments)
        if isinstance(record, DiagnosisMade):
            told.examining = ""
        twin = restored(state)
        out = step(state, [record], now_ns)
        assert [repr(each) for each in step(twin, [record], now_ns)] == [repr(o) for o in out]
        told.read(out)
        stands = state.alarms.standing.values()
        assert {each.name: each.severity for each in stands if each.told} == told.standing
