"""`ostinato rehearse`: watch a history go through a real service."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from json import dumps
from pathlib import Path
from typing import Annotated

import typer

from ostinato.cli.options import AsJson, DataPath, End, LoopTarget, Seed, Start, Tick, read_tick
from ostinato.cli.output import NO, aligned, exit_codes, give, say
from ostinato.cli.rehearsal_line import Line
from ostinato.cli.serve import absolute_target
from ostinato.core.errors import InputError
from ostinato.live.config import ServiceConfig
from ostinato.live.layout import Layout
from ostinato.live.rehearsal import Rehearsal, Rehearsed
from ostinato.live.service import free_port, service_url
from ostinato.loop.loading import data_of, load_loop
from ostinato.replay.run import TRAIN_TAKES, check_tick
from ostinato.stores.tables import read_table

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def rehearse(
    file: LoopTarget,
    *,
    data: DataPath = None,
    speed: Annotated[
        float,
        typer.Option("--speed", help="Seconds of history per second; 0: as fast as it goes."),
    ] = 0.0,
    tick: Tick = "1h",
    start: Start = None,
    end: End = None,
    rows_per_request: Annotated[
        int, typer.Option("--rows-per-request", help="Rows in one HTTP request.")
    ] = 16,
    exact: Annotated[
        bool,
        typer.Option("--exact", help="One request after the other, in the order of the rows."),
    ] = False,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Replay the history too; are the journals the same, byte for byte? "
            "Means --exact; exit code 1 if not.",
        ),
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option("--dir", help="Keep the service here. Default: a folder that is removed."),
    ] = None,
    port: Annotated[int, typer.Option("--port", help="Port; 0: a free one.")] = 0,
    gateways: Annotated[int, typer.Option("--gateways", help="Processes that answer.")] = 1,
    train_takes: Annotated[
        str, typer.Option("--train-takes", help="How long a training takes in simulated time.")
    ] = TRAIN_TAKES,
    seed: Seed = 0,
    stay: Annotated[
        bool, typer.Option("--stay", help="Keep the service running at the end, until Ctrl-C.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Drive a real service with history, over HTTP and at accelerated time."""
    with exit_codes(as_json=json):
        _check(tick, speed, rows_per_request)
        loaded = load_loop(file)
        config = ServiceConfig(
            target=absolute_target(file),
            loop=loaded.loop.name,
            port=port or free_port(),
            gateways=gateways,
            tick=tick if isinstance(read_tick(tick), str) else "1h",
            clock="events",
            autonomy="auto",
            train_takes=train_takes,
            seed=seed,
        )
        rehearsal = Rehearsal(
            loop=loaded.loop,
            table=read_table(data_of(loaded, data)),
            data=None if data is None else data.absolute(),
            config=config,
            tick=read_tick(tick),
            start=start,
            end=end,
            speed=speed,
            rows_per_request=rows_per_request,
            exact=exact or compare,
        )
        url = service_url(config)
        say(f"watch: {url}/loops/{config.loop}   {url}/docs   {url}/metrics")
        with _folder(folder) as layout, Line(layout, sys.stderr) as line:
            done = rehearsal.run(
                layout, compare=compare, say=line.said, report=line.show, stay=_stay(stay)
            )
        give(dumps(done.to_dict(), indent=1) if json else _text(done))
    if done.same is False:
        raise typer.Exit(NO)


def _check(tick: str, speed: float, rows_per_request: int) -> None:
    check_tick(read_tick(tick))
    if speed < 0 or rows_per_request < 1:
        raise InputError(
            "--speed or --rows-per-request cannot be used",
            found=f"{speed}, {rows_per_request}",
            expected="a speed of 0 or more, and at least one row",
        )


@contextmanager
def _folder(given: Path | None) -> Iterator[Layout]:
    if given is not None:
        yield Layout(given.absolute())
        return
    with tempfile.TemporaryDirectory(prefix="ostinato-rehearsal-") as made:
        yield Layout(Path(made))


def _stay(wanted: bool) -> Callable[[str], None] | None:  # noqa: FBT001 - a yes or no
    if not wanted:
        return None

    def wait(url: str) -> None:
        say(f"the service stays at {url}: Ctrl-C ends it")
        with suppress(KeyboardInterrupt):
            threading.Event().wait()

    return wait


def _text(done: Rehearsed) -> str:
    rate = done.rows / max(done.seconds, 1e-9)
    told = f"{done.rows:,} rows in {done.ticks:,} ticks, {done.seconds:,.1f} s, {rate:,.0f} rows/s"
    waits = f"p50 {done.wait_ms['p50']:.1f} ms, p99 {done.wait_ms['p99']:.1f} ms"
    parts = [
        f"{done.loop}: {told}; a request took {waits}",
        aligned([["metric", "value"], *([k, f"{v:.6g}"] for k, v in done.metrics.items())]),
        aligned([["answered by", "rows"], *([k, f"{n:,}"] for k, n in done.answers.items())]),
        aligned([["decision", "times"], *([k, f"{n:,}"] for k, n in done.decisions.items())]),
    ]
    if done.same:
        parts.append("The journal is the replay's, byte for byte.")
    elif done.difference is not None:
        gap = done.difference
        parts.append(
            f"The journal is NOT the replay's. First difference, decision {gap.seq}, in "
            f"{gap.where}:\n  live    {gap.left}: {gap.left_value}\n"
            f"  replay  {gap.right}: {gap.right_value}"
        )
    return "\n\n".join(parts)
