from __future__ import annotations

import numpy as np
import pytest

from ostinato.core.records import Decision, RolloutAdvanced, RolloutEnded
from ostinato.core.snapshot import decode, encode
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.core.watched import ReferenceRenewed, windows_gone
from ostinato.decide.alarm_budget import reported
from ostinato.decide.alarm_facts import alarm_facts
from ostinato.decide.raising import TOLD
from ostinato.decide.resolving import CALM, SILENT
from ostinato.decide.standing_alarm import group_of, matcher, names_column, subject_of

# 30 long windows and half of a share of 0.2: one stream alone has to reach 300 a stream.
LOUD = 6.0
LESS = 4.0  # fallen by more than one in twenty


@pytest.fixture
def watched(world, alarm_rule, make_window):
    """A loop whose windows are days."""

    def make(*monitors, share=0.2, **fields):
        loop = world(alarms=alarm_rule(*monitors, share=share))
        loop.made.clear()

        def day(streams, **changes):
            window = make_window(loop.now_ns + DAY_NS, streams, **fields | changes)
            made = loop.tick(window, hours=24)
            return [record for record in made if record.kind != "examination_requested"]

        loop.day = day
        return loop

    return make


def only(records, kind):
    return [record for record in records if record.kind == kind]


# ---------------------------------------------------------------- the budget


def test_a_stream_alone_has_to_pass_the_threshold_of_all_streams():
    found, threshold = reported(np.log([2999.0]), streams=10, q=0.1, patience=30)
    assert not found.any()
    found, threshold = reported(np.log([3000.1]), streams=10, q=0.1, patience=30)
    assert found.all()
    assert threshold == pytest.approx(np.log(3000.0))


def test_streams_that_move_together_help_each_other_below_one_false_alarm_only():
    both = np.log([1600.0, 1600.0])
    assert reported(both, streams=10, q=0.1, patience=30)[0].all()
    assert not reported(both, streams=1000, q=1.5, patience=30)[0].any()
    assert reported(np.log([20_001.0, 5.0]), streams=1000, q=1.5, patience=30)[0].tolist() == [
        True,
        False,
    ]


def test_evidence_beyond_all_numbers_is_no_overflow():
    found, _ = reported(np.array([np.inf, 1e9]), streams=3, q=0.1, patience=30)
    assert found.all()


@pytest.mark.parametrize("share", [0.05, 4.0])
def test_streams_that_do_not_move_raise_no_more_than_the_share(
    alarm_rule, make_window, world, share
):
    """1 / u, u uniform, is a fair bet: it is above A with chance 1 / A."""
    rng = np.random.default_rng(7)
    months, streams, raised = 60, 40, 0
    loop = world(alarms=alarm_rule(share=share))
    for hour in range(months * 720):
        u = rng.random(streams)
        if u.min() > 1e-3:
            continue  # the book writes no windows that say nothing
        values = {f"drift/c{i}": (0.2, 0.0, float(-np.log10(u[i]))) for i in range(streams)}
        at = loop.now_ns + hour * HOUR_NS
        made = make_window(at, values, slow=False)
        loop.state.alarms.standing.clear()  # each alarm is counted, none stands
        raised += len(only(loop.tick(made, hours=0), "alarm_raised"))
    allowed = share / 2 * months  # half of it is for short windows
    assert raised <= allowed + 3 * allowed**0.5
    assert share < 1 or raised > 0.2 * allowed, "and the budget is there to be spent"


# ---------------------------------------------------------------- raised


