"""`autopilot` chooses on the past, reports on what followed, and cannot see what it must not."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import ostinato as ost
from ostinato.core.clock import Stopwatch
from ostinato.core.units import DAY_NS
from ostinato.replay.training import Trainer


def benchmark(name):
    path = Path(__file__).parents[3] / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # its classes can be found and pickled
    spec.loader.exec_module(module)
    return module


worlds, availability = benchmark("choose"), benchmark("availability")

ROWS = 6_000
POLICIES = {
    "static": ost.policies.static(),
    "every 7d": ost.policies.scheduled("7d"),
    "every 14d, last 30d": ost.policies.scheduled("14d", window=ost.Last("30d")),
    "triggered": ost.policies.triggered(window=ost.SinceChange()),
}
BY_NAME = {world.name: world for world in (*worlds.WORLDS, *worlds.ONCE)}


def chosen(name, *, seed=0, table=None, **changes):
    table = worlds.make_world(BY_NAME[name], seed, ROWS) if table is None else table
    settings = {"policies": POLICIES, "tick": "1d", **changes}
    return ost.autopilot(worlds.make_loop(), table, **settings)


@pytest.fixture(scope="module")
def drift():
    return chosen("steady drift")


@pytest.fixture(scope="module")
def late():
    world = worlds.World("late", "turn", at=0.78)  # the choice is made at 0.775
    policies = {name: POLICIES[name] for name in ("static", "every 14d, last 30d")}
    return chosen("late", table=worlds.make_world(world, 0, 12_400), policies=policies)


def test_where_the_world_drifts_a_policy_that_learns_is_chosen_and_holds(drift):
    assert drift.name != "static"
    assert drift.policy == POLICIES[drift.name] == drift.loop.policy
    assert drift.advice.worth_it
    assert drift.advice.policy == drift.name
    assert drift.text.startswith(f"Worth it: use {drift.name!r}. On what followed ")
    assert drift.gain.evidence >= 20
    assert 0 < drift.sure <= 1


def test_where_the_world_stands_still_static_is_chosen():
    found = chosen("still", start="1970-02-10")
    assert found.name == "static"
    assert not found.advice.worth_it
    assert found.text.startswith("Not worth it: ")
    assert found.loop.policy == ost.policies.static()


def test_a_change_after_the_choice_is_not_chosen_for_but_what_follows_can_prove_it(late):
    assert late.name == "static"
    assert late.gain.in_sample < 10
    assert late.advice.worth_it
    assert late.advice.policy == late.gain.policy != "static"
    assert late.gain.regret > 0


def test_the_gain_on_the_past_is_shrunken_and_the_report_is_of_later_rows(drift):
    gain = drift.gain
    assert gain.in_sample.low < gain.in_sample < gain.in_sample.high
    assert gain.shrunken < drift.advice.in_sample + 1e-9
    assert drift.advice.value_per_month == gain.reported
    assert gain.regret.low <= gain.regret <= gain.regret.high


def test_the_rungs_tell_who_went_on(drift):
    table = drift.choice
    assert table.columns == [
        "rung", "until", "policy", "retrains", "value", "low", "high", "kept",
    ]  # fmt: skip
    ends = table.group_by("rung", maintain_order=True).agg(pl.col("until").first())["until"]
    assert ends.is_sorted()
    assert ends[-1].strftime("%Y-%m-%dT%H:%M:%SZ") == drift.chosen_at
    last = table.filter(pl.col("rung") == table["rung"].max())
    assert set(last.filter("kept")["policy"]) | {"static"} == set(drift.comparison.replays)
    assert len(set(last.filter("kept")["policy"])) >= 2


def test_a_run_that_pauses_at_every_rung_is_the_run_of_a_replay(drift):
    table, loop = worlds.make_world(BY_NAME["steady drift"], 0, ROWS), worlds.make_loop()
    alone = ost.replay(loop, table, policy=POLICIES[drift.name], tick="1d")
    assert drift.comparison.replays[drift.name].journal_hash == alone.journal_hash


def test_the_report_part_adds_up(drift):
    static = drift.comparison.replays["static"]
    own = drift.comparison.replays[drift.name]
    moment = pl.Series([drift.chosen_at]).str.to_datetime(time_unit="ns", time_zone="UTC")[0]
    after = (static.predictions["time"] > moment).to_numpy()
    assert 0.2 < after.mean() < 0.3
    row = drift.report.row(by_predicate=pl.col("policy") == drift.name, named=True)
    known = after & ~np.isnan(own.books.losses)
    assert row["log_loss"] == pytest.approx(own.books.losses[known].mean())
    times = static.books.times_ns[after]
    months = (times[-1] - times[0]) / (86_400e9 * 30.4375)
    spared = (static.books.harm - own.books.harm)[after].sum() - own.books.cost[after].sum()
    assert row["value"] == pytest.approx(spared / months)
    assert row["cost"] == pytest.approx(own.books.cost[after].sum())
    assert drift.report["policy"][0] == "static"
    assert drift.report["regret"].min() == 0.0


def test_the_document_is_json_and_has_the_same_names(drift, tmp_path):
    text = drift.to_json(tmp_path / "choice.json")

    def refuse(value):
        raise AssertionError(value)

    document = json.loads(text, parse_constant=refuse)
    assert document["format"] == "ostinato.autopilot/1"
    assert document["advice"]["policy"] == drift.advice.policy
    assert document["choice"]["name"] == drift.name
    assert document["choice"]["gain"]["reported"] == float(drift.gain.reported)
    assert [row["policy"] for row in document["table"]] == list(drift.comparison.replays)
    assert (tmp_path / "choice.json").read_text(encoding="utf-8") == text


def test_the_page_shows_how_the_policy_was_chosen(drift, tmp_path):
    page = drift.to_html(tmp_path / "choice.html")
    assert 'id="choice">How the policy was chosen' in page
    for text in ("As measured on the past", "After shrinkage", "On what followed", "The rungs"):
        assert text in page
    for name in POLICIES:
        assert name in page
    assert "How the policy was chosen" not in drift.comparison.to_html()


def test_only_static_leaves_nothing_to_choose():
    found = chosen("still", policies={"static": ost.policies.static()})
    assert found.name == "static"
    assert "nothing to compare" in found.text
    assert found.choice.height == 0
    assert "How the policy was chosen" in found.to_html()


def test_a_static_policy_is_added():
    found = chosen("still", policies={"every 14d": ost.policies.scheduled("14d")})
    assert list(found.comparison.replays) == ["static", "every 14d"]


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks_can_be_chosen_for_too(task):
    rng = np.random.default_rng(2)
    rows = 1_500
    x, turn = rng.normal(size=rows), np.linspace(1, -1, rows)
    level = turn * x + 0.3 * rng.normal(size=rows)
    y = np.digitize(level, [-0.5, 0.5]) if task == "multiclass" else level
    table = pl.DataFrame({"t": np.arange(rows) * 4_000, "x": x, "y": y})
    loop = ost.Loop(
        name="other",
        task=task,
        time="t",
        features=["x"],
        label="y",
        learner=LogisticRegression() if task == "multiclass" else LinearRegression(),
        monitors=None,
    )
    policies = {"recent": ost.policies.scheduled("7d", window=ost.Last("14d"))}
    found = ost.autopilot(loop, table, policies, tick="1d")
    assert found.report[loop.metric].is_finite().all()
    assert found.report["value"][1] > 0
    json.loads(found.to_json())


@pytest.mark.parametrize("share", [0.0, -0.1, 0.6, float("nan")])
def test_a_report_share_out_of_range_is_refused(share):
    with pytest.raises(ost.ConfigError, match="report_share"):
        chosen("still", report_share=share)


def snapshots(moments):
    """A month of rows to begin with, then months whose rows all bear one time."""
    table = worlds.make_world(BY_NAME["steady drift"], 0, 500 * (moments + 1))
    row = pl.int_range(pl.len())
    month = row // 500 * 30 * 86_400
    return table.with_columns(t=pl.when(row < 500).then(row * 4_000).otherwise(month))


def test_rows_of_one_moment_stay_on_one_side_of_the_choice():
    found = chosen("five snapshots", table=snapshots(5), start=29 * 86_400)
    assert found.chosen_at == "1970-04-01T00:00:00Z"  # the third of five; two follow
    after = found.comparison.replays["static"].predictions.filter(
        pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%SZ") > found.chosen_at
    )
    assert after.height == 1_000
    assert found.report["value"].abs().max() < 10_000  # 1,000 rows, one month


def test_too_few_moments_are_refused_before_anything_is_run(monkeypatch):
    monkeypatch.delattr(Trainer, "carry_out")
    with pytest.raises(ost.DataError, match="too few moments"):
        chosen("two snapshots", table=snapshots(2), start=29 * 86_400)


def test_no_policies_and_no_policy_are_refused():
    with pytest.raises(ost.ConfigError, match="empty"):
        chosen("still", policies={})
    with pytest.raises(ost.ConfigError, match="no Policy"):
        chosen("still", policies={"weekly": "7d"})


def test_progress_is_told_to_the_end():
    told = []
    chosen("still", table=worlds.make_world(BY_NAME["still"], 0, 2_000), progress=told.append)
    assert {each.policy for each in told} <= set(POLICIES)
    assert {each.policies for each in told} == {len(POLICIES)}
    assert told[-1].events == told[-1].events_total


# ------------------------------------------------------------------ no look into the future


def altered(table, moment, rng):
    """Make the rows after a moment other rows, and turn round the labels that came after it."""
    late = table.filter(pl.col("t") > moment)
    order = rng.permutation(late.height)
    other = late.with_columns(
        t=pl.Series(np.sort(rng.integers(moment + 1, late["t"].max() + 1, late.height))),
        cell=late["cell"][order],
        y=pl.Series(rng.integers(0, 2, late.height)) if rng.random() < 0.5 else 1 - late["y"],
    )
    early = table.filter(pl.col("t") <= moment)
    told = pl.col("t") + 6 * 3600 <= moment  # labels come after 6 hours
    early = early.with_columns(y=pl.when(told).then(pl.col("y")).otherwise(1 - pl.col("y")))
    return pl.concat([early, other])


@pytest.mark.parametrize("seed", range(3))
def test_nothing_after_the_choice_changes_it_or_any_decision_before_it(seed):
    rng = np.random.default_rng(seed)
    name = ("five turns", "steady drift", "one turn at 30 %")[seed]
    table = worlds.make_world(BY_NAME[name], seed, 3_000)
    # Ticks are closer than labels are late, so that some rows are told and not yet known.
    settings = {"start": "1970-01-12", "tick": "3h"}
    before = chosen(name, table=table, **settings)
    moment = int(pl.Series([before.chosen_at]).str.to_datetime(time_zone="UTC").dt.epoch("s")[0])
    after = chosen(name, table=altered(table, moment, rng), **settings)
    assert (before.name, before.sure, before.chosen_at) == (after.name, after.sure, after.chosen_at)
    assert before.choice.equals(after.choice)
    assert before.gain.in_sample == after.gain.in_sample
    assert before.gain.shrunken == after.gain.shrunken
    assert not before.report.equals(after.report)
    until = pl.from_epoch(pl.lit(moment)).dt.replace_time_zone("UTC")
    for policy, replay in before.comparison.replays.items():
        both = (replay, after.comparison.replays[policy])
        hashes = [each.decisions.filter(pl.col("time") <= until)["hash"].to_list() for each in both]
        assert len(hashes[0]) >= 4
        assert hashes[0] == hashes[1]


def test_how_many_rows_follow_the_choice_changes_neither_the_family_nor_the_choice():
    # 690 labels come before the start: three times as many are there in all, not up to the choice.
    table = worlds.make_world(BY_NAME["steady drift"], 0, 3_000)
    start = int(table["t"][690])
    settings = {"policies": None, "start": start, "tick": "2d"}
    before = chosen("steady drift", table=table, **settings)
    moment = int(pl.Series([before.chosen_at]).str.to_datetime(time_zone="UTC").dt.epoch("s")[0])
    past = table.filter((pl.col("t") >= start) & (pl.col("t") <= moment)).height
    fewer = table[: 690 + past + 200]
    share = 1.0 - (past + 0.5) / (past + 200)
    after = chosen("steady drift", table=fewer, report_share=share, **settings)
    assert before.choice["policy"].n_unique() >= 4
    assert (before.name, before.sure, before.chosen_at) == (after.name, after.sure, after.chosen_at)
    assert before.choice.equals(after.choice)


def test_no_decision_knows_a_label_before_it_came():
    found = availability.fuzz(200, seed=7)
    assert found.look_aheads == 0
    assert found.decisions > 2000


def test_the_fuzz_finds_a_trainer_that_looks_ahead(monkeypatch):
    real = Trainer.carry_out

    def early(self, order, hard, artifacts, *, now_ns, **others):
        return real(self, order, hard, artifacts, now_ns=now_ns + 2 * DAY_NS, **others)

    monkeypatch.setattr(Trainer, "carry_out", early)
    assert availability.fuzz(20, seed=7).look_aheads > 0


# ------------------------------------------------------------------ no look at a stopwatch


def slow_watch(monkeypatch):
    """Let whatever is measured take an hour longer, each time another one."""
    real, late = Stopwatch.__exit__, iter(range(1, 10_000))

    def leave(self, *exc):
        real(self, *exc)
        self.cpu_seconds += 3600.0 * next(late)
        self.wall_seconds += 3600.0

    monkeypatch.setattr(Stopwatch, "__exit__", leave)


@pytest.mark.parametrize("makes", [ost.autopilot, ost.compare], ids=["autopilot", "compare"])
def test_a_slow_machine_chooses_and_advises_alike_to_the_byte(makes, monkeypatch):
    table = worlds.make_world(BY_NAME["steady drift"], 0, 2_000)
    settings = {"tick": "1d", "prices": ost.Prices(metric_unit=1.0, train_hour=1.0)}
    found = []
    for slow in (False, True):
        if slow:
            slow_watch(monkeypatch)
        made = makes(worlds.make_loop(), table, POLICIES, **settings)
        document = made.to_dict()
        found.append({name: json.dumps(document.get(name)) for name in ("advice", "choice")})
        spent = [replay["cost"]["train_seconds"] for replay in document["replays"].values()]
        assert (max(spent) > 3600) == slow
    assert found[0] == found[1]
    assert " A training counts as 10m: 0.17 units." in made.advice.text


# ------------------------------------------------------------------ is it a good choice?


@pytest.mark.parametrize("name", worlds.QUICK)
def test_the_choice_is_within_five_percent_of_the_best_in_hindsight(name):
    found = worlds.outcome_of(BY_NAME[name], 11, ROWS, tick="1d", policies=POLICIES)
    assert found.excess <= 0.05
