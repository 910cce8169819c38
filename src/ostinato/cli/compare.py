"""`ostinato compare`: several policies over the same history."""

from __future__ import annotations

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
from ostinato.cli.output import check_writable, exit_codes, give, say
from ostinato.cli.policy_names import chosen_policies
from ostinato.cli.progress import progress_on_stderr
from ostinato.cli.summary import comparison_text
from ostinato.loop.loading import data_of, load_loop
from ostinato.replay.compare import compare as run_compare

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def compare(
    file: LoopTarget,
    *,
    data: DataPath = None,
    policy: PolicyNames = None,
    tick: Tick = "1h",
    start: Start = None,
    end: End = None,
    seed: Seed = 0,
    train_takes: TrainTakes = "10m",
    html: Html = None,
    json: AsJson = False,
) -> None:
    """Replay several policies over the same history and say which was worth it."""
    with exit_codes(as_json=json):
        check_writable(html)
        loaded = load_loop(file)
        with progress_on_stderr() as report:
            result = run_compare(
                loaded.loop,
                data_of(loaded, data),
                chosen_policies(policy, loaded.policies),
                read_tick(tick),
                start,
                end,
                seed,
                train_takes=train_takes,
                progress=report,
            )
        if html is not None:
            result.to_html(html)
            say(f"report: {html}")
        give(result.to_json() if json else comparison_text(result.to_dict()))