def test_an_alarm_is_told_once_with_its_evidence(watched):
    loop = watched(details={"drift/temp": {"psi": 0.3}})
    assert loop.day({"drift/temp": (0.02, 0.0, 1.0), "drift/wind": (0.01, 0.0, 0.0)}) == []
    (alarm,) = loop.day({"drift/temp": (0.31, 0.0, LOUD), "drift/wind": (0.01, 0.0, 0.0)})
    assert (alarm.kind, alarm.subject, alarm.family) == ("alarm_raised", "drift/temp", "drift")
    assert alarm.severity == "warning"
    told = alarm.evidence
    assert (told["value"], told["reference"], told["floor"]) == (0.31, 0.0, 0.05)
    assert told["low"] == pytest.approx(0.30)
    assert told["log10_e"] == pytest.approx(LOUD)
    assert told["threshold"] == pytest.approx(np.log10(2 * 30 / 0.1))
    assert told["details"] == {"psi": 0.3}
    assert told["streams"] == 2
    assert told["window"]["long"] is True
    assert "0.31" in alarm.reason
    assert loop.day({"drift/temp": (0.31, 0.0, LOUD + 1)}) == [], "it stands"
    assert list(loop.state.alarms.standing) == ["drift/temp"]


def test_it_began_with_the_first_window_that_spoke_for_it(watched):
    loop = watched()
    quiet = {"drift/temp": (0.0, 0.0, 0.2)}
    for _ in range(3):
        loop.day(quiet)
    began = loop.now_ns
    loop.day({"drift/temp": (0.2, 0.0, 1.5)})
    (alarm,) = loop.day({"drift/temp": (0.2, 0.0, 3.2)})
    assert alarm.since_ns == began


def test_a_short_window_alarms_by_itself_and_by_its_own_budget(watched, make_window):
    loop = watched()
    weak = make_window(loop.now_ns + HOUR_NS, {"drift/a": (0.9, 0.0, 3.8)}, slow=False)
    assert loop.tick(weak) == [], "720 short windows need 7,200"
    gross = make_window(loop.now_ns + HOUR_NS, {"drift/a": (0.9, 0.0, 4.0)}, slow=False)
    alarm = loop.tick(gross)[0]
    assert alarm.since_ns == gross.from_ns
    assert alarm.evidence["window"]["long"] is False


def test_of_many_alarms_at_once_the_largest_are_told_and_all_stand(watched):
    loop = watched(share=0.9)
    many = {f"drift/c{i:03}": (0.1 + 0.001 * i, 0.0, LOUD) for i in range(300)}
    raised = loop.day(many)
    assert len(raised) == TOLD
    assert raised[0].subject == "drift/c299", "the largest first"
    assert raised[0].evidence["untold"] == 300 - TOLD
    assert "280 more streams" in raised[0].reason
    assert "untold" not in raised[1].evidence
    assert len(loop.state.alarms.standing) == 300
    over = dict.fromkeys(many, (0.0, 0.0, LESS))
    loop.day(over)
    out = loop.day(over)
    assert [r.subject for r in only(out, "alarm_resolved")] == [r.subject for r in raised]
    assert len(only(out, "streams_restarted")[0].streams) == 300, "the untold ones begin anew too"


def test_a_column_that_has_drifted_is_told_once_and_not_for_each_slice(watched):
    loop = watched(share=0.9)
    names = ["drift/a", "drift/a @k=1", "drift/a @k=2", "drift/b @k=1"]
    told = loop.day({name: (0.3 + 0.1 * at, 0.0, LOUD) for at, name in enumerate(names)})
    assert [record.subject for record in told] == ["drift/b @k=1", "drift/a"]
    assert told[0].evidence["untold"] == 2
    assert loop.day({"drift/a @k=3": (0.3, 0.0, LOUD), "drift/a": (0.3, 0.0, LOUD)}) == []
    assert len(loop.state.alarms.standing) == 5
    assert len(loop.state.alarms.raised_ns) == 2


def test_slices_are_told_where_all_rows_only_follow_the_season_and_where_models_fail(watched):
    loop = watched(share=0.9)
    found = {"drift/a": (0.3, 0.0, LOUD), "drift/a @k=1": (0.3, 0.0, LOUD)}
    assert len(loop.day(found, details={"drift/a": {"season_agrees": True}})) == 2
    failing = {"performance/mae": (0.3, 0.0, LOUD), "performance/mae @k=1": (0.3, 0.0, LOUD)}
    assert len(watched(share=0.9, family="performance").day(failing)) == 2


