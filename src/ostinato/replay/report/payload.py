"""What the page's scripts get: aggregated series, slices and versions, one entry per policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ostinato.replay.report.figures import number
from ostinato.replay.report.table import baseline_of, colours_of
from ostinato.replay.report.timeline import Grid, condense

MEAN_OF_ROWS: Final = ("log_loss", "brier", "error_rate", "mae", "mse", "mape")
"""Metrics that are the mean of the losses a trigger watches: only on their chart do the trigger's
expected loss and limit have the right scale."""

_DECISION_FIELDS: Final = (
    "seq",
    "time",
    "kind",
    "subject",
    "reason",
    "evidence",
    "policy_digest",
    "hash",
)


def chart_data(
    replays: Mapping[str, Mapping[str, Any]], advice: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the series and tables of all policies, on one time grid.

    Parameters
    ----------
    replays
        Replay documents by policy name; at least one, all of one loop.
    advice
        The comparison's advice; its prices turn gains into money, its best policy is shown first.
    """
    first, advice = next(iter(replays.values())), advice or {}
    names = list(replays)
    grid = Grid.over([replay["timeline"] for replay in replays.values()])
    colours = colours_of(names)
    metric = str(first["metric"])
    return {
        "metric": metric,
        "lower_is_better": bool(first["lower_is_better"]),
        "loss_scale": metric in MEAN_OF_ROWS,
        "money": _money(metric, advice.get("prices") or {}),
        "open": advice.get("best") or advice.get("policy"),
        "baseline": baseline_of(names),
        "width": grid.width,
        "width_hours": grid.width_ns / 3.6e12,
        "times": grid.times(),
        "policies": [
            {"name": name, "colour": colours[name], **_policy_data(replay, grid, metric)}
            for name, replay in replays.items()
        ],
    }


def journals(replays: Mapping[str, Mapping[str, Any]]) -> dict[str, list[list[Any]]]:
    """Return the decisions of every policy as rows of `_DECISION_FIELDS`, in order."""
    return {
        name: [
            [decision.get(field) for field in _DECISION_FIELDS] for decision in replay["decisions"]
        ]
        for name, replay in replays.items()
    }


def _money(metric: str, prices: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a unit of the metric is worth, where value is counted in the metric at all."""
    unit = number(prices.get("metric_unit"))
    by_matrix = prices.get("false_positive") is not None
    if metric not in MEAN_OF_ROWS or by_matrix or not unit > 0:
        return None
    return {"unit": unit, "currency": str(prices.get("currency") or "units")}


def _policy_data(replay: Mapping[str, Any], grid: Grid, metric: str) -> dict[str, Any]:
    return {
        "text": replay["policy"].get("text") or "",
        "digest": replay["policy"].get("digest") or "",
        "metrics": replay["metrics"],
        "cost": replay["cost"],
        "series": condense(replay["timeline"], grid, metric),
        "slices": replay["slices"],
        "versions": replay["versions"],
    }
