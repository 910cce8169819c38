"""`ostinato replay`: one policy over history."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ostinato.cli.options import (
    AsJson,
    DataPath,
    End,
    Html,
    LoopTarget,
    Seed,
    Start,
    Tick,
    TrainTakes,
    read_tick,
)
from ostinato.cli.output import check_writable, exit_codes, give, say
from ostinato.cli.policy_names import named_policy
from ostinato.cli.progress import progress_on_stderr
from ostinato.cli.summary import replay_text
from ostinato.loop.loading import data_of, load_loop
from ostinato.replay.run import replay as run_replay

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def replay(
    file: LoopTarget,
    *,
    data: DataPath = None,
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            help="static, scheduled, scheduled:30d, triggered, or a key of the file's POLICIES. "
            "Default: the loop's own.",
        ),
    ] = None,
    tick: Tick = "1h",
    start: Start = None,
    end: End = None,
    seed: Seed = 0,
    train_takes: TrainTakes = "10m",
    journal: Annotated[
        Path | None, typer.Option("--journal", help="Keep the decisions in this SQLite file.")
    ] = None,
    registry: Annotated[
        Path | None,
        typer.Option("--registry", help="Keep the trained versions in this new folder."),
    ] = None,
    html: Html = None,
    json: AsJson = False,
) -> None:
    """Replay the loop over history under one policy."""
    with exit_codes(as_json=json):
        check_writable(html)
        loaded = load_loop(file)
        chosen = None if policy is None else named_policy(policy, loaded.policies)
        with progress_on_stderr() as report:
            result = run_replay(
                loaded.loop,
                data_of(loaded, data),
                chosen,
                read_tick(tick),
                start,
                end,
                seed,
                train_takes=train_takes,
                journal=None if journal is None else str(journal),
                registry=None if registry is None else str(registry),
                progress=report,
                name=policy or "the loop's own policy",
            )
        if html is not None:
            result.to_html(html)
            say(f"report: {html}")
        give(result.to_json() if json else replay_text(result.to_dict()))