def test_a_slice_that_moves_as_all_rows_do_is_not_told_one_that_moves_alone_is(watched):
    calm = (0.2, 0.0, 0.1)
    everywhere = watched(share=0.9).day({"drift/a": calm, "drift/a @k=1": (0.3, 0.0, LOUD)})
    alone = watched(share=0.9).day({"drift/a": (0.01, 0.0, 0.1), "drift/a @k=1": (0.3, 0.0, LOUD)})
    assert everywhere == []
    assert [alarm.subject for alarm in alone] == ["drift/a @k=1"]


@pytest.mark.parametrize(
    ("family", "value", "details", "severity"),
    [
        ("quality", 0.16, {}, "critical"),
        ("quality", 0.14, {}, "warning"),
        ("performance", 0.9, {}, "critical"),
        ("label", -0.9, {}, "critical"),
        ("drift", 0.9, {}, "warning"),
        ("drift", 0.9, {"season_agrees": True}, "info"),
        ("business", 0.9, {}, "warning"),
    ],
)
def test_severity_follows_family_and_distance(watched, family, value, details, severity):
    loop = watched()
    (alarm,) = loop.day({"x/y": (value, 0.0, LOUD)}, family=family, details={"x/y": details})
    assert alarm.severity == severity


@pytest.mark.parametrize("name", ["quality/temp:out of range", "quality/city:new values @k=1"])
def test_values_that_are_only_new_are_never_critical(watched, name):
    (alarm,) = watched().day({name: (0.9, 0.0, LOUD)}, family="quality")
    assert alarm.severity == "warning"


def test_an_alarm_that_becomes_more_severe_beyond_doubt_is_told_again(watched):
    loop = watched(family="quality")
    loop.day({"quality/a:missing": (0.1, 0.0, LOUD)})
    assert loop.day({"quality/a:missing": (0.155, 0.0, LOUD)}) == [], "it could still be 0.145"
    (worse,) = loop.day({"quality/a:missing": (0.2, 0.0, LOUD)})
    assert (worse.kind, worse.severity, worse.evidence["was"]) == (
        "alarm_raised",
        "critical",
        "warning",
    )
    assert loop.day({"quality/a:missing": (0.1, 0.0, LOUD)}) == []
    assert loop.state.alarms.standing["quality/a:missing"].severity == "critical"
    assert len(loop.state.alarms.raised_ns) == 1, "it is one alarm"


# ---------------------------------------------------------------- resolved


def test_an_alarm_is_resolved_after_windows_in_a_row_within_the_floor(watched):
    loop = watched()
    loop.day({"drift/a": (0.3, 0.0, LOUD)})
    back, off = {"drift/a": (0.04, 0.0, LESS)}, {"drift/a": (0.3, 0.0, LOUD)}
    assert loop.day(back) == loop.day(off) == loop.day(back) == []
    resolved, restarted = loop.day(back)
    assert (resolved.kind, resolved.subject) == ("alarm_resolved", "drift/a")
    assert resolved.evidence["stood_for"] == "4d"
    assert CALM == 2
    assert (restarted.monitor, restarted.streams) == ("inputs", ("drift/a",))
    assert not isinstance(restarted, Decision), "it is for the watch stage, not for people"


def test_a_fault_below_the_reference_is_over_when_it_is_back_up(watched):
    loop = watched()
    loop.day({"output/score": (0.2, 0.5, LOUD)})
    assert loop.day({"output/score": (0.44, 0.5, LESS)}) == []
    loop.day({"output/score": (0.5, 0.5, LESS)})
    assert loop.day({"output/score": (0.9, 0.5, LESS)}) == [], "it is off, the other way"
    loop.day({"output/score": (0.9, 0.5, -np.inf)})
    over = only(loop.day({"output/score": (0.9, 0.5, -np.inf)}), "alarm_resolved")
    assert "side that is no fault" in over[0].reason


def test_chance_within_the_floor_ends_no_alarm_while_evidence_grows(watched):
    loop = watched(family="performance")
    loop.day({"performance/mae @a=1": (0.3, 0.0, LOUD)})
    lucky = [loop.day({"performance/mae @a=1": (0.0, 0.0, LOUD + d / 2)}) for d in range(5)]
    assert lucky == [[]] * 5
    loop.day({"performance/mae @a=1": (0.0, 0.0, LOUD + 1.0 - 0.5)})
    assert loop.state.alarms.standing
    assert loop.state.alarms.standing["performance/mae @a=1"].within == 1, "fallen by more now"


