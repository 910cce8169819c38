"""`compare`: several policies over the same history, and which one was worth it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from ostinato.core.errors import ConfigError
from ostinato.core.rng import stream
from ostinato.loop.loop import Loop, Prices
from ostinato.loop.policies import scheduled, static, triggered
from ostinato.loop.policy import Policy
from ostinato.loop.suited import with_suite
from ostinato.replay.advice import Advice, give_advice
from ostinato.replay.blocks import metric_interval
from ostinato.replay.drift import find_drift
from ostinato.replay.family import with_static
from ostinato.replay.history import make_history
from ostinato.replay.progress import Report
from ostinato.replay.report import render_comparison
from ostinato.replay.result import Replay, make_replay, write_text
from ostinato.replay.run import TRAIN_TAKES, check_policy, check_tick, make_run, run_policy
from ostinato.replay.scores import ModelScores
from ostinato.replay.training import Trainer
from ostinato.stores.journal_memory import MemoryJournal
from ostinato.stores.tables import read_table

QUIET_LINES: Final = 12
"""As for a single replay, under each policy: inputs are the same under all of them."""

_COUNTED = ("retrains", "promotions", "rollbacks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Several policies over the same history.

    Parameters
    ----------
    replays
        `Replay` by policy name.
    table
        A row per policy: `policy`, the metric with `_low` and `_high` (95 %, block bootstrap over
        time), `retrains, promotions, rollbacks, label_coverage, train_seconds, predict_seconds,
        cost, value, regret`. `value` is what the answers saved against the first champion kept for
        ever; `regret` is what the best policy would have brought more, costs taken off.
    advice
        Whether continuous learning is worth it here, and by which policy.
    """

    replays: dict[str, Replay]
    table: pl.DataFrame
    advice: Advice
    prices: Prices

    def to_dict(self, *, quiet: int = 0) -> dict[str, Any]:
        """Return everything but the single predictions as JSON types; `quiet` as for a `Replay`."""
        first = next(iter(self.replays.values()))
        return {
            "format": "ostinato.comparison/1",
            "loop": first.loop,
            "task": first.task,
            "metric": first.metric,
            "lower_is_better": first.lower_is_better,
            "seed": first.seed,
            "replays": {name: each.to_dict(quiet=quiet) for name, each in self.replays.items()},
            "table": self.table.to_dicts(),
            "advice": self.advice.to_dict(self.prices),
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """Write the comparison as JSON; return the text."""
        return write_text(json.dumps(self.to_dict(), indent=1), path)

    def to_html(self, path: str | Path | None = None) -> str:
        """Write the comparison as one self-contained HTML page; return the text."""
        return write_text(render_comparison(self.to_dict(quiet=QUIET_LINES)), path)


def compare(
    loop: Loop,
    data: Any,
    policies: Mapping[str, Policy] | None = None,
    tick: str | int = "1h",
    start: Any = None,
    end: Any = None,
    seed: int = 0,
    *,
    prices: Prices | None = None,
    train_takes: str = TRAIN_TAKES,
    progress: Report | None = None,
) -> Comparison:
    """Replay several policies over the same history and say which was worth it.

    Parameters
    ----------
    loop, data, tick, start, end, seed, train_takes, progress
        As for `replay`.
    policies
        Policy by name. Default: static, scheduled, triggered. A static policy is added when there
        is none: it is what the others are measured against.
    prices
        What a better metric, training and labels are worth; default: the loop's.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If the declaration or the data cannot be used.
    LoopError
        If no first champion can be trained.
    """
    check_tick(tick)
    chosen = _chosen(policies)
    loop = with_suite(loop)
    if prices is not None:
        loop = replace(loop, prices=prices)
    history = make_history(loop, read_table(data), start=start, end=end)
    trainer = Trainer(loop=loop, history=history, scores=ModelScores(history.frame))
    replays: dict[str, Replay] = {}
    for index, (name, policy) in enumerate(chosen.items()):
        run = make_run(
            loop,
            policy,
            history,
            trainer,
            tick=tick,
            seed=seed,
            train_takes=train_takes,
            journal=MemoryJournal(),
        )
        run_policy(run, name=name, index=index, count=len(chosen), tick=tick, report=progress)
        replays[name] = make_replay(run, name=name, tick=tick, seed=seed)
    baseline = next(name for name, policy in chosen.items() if not policy.triggers)
    advice = give_advice(
        replays,
        baseline=baseline,
        prices=loop.prices,
        seed=seed,
        find=lambda: find_drift(loop, history, seed=seed),
    )
    return Comparison(
        replays=replays, table=comparison_table(replays, seed), advice=advice, prices=loop.prices
    )


def _chosen(policies: Mapping[str, Policy] | None) -> dict[str, Policy]:
    if policies is None:
        return {"static": static(), "scheduled": scheduled(), "triggered": triggered()}
    if not policies:
        raise ConfigError("compare(policies=...) is empty", expected="at least one policy")
    for each, policy in policies.items():
        check_policy(policy, name=each)
    return with_static(policies)


def comparison_table(replays: Mapping[str, Replay], seed: int) -> pl.DataFrame:
    """Draw up a row per policy; see `Comparison.table`."""
    net = {name: r.cost["value"] - r.cost["cost"] for name, r in replays.items()}
    best = max(net.values())
    rows = []
    for name, each in replays.items():
        low, high = metric_interval(each, stream(seed, f"interval/{name}"))
        rows.append(
            {
                "policy": name,
                each.metric: each.metrics[each.metric],
                f"{each.metric}_low": low,
                f"{each.metric}_high": high,
                **{what: int(each.cost[what]) for what in _COUNTED},
                "label_coverage": each.metrics["label_coverage"],
                "train_seconds": each.cost["train_seconds"],
                "predict_seconds": each.cost["predict_seconds"],
                "cost": each.cost["cost"],
                "value": each.cost["value"],
                "regret": best - net[name],
            }
        )
    return pl.DataFrame(rows)
