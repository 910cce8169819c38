"""`autopilot`: choose a policy on the past, report on what followed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from ostinato.core.errors import ConfigError, DataError
from ostinato.core.units import format_time
from ostinato.loop.loop import Loop, Prices
from ostinato.loop.policy import Policy
from ostinato.loop.suited import with_suite
from ostinato.replay.advice import Advice
from ostinato.replay.choose import pick
from ostinato.replay.compare import QUIET_LINES, Comparison, comparison_table
from ostinato.replay.drift import find_drift
from ostinato.replay.family import family, with_static
from ostinato.replay.followed import follow
from ostinato.replay.history import History, make_history
from ostinato.replay.progress import Report
from ostinato.replay.race import Race, Runner, race, rung_ends
from ostinato.replay.report import render_comparison
from ostinato.replay.result import make_replay, write_text
from ostinato.replay.run import (
    TICKS_PER_REPORT,
    TRAIN_TAKES,
    Run,
    check_policy,
    check_tick,
    make_run,
    progress_of,
    ticks,
)
from ostinato.replay.scores import ModelScores
from ostinato.replay.training import Trainer
from ostinato.replay.verdict import Gain, nested_advice
from ostinato.stores.journal_memory import MemoryJournal
from ostinato.stores.tables import read_table

REPORT_SHARE: Final = 0.25
"""Share of the served rows that the choice does not see. Smaller leaves too little to show what the
choice is worth; larger leaves too little to choose on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Autopilot:
    """A policy chosen on the past, with what it was worth on what followed.

    Parameters
    ----------
    name, policy
        The policy chosen, from the rows and labels known at `chosen_at` alone. Static where
        nothing was better beyond one standard error.
    loop
        The loop with this policy set.
    sure
        In which share of the histories drawn anew it is the best of the finalists and static.
    chosen_at
        When the choice was made; what was asked for later is the report part.
    choice
        The rungs, a row per policy and rung: `rung, until, policy, retrains, value, low, high,
        kept`. `value` is the net value per month against static on the rung's own rows, as
        measured, with a 95 % interval.
    report
        A row per finalist on the report part: `policy`, the metric, `retrains, promotions,
        rollbacks, cost, value, low, high, regret`; `value` and `regret` are per month, net.
    gain
        Value in the sample, after shrinkage and reported, evidence, regret.
    advice
        Whether continuous learning is worth it, judged on the report part.
    comparison
        Static and the finalists over the whole history.
    """

    name: str
    policy: Policy
    loop: Loop
    sure: float
    chosen_at: str
    choice: pl.DataFrame
    report: pl.DataFrame
    gain: Gain
    advice: Advice
    comparison: Comparison

    @property
    def text(self) -> str:
        """The advice in words."""
        return self.advice.text

    def to_dict(self, *, quiet: int = 0) -> dict[str, Any]:
        """Return everything but the single predictions as JSON types; `quiet` as for a `Replay`."""
        rungs = self.choice.with_columns(pl.col("until").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
        return {
            **self.comparison.to_dict(quiet=quiet),
            "format": "ostinato.autopilot/1",
            "choice": {
                "name": self.name,
                "sure": self.sure,
                "chosen_at": self.chosen_at,
                "rungs": [_known(row) for row in rungs.to_dicts()],
                "report": [_known(row) for row in self.report.to_dicts()],
                "gain": self.gain.to_dict(),
            },
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """Write the choice and the comparison of the finalists as JSON; return the text."""
        return write_text(json.dumps(self.to_dict(), indent=1), path)

    def to_html(self, path: str | Path | None = None) -> str:
        """Write them as one self-contained HTML page; return the text."""
        return write_text(render_comparison(self.to_dict(quiet=QUIET_LINES)), path)


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if value != value else value for name, value in row.items()}  # noqa: PLR0124 - NaN


def autopilot(
    loop: Loop,
    data: Any,
    policies: Mapping[str, Policy] | None = None,
    tick: str | int = "1h",
    start: Any = None,
    end: Any = None,
    seed: int = 0,
    *,
    prices: Prices | None = None,
    report_share: float = REPORT_SHARE,
    train_takes: str = TRAIN_TAKES,
    progress: Report | None = None,
) -> Autopilot:
    """Choose a policy by backtest: successive halving on the past, a report on what followed.

    All policies start; after a ninth and a third of the past the better third goes on, with those
    that may still be the best and those that have yet to act. The choice is made from the finalists
    when `report_share` of the rows are still to come, and nothing after that moment can change it.
    Then the finalists run to the end, and only these last rows say what the choice was worth.

    Parameters
    ----------
    loop, data, tick, start, end, seed, train_takes, progress
        As for `replay`.
    policies
        Policy by name. Default: static, and schedules, label counts, degradation triggers and the
        loop's own policy, as far as the history has room for them. A static policy is added when
        there is none.
    prices
        What a better metric, training, labels and alarms are worth; default: the loop's.
    report_share
        Share of the served rows that is kept for the report, in (0, 0.5].

    Returns
    -------
    Autopilot

    Raises
    ------
    InputError
        If the declaration or the data cannot be used.
    LoopError
        If no first champion can be trained.
    """
    check_tick(tick)
    _check_share(report_share)
    loop = with_suite(loop if prices is None else replace(loop, prices=prices))
    history = make_history(loop, read_table(data), start=start, end=end)
    after_ns = choice_moment(history, report_share)
    chosen = _candidates(loop, history, policies, after_ns)
    runners = make_runners(loop, history, chosen, tick=tick, seed=seed, train_takes=train_takes)
    schedule = list(ticks(history, tick))
    tell = _teller(list(chosen), progress)
    ends = rung_ends(history.start_ns, after_ns, len(chosen) - 1)
    found = race(runners, ends=ends, schedule=schedule, seed=seed, tell=tell)
    picked = pick(found)
    # From here on the rest of the history is told; nothing above can know of it.
    finalists = {found.static.name: found.static, **found.going}
    for runner in finalists.values():
        runner.advance(schedule, schedule[-1][0], tell)
    replays = {
        name: make_replay(runner.run, name=name, tick=tick, seed=seed)
        for name, runner in finalists.items()
    }
    followed = follow(found, replays, after_ns=after_ns, seed=seed)
    advice, gain = nested_advice(
        found,
        picked,
        followed,
        prices=loop.prices,
        tried=len(chosen) - 1,
        find=lambda: find_drift(loop, history, seed=seed),
    )
    return Autopilot(
        name=picked.name,
        policy=chosen[picked.name],
        loop=replace(loop, policy=chosen[picked.name]),
        sure=picked.sure,
        chosen_at=format_time(after_ns),
        choice=_rungs(found),
        report=followed.table(),
        gain=gain,
        advice=advice,
        comparison=Comparison(
            replays=replays,
            table=comparison_table(replays, seed),
            advice=advice,
            prices=loop.prices,
        ),
    )


def choice_moment(history: History, report_share: float) -> int:
    """Return when so large a share of the served rows is still to come.

    Rows of one moment stay together, and what follows spans time: two moments at least.

    Raises
    ------
    DataError
        If there are too few moments to choose at one and report on others.
    """
    served = history.times_ns[history.first :]
    moments = np.unique(served)
    if len(moments) < _FEWEST_MOMENTS:
        raise DataError(
            "There are too few moments to choose at one of them and report on what followed",
            found=f"{len(moments)} different times in {len(served)} served rows",
            expected=f"at least {_FEWEST_MOMENTS}",
            hint="Give an earlier start, finer times, or more data.",
        )
    past = max(int(len(served) * (1.0 - report_share)), 1)
    return min(int(served[past - 1]), int(moments[-_FEWEST_MOMENTS]))


_FEWEST_MOMENTS: Final = 3  # one to choose at, two that follow: values are per month between them


def _check_share(report_share: float) -> None:
    if not 0.0 < report_share <= 0.5:
        raise ConfigError(
            "autopilot(report_share=...) is out of range",
            found=repr(report_share),
            expected="(0, 0.5]",
            hint="0.25 keeps the last quarter of the history for the report.",
        )


def _candidates(
    loop: Loop, history: History, policies: Mapping[str, Policy] | None, until_ns: int
) -> dict[str, Policy]:
    if policies is None:
        return family(loop, history, until_ns=until_ns)
    if not policies:
        raise ConfigError("autopilot(policies=...) is empty", expected="at least one policy")
    for name, policy in policies.items():
        check_policy(policy, name=name)
    return with_static(policies)


def make_runners(
    loop: Loop,
    history: History,
    policies: Mapping[str, Policy],
    *,
    tick: str | int,
    seed: int,
    train_takes: str = TRAIN_TAKES,
) -> dict[str, Runner]:
    """Put the policies' runs together, before their first step; they share trainings and scores."""
    trainer = Trainer(loop=loop, history=history, scores=ModelScores(history.frame))
    return {
        name: Runner(
            name=name,
            run=make_run(
                loop,
                policy,
                history,
                trainer,
                tick=tick,
                seed=seed,
                train_takes=train_takes,
                journal=MemoryJournal(),
            ),
        )
        for name, policy in policies.items()
    }


def _teller(names: list[str], report: Report | None) -> Callable[[Run, str], None]:
    def tell(run: Run, name: str) -> None:
        done = len(run.recorder.ticks) % TICKS_PER_REPORT == 0
        if report is not None and (done or run.next_row == len(run.history)):
            report(progress_of(run, name, names.index(name), len(names)))

    return tell


def _rungs(found: Race) -> pl.DataFrame:
    schema = {
        "rung": pl.Int64,
        "until_ns": pl.Int64,
        "policy": pl.String,
        "retrains": pl.Int64,
        "value": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "kept": pl.Boolean,
    }
    until = pl.from_epoch("until_ns", time_unit="ns").dt.replace_time_zone("UTC").alias("until")
    table = pl.DataFrame(found.table, schema=schema).with_columns(until)
    return table.select("rung", "until", "policy", "retrains", "value", "low", "high", "kept")
