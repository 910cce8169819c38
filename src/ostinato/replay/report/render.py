"""The page put together: one document in, one HTML text out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ostinato.replay.report.choice import Choice, choice_of
from ostinato.replay.report.embed import asset, packed_json, script_json
from ostinato.replay.report.figures import FILTERS, number
from ostinato.replay.report.payload import chart_data, journals
from ostinato.replay.report.table import Interval, PolicyRow, baseline_of, placed, policy_rows
from ostinato.replay.report.watching import watch_data

STYLES: Final = ("page.css", "detail.css", "watch.css")
SCRIPTS: Final = (
    "theme.js",
    "series.js",
    "overview.js",
    "detail.js",
    "tables.js",
    "evidence.js",
    "decisions.js",
    "watch.js",
    "main.js",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the templates get.

    Parameters
    ----------
    loop, task, metric, lower_is_better, seed, start, end, tick
        As in the document.
    policies
        Names, in order.
    baseline
        The policy the others are measured against; None for a single replay.
    rows
        The table of policies; empty for a single replay.
    advice
        The document's advice; empty for a single replay.
    headline, grounds
        The advice's text: its first sentence, and the rest.
    advice_interval
        Value per month drawn on a scale that holds zero.
    choice
        How the policy was chosen; None where nothing was chosen on a past.
    totals
        Figures of the replay; of the first one in a comparison.
    hashes
        Journal hash by policy.
    data, decisions, watch
        What the scripts read, ready to embed.
    """

    loop: str
    task: str
    metric: str
    lower_is_better: bool
    seed: int
    start: str
    end: str
    tick: str
    policies: tuple[str, ...]
    baseline: str | None
    rows: tuple[PolicyRow, ...]
    advice: Mapping[str, Any]
    headline: str
    grounds: str
    advice_interval: Interval | None
    choice: Choice | None
    totals: Mapping[str, Any]
    hashes: Mapping[str, str]
    data: Markup
    decisions: str
    watch: str


def render_comparison(document: Mapping[str, Any]) -> str:
    """Write the report of several policies.

    Parameters
    ----------
    document
        What `Comparison.to_json` writes, format ``ostinato.comparison/1``, or `Autopilot.to_json`,
        format ``ostinato.autopilot/1``.

    Returns
    -------
    str
        A complete HTML page that needs no network.
    """
    advice = document.get("advice") or {}
    rows = policy_rows(
        document["table"],
        document["metric"],
        lower_is_better=bool(document["lower_is_better"]),
        advised=advice.get("policy"),
    )
    page = _page(document["replays"], rows=rows, advice=advice, choice=choice_of(document))
    return _render("comparison.html.j2", page)


def render_replay(document: Mapping[str, Any]) -> str:
    """Write the report of one policy.

    Parameters
    ----------
    document
        What `Replay.to_json` writes, format ``ostinato.replay/1``.

    Returns
    -------
    str
        A complete HTML page that needs no network.
    """
    name = str(document["policy"]["name"])
    return _render("replay.html.j2", _page({name: document}, rows=(), advice={}, choice=None))


def _page(
    replays: Mapping[str, Mapping[str, Any]],
    *,
    rows: tuple[PolicyRow, ...],
    advice: Mapping[str, Any],
    choice: Choice | None,
) -> Page:
    first = next(iter(replays.values()))
    headline, grounds = _first_sentence(str(advice.get("text") or ""))
    return Page(
        loop=str(first["loop"]),
        task=str(first["task"]),
        metric=str(first["metric"]),
        lower_is_better=bool(first["lower_is_better"]),
        seed=first["seed"],
        start=str(first["start"]),
        end=str(first["end"]),
        tick=str(first["tick"]),
        policies=tuple(replays),
        baseline=baseline_of(list(replays)),
        rows=rows,
        advice=advice,
        headline=headline,
        grounds=grounds,
        advice_interval=_advice_interval(advice),
        choice=choice,
        totals={**first["cost"], **first["metrics"]},
        hashes={name: str(replay["journal_hash"]) for name, replay in replays.items()},
        data=script_json(chart_data(replays, advice)),
        decisions=packed_json(journals(replays)),
        watch=packed_json(watch_data(replays)),
    )


def _first_sentence(text: str) -> tuple[str, str]:
    head, dot, rest = text.partition(". ")
    return head + dot.strip(), rest


def _advice_interval(advice: Mapping[str, Any]) -> Interval | None:
    ends = [advice.get(name) for name in ("low", "value_per_month", "high")]
    return placed(ends, [0.0, *map(number, ends)])


def _render(template: str, page: Page) -> str:
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - heavy; only who writes a page pays

    environment = Environment(
        loader=PackageLoader("ostinato.replay.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment.get_template(template).render(
        page=page,
        style=Markup("\n").join(map(asset, STYLES)),
        script=Markup("\n").join(map(asset, SCRIPTS)),
        plotly=Markup(get_plotlyjs()),  # noqa: S704 - the script of the plotly wheel, no data in it
    )
