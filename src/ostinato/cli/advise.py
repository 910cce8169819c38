"""`ostinato advise`: is continuous learning worth it here? Exit code 0: yes, 1: no."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from ostinato.cli.options import (
    AsJson,
    DataPath,
    End,
    Html,
    LoopTarget,
    PolicyNames,
    Seed,
    Start,
    Tick,
    TrainTakes,
    read_tick,
)
from ostinato.cli.output import NO, check_writable, exit_codes, give, give_json, say
from ostinato.cli.policy_names import named_policies
from ostinato.cli.progress import progress_on_stderr
from ostinato.loop.loading import data_of, load_loop
from ostinato.replay.autopilot import REPORT_SHARE
from ostinato.replay.autopilot import autopilot as run_autopilot

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

Price = Annotated[float | None, typer.Option(help="Default: the loop's.")]
ReportShare = Annotated[
    float,
    typer.Option(
        "--report-share", help="Share of the served rows, at the end, that the choice does not see."
    ),
]


@app.command()
def advise(
    file: LoopTarget,
    *,
    data: DataPath = None,
    policy: PolicyNames = None,
    tick: Tick = "1h",
    start: Start = None,
    end: End = None,
    seed: Seed = 0,
    train_takes: TrainTakes = "10m",
    price_per_unit: Price = None,
    price_per_train_hour: Price = None,
    price_per_label: Price = None,
    price_per_alarm: Price = None,
    report_share: ReportShare = REPORT_SHARE,
    html: Html = None,
    json: AsJson = False,
) -> None:
    """Say whether continuous learning is worth it. Exit code 0: yes, 1: no.

    A policy is chosen on the past and judged on the rest (--report-share), which the choice did not
    see. Without --policy and POLICIES it is chosen from a family of about ten.

    --price-per-unit is the value of lowering the mean loss by 1 for one prediction.
    --price-per-alarm is the price of an alarm that came to nothing.
    """
    with exit_codes(as_json=json):
        check_writable(html)
        loaded = load_loop(file)
        prices = loaded.loop.prices
        prices = replace(
            prices,
            metric_unit=_given(price_per_unit, prices.metric_unit),
            train_hour=_given(price_per_train_hour, prices.train_hour),
            label=_given(price_per_label, prices.label),
            alarm=_given(price_per_alarm, prices.alarm),
        )
        with progress_on_stderr() as report:
            result = run_autopilot(
                loaded.loop,
                data_of(loaded, data),
                named_policies(policy, loaded.policies),
                read_tick(tick),
                start,
                end,
                seed,
                prices=prices,
                report_share=report_share,
                train_takes=train_takes,
                progress=report,
            )
        if html is not None:
            result.to_html(html)
            say(f"report: {html}")
        if json:
            give_json(result.to_dict()["advice"])
        else:
            give(result.advice.text)
    if not result.advice.worth_it:
        raise typer.Exit(NO)


def _given(price: float | None, otherwise: float) -> float:
    return otherwise if price is None else price
