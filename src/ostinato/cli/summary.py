"""Results as text for a terminal: readable without colour, at any width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ostinato.cli.output import aligned
from ostinato.replay.report.figures import amount, count, day, metric, seconds, share

_NAMED: Final = 5  # alarms that stand; the report has all

_COLUMNS: Final = {
    "retrains": count,
    "promotions": count,
    "rollbacks": count,
    "label_coverage": share,
    "train_seconds": seconds,
    "cost": amount,
    "value": amount,
    "regret": amount,
}


def replay_text(document: Mapping[str, Any]) -> str:
    """Write the result of one policy."""
    name, metrics, cost = document["metric"], document["metrics"], document["cost"]
    rows = [
        [name, metric(metrics[name])],
        ["predictions", count(metrics["n"])],
        ["labelled", share(metrics["label_coverage"])],
        *([word, count(cost[word])] for word in ("retrains", "promotions", "rollbacks")),
        ["training", seconds(cost["train_seconds"])],
        *_alarms(document),
        ["journal", str(document["journal_hash"])],
    ]
    policy = document["policy"]["name"]
    title = (
        f"{document['loop']}, policy {policy}, {day(document['start'])} to {day(document['end'])}"
    )
    return f"{title}\n\n{aligned(rows, left=2)}"


def _alarms(document: Mapping[str, Any]) -> list[list[str]]:
    """Say how many alarms there were beside the false ones the budget allows, and which stand."""
    watch = document.get("watch")
    if watch is None:
        return []
    raised, may_be = len(document["alarms"]), watch["budget"]["expected"]
    standing = [each["stream"] for each in watch["standing"]]
    rows = [["alarms", f"{count(raised)}, where {may_be:.2g} may be false"]]
    named = ", ".join(standing[:_NAMED]) + (" ..." if len(standing) > _NAMED else "")
    return [*rows, ["standing", named]] if standing else rows


def comparison_text(document: Mapping[str, Any]) -> str:
    """Write the table of policies and the advice."""
    name = document["metric"]
    head = ["policy", name, "interval", *(column.replace("_", " ") for column in _COLUMNS)]
    rows = [_row(row, name) for row in document["table"]]
    return f"{aligned([head, *rows])}\n\n{document['advice']['text']}"


def _row(row: Mapping[str, Any], name: str) -> Sequence[str]:
    low, high = metric(row.get(f"{name}_low")), metric(row.get(f"{name}_high"))
    figures = [write(row.get(column)) for column, write in _COLUMNS.items()]
    return [str(row["policy"]), metric(row.get(name)), f"{low} to {high}", *figures]