def test_evidence_from_before_the_end_of_an_alarm_raises_no_other(watched):
    loop = watched()
    loop.day({"drift/a": (0.3, 0.0, LOUD)})
    loop.day({"drift/a": (0.0, 0.0, LESS)})
    out = loop.day({"drift/a": (0.0, 0.0, LESS)})
    assert [r.kind for r in out] == ["alarm_resolved", "streams_restarted"]
    assert loop.state.alarms.monitors["inputs"].speaking == {}
    assert loop.day({"drift/a": (0.0, 0.0, -1.0)}) == []
    assert only(loop.day({"drift/a": (0.3, 0.0, LOUD)}), "alarm_raised"), "anew, it alarms again"


def test_windows_of_one_long_tick_raise_no_alarm_by_evidence_that_an_end_has_voided(
    watched, make_window
):
    loop = watched()
    ends = [loop.now_ns + day * DAY_NS for day in range(1, 7)]
    windows = [make_window(ends[0], {"drift/a": (0.3, 0.0, LOUD)})]
    windows += [make_window(end, {"drift/a": (0.0, 0.0, LESS)}) for end in ends[1:]]

    out = loop.tick(*windows, hours=6 * 24)

    kinds = ["alarm_raised", "alarm_resolved", "streams_restarted"]
    assert [r.kind for r in out if r.kind in kinds] == kinds
    assert only(loop.day({"drift/a": (0.3, 0.0, LOUD)}), "alarm_raised"), "with the next tick anew"


def test_a_stream_of_few_rows_is_resolved_when_nothing_speaks_for_it_any_more(watched, make_window):
    loop = watched()
    loop.day({"performance/mae @a=1": (9.0, 5.0, LOUD)}, family="performance", floor=0.2)

    def noisy(value, log10_e):
        window = make_window(
            loop.now_ns + DAY_NS,
            {"performance/mae @a=1": (value, 5.0, log10_e)},
            family="performance",
            floor=0.2,
        )
        window.low[:], window.high[:] = value - 9.0, value - 1.0
        return loop.tick(window, hours=24)

    assert noisy(7.0, 0.5) == []
    for _ in range(SILENT - 1):
        assert noisy(6.0, -np.inf) == []
    resolved = noisy(6.0, -np.inf)[0]
    assert "Nothing speaks" in resolved.reason
    assert resolved.evidence["log10_e"] == -np.inf
    resolved.canonical()


def test_alarms_end_with_the_reference_they_compare_with(watched):
    loop = watched("inputs", "nulls")
    loop.day({"drift/a": (0.3, 0.0, LOUD)})
    loop.day({"quality/a:missing": (0.3, 0.0, LOUD)}, monitor="nulls", family="quality")
    renewed = ReferenceRenewed(
        ts_event_ns=loop.now_ns, ts_record_ns=loop.now_ns, monitor="inputs", champion="v2"
    )
    (resolved,) = loop.tick(renewed)
    assert resolved.subject == "drift/a"
    assert "v2 is champion" in resolved.reason
    assert list(loop.state.alarms.standing) == ["quality/a:missing"]


def test_an_alarm_of_a_stream_that_is_gone_ends_and_of_one_that_cannot_be_measured_stays(watched):
    loop = watched(share=0.9)
    loop.day({f"drift/{name}": (0.3, 0.0, LOUD) for name in "abc"})
    rest = {"drift/z": (0.0, 0.0, 0.0)}
    why = {"drift/b": "no rows", "c": "all null"}
    for _ in range(windows_gone(DAY_NS) - 1):
        assert loop.day(rest, unmeasured=why) == []
    out = loop.day(rest, unmeasured=why)
    assert [r.subject for r in only(out, "alarm_resolved")] == ["drift/a"]
    assert loop.day({}) == loop.day({}) == [], "a window without rows says nothing"
    assert list(loop.state.alarms.standing) == ["drift/b", "drift/c"]


