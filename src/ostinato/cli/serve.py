"""`ostinato serve`: run a loop as a service."""

from __future__ import annotations

from getpass import getuser
from json import dumps
from pathlib import Path
from typing import Annotated, Literal

import typer

from ostinato.cli.options import AsJson, DataPath, LoopTarget, Seed
from ostinato.cli.output import exit_codes, give, say
from ostinato.cli.service_options import HERE, Folder
from ostinato.live.act import set_autonomy
from ostinato.live.config import ServiceConfig
from ostinato.live.layout import Layout
from ostinato.live.service import is_loopback, set_up
from ostinato.live.supervisor import supervise

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def serve(
    file: LoopTarget,
    *,
    folder: Folder = HERE,
    data: DataPath = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--start", help="When serving begins; the first start trains on rows before. Now."
        ),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on.")] = 8000,
    gateways: Annotated[
        int, typer.Option("--gateways", help="Processes that answer requests.")
    ] = 1,
    tick: Annotated[
        str, typer.Option("--tick", help="How often the loop looks, a duration.")
    ] = "1m",
    clock: Annotated[
        Literal["wall", "events"],
        typer.Option("--clock", help="events: time moves when it is told to (rehearsals)."),
    ] = "wall",
    durability: Annotated[
        Literal["fsync", "async"],
        typer.Option(
            "--durability",
            help="fsync: confirmed is on disk. async: a crash loses at most the last 100 ms.",
        ),
    ] = "fsync",
    autonomy: Annotated[
        Literal["observe", "suggest", "approve", "auto"] | None,
        typer.Option(
            "--autonomy",
            help="How far the loop acts by itself. Default: suggest at the first start, then as "
            "it stands.",
        ),
    ] = None,
    registry: Annotated[
        str,
        typer.Option(
            "--registry", help="MLflow server that versions are mirrored to. A store in the folder."
        ),
    ] = "",
    alert: Annotated[
        list[str] | None,
        typer.Option(
            "--alert",
            help="Address of alerts, repeatable: URL, or SEVERITY=URL (info, warning, critical). "
            "http(s) is a webhook, other schemes are those of Apprise.",
        ),
    ] = None,
    alerts_per_hour: Annotated[
        int, typer.Option("--alerts-per-hour", help="Most messages to one address in an hour.")
    ] = 12,
    link: Annotated[
        str,
        typer.Option("--link", help="Where people reach the service, for links in alerts."),
    ] = "",
    access: Annotated[
        Literal["open", "tokens"] | None,
        typer.Option(
            "--access", help="open: no tokens, on loopback only. Default: open there, else tokens."
        ),
    ] = None,
    retention_days: Annotated[
        int,
        typer.Option("--retention-days", help="How long events stay in the log once in the lake."),
    ] = 30,
    train_timeout: Annotated[
        int, typer.Option("--train-timeout", help="Seconds a training may take; 0: no limit.")
    ] = 0,
    train_memory_mb: Annotated[
        int, typer.Option("--train-memory-mb", help="Memory of a training; 0: no limit.")
    ] = 0,
    predict_timeout_ms: Annotated[
        int,
        typer.Option("--predict-timeout-ms", help="After so long another version answers."),
    ] = 1_000,
    requests_per_second: Annotated[
        int,
        typer.Option("--requests-per-second", help="Per token or address; 0: no limit."),
    ] = 0,
    train_takes: Annotated[
        str, typer.Option("--train-takes", help="On the clock of events: how long a training is.")
    ] = "10m",
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Run the loop as a service: it answers, watches, learns and releases until it is stopped."""
    with exit_codes(as_json=json):
        config = ServiceConfig(
            target=absolute_target(file),
            loop="",
            host=host,
            port=port,
            gateways=gateways,
            tick=tick,
            clock=clock,
            durability=durability,
            autonomy=autonomy or "suggest",
            train_takes=train_takes,
            seed=seed,
            predict_timeout_ms=predict_timeout_ms,
            requests_per_second=requests_per_second,
            train_timeout_s=train_timeout,
            train_memory_mb=train_memory_mb,
            retention_days=retention_days,
            registry=registry,
            alerts=tuple(alert or ()),
            alerts_per_hour=alerts_per_hour,
            link=link,
            open_access=is_loopback(host) if access is None else access == "open",
        )
        write = _as_json if json else say
        layout = Layout(folder.absolute())
        for line in set_up(layout, config, data=data, start=start):
            write(f"changed: {line}" if "->" in line else line)
        level, changed = set_autonomy(layout, autonomy, who=getuser())
        if changed:
            write(f"changed: {changed}")
        if not config.open_access and not layout.tokens.exists():
            write("nobody has a token yet: ostinato token create NAME --scope predict")
        code = supervise(layout, write, autonomy=level)
    if code:
        raise typer.Exit(code)


def absolute_target(target: str) -> str:
    """Make a loop file's path absolute, with the loop it may name.

    >>> absolute_target("/work/flights.py:loop")
    '/work/flights.py:loop'
    """
    path, colon, name = target.partition(":")
    if Path(target).exists() or not colon:
        return str(Path(target).absolute())
    return f"{Path(path).absolute()}:{name}"


def _as_json(line: str) -> None:
    give(dumps({"line": line}, ensure_ascii=False))