def test_alarms_on_a_version_end_with_its_rollout(watched):
    loop = watched(share=0.9)
    loop.day({"output/score [v2]": (0.3, 0.0, LOUD), "output/score": (0.3, 0.0, LOUD)})
    ended = RolloutEnded(ts_event_ns=0, ts_record_ns=0, subject="v2", reason="", outcome="aborted")
    (resolved,) = loop.tick(ended)
    assert (resolved.kind, resolved.subject) == ("alarm_resolved", "output/score [v2]")
    assert "not in play" in resolved.reason
    late = loop.day({"output/score [v2]": (0.5, 0.0, LOUD), "output/score": (0.3, 0.0, LOUD)})
    assert late == [], "its last predictions mature after its end"
    loop.tick(RolloutAdvanced(ts_event_ns=0, ts_record_ns=0, subject="v2", reason="", share=0.1))
    again = loop.day({"output/score [v2]": (0.5, 0.0, LOUD), "output/score": (0.3, 0.0, LOUD)})
    assert [r.subject for r in again] == ["output/score [v2]"], "it is tried once more"


# ---------------------------------------------------------------- what is kept and told


def test_alarms_survive_a_snapshot(watched):
    loop = watched()
    loop.day({"drift/a": (0.3, 0.0, LOUD), "drift/b": (0.1, 0.0, 1.0)})
    again = decode(encode(loop.state))
    assert again.alarms == loop.state.alarms


def test_the_facts_say_what_is_watched_and_what_of_the_budget_is_spent(watched):
    loop = watched("inputs", "nulls", share=0.25)
    assert alarm_facts(loop.state.alarms, None, loop.now_ns) is None
    rule = loop.state.config_.alarms
    empty = alarm_facts(loop.state.alarms, rule, loop.now_ns)
    assert empty["budget"] == {
        "declared": 0.5,
        "days": 30.0,
        "expected": 0.0,
        "raised": 0,
        "since": None,
    }
    assert [row["streams"] for row in empty["monitors"]] == [0, 0]
    loop.day({"drift/a": (0.3, 0.0, LOUD)}, streams_total=40, unmeasured={"drift/c": "no rows"})
    for _ in range(14):
        loop.day(
            {"quality/a:missing": (0.3, 0.0, -np.inf)},
            monitor="nulls",
            family="quality",
            streams_total=5,
        )
    facts = alarm_facts(loop.state.alarms, rule, loop.now_ns)
    assert facts["budget"]["expected"] == pytest.approx(0.25)
    assert facts["budget"]["raised"] == 1
    assert facts["streams"] == 45
    assert facts["by_severity"] == {"info": 0, "warning": 1, "critical": 0}
    assert facts["monitors"][0]["unmeasured"] == {"drift/c": "no rows"}
    (row,) = facts["standing"]
    assert (row["stream"], row["acknowledged_by"], row["silenced"]) == ("drift/a", "", False)
    loop.day({"drift/a": (0.3, 0.0, LOUD)})
    later = alarm_facts(loop.state.alarms, rule, loop.now_ns + 31 * DAY_NS)
    assert later["budget"]["raised"] == 0, "an alarm of the month before"


def test_names_of_streams_say_what_they_are_about():
    name = "quality/temp:missing @origin=JFK [v003-ab12cd]"
    assert (subject_of(name), group_of(name)) == ("temp:missing", "origin=JFK")
    assert names_column(name, "temp")
    assert not names_column(name, "tem")
    assert names_column("drift/a:b", "a:b")
    assert group_of("drift/plain") == ""


def test_a_pattern_of_many_stars_takes_no_time():
    name = "drift/" + "a" * 200
    assert matcher("*a" * 60 + "*").fullmatch(name)
    assert not matcher("*a" * 60 + "*b").fullmatch(name)
    assert matcher("drift/*temp*@*=JFK").fullmatch("drift/temp @origin=JFK")
    assert not matcher("drift/*temp*@*=JFK").fullmatch("drift/temp @origin=JFKX")
