"""`ostinato suite`: what has a loop's data to look like, and does it?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import numpy as np
import polars as pl
import typer

from ostinato.cli.loop_file import loop_name
from ostinato.cli.options import AsJson, DataPath, End
from ostinato.cli.output import NO, exit_codes, give, give_json, say
from ostinato.core.errors import InputError
from ostinato.loop.loading import LoopFile, data_of, load_loop
from ostinato.loop.suited import suite_of
from ostinato.replay.history import make_history
from ostinato.replay.suiting import infer_suite, training_table
from ostinato.stores.tables import read_table
from ostinato.stores.times import moment_ns
from ostinato.watch.suite import Suite, SuiteReport
from ostinato.watch.suite.changes import changes

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Infer what data looks like and keep it in a file; hold data against it.",
)

Target: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="LOOP_OR_TABLE", help="A loop file, FILE:LOOP, or a parquet or CSV table."
    ),
]
Label: TypeAlias = Annotated[
    str, typer.Option("--label", help="Of a table: the column with the labels.")
]
Time: TypeAlias = Annotated[
    str, typer.Option("--time", help="Of a table: when the prediction is asked for.")
]
LabelTime: TypeAlias = Annotated[
    str, typer.Option("--label-time", help="Of a table: when the label became known.")
]
Ids: TypeAlias = Annotated[
    str, typer.Option("--id", help="Of a table: a column whose values are there once.")
]


@app.command()
def infer(
    target: Target,
    *,
    data: DataPath = None,
    start: Annotated[
        str | None,
        typer.Option("--start", help="Of a loop: rows before it are read. The first tenth."),
    ] = None,
    label: Label = "",
    time: Time = "",
    label_time: LabelTime = "",
    ids: Ids = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="The file. Default: NAME.suite.toml beside it.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Even where people edited the file.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Read a suite off data and write its file; of a file that is there, the next version."""
    with exit_codes(as_json=json):
        if _is_loop(target):
            file = load_loop(target, read_suite=False)
            history = make_history(
                file.loop, read_table(data_of(file, data)), start=start, end=None
            )
            suite, path = infer_suite(file.loop, history), out or _place(file)
        else:
            suite = Suite.infer(
                target,
                name=loop_name(Path(target).stem),
                label=label,
                time=time,
                label_time=label_time,
                ids=ids,
            )
            path = out or Path(target).with_suffix(".suite.toml")
        _put(suite, path, replace=replace, json=json)


@app.command()
def check(
    target: Target,
    *,
    data: DataPath = None,
    suite: Annotated[
        Path | None, typer.Option("--suite", help="The file. Default: the loop's, NAME.suite.toml.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--start", help="Of a loop: rows from here on.")
    ] = None,
    end: End = None,
    json: AsJson = False,
) -> None:
    """Hold data against its suite; exit code 1 when a check fails."""
    with exit_codes(as_json=json):
        if _is_loop(target):
            file = load_loop(target, read_suite=False)
            expected = Suite.read(suite) if suite is not None else _of_loop(file)
            report = expected.check(_rows(file, data, start, end), partial=True)
        else:
            expected = Suite.read(suite or Path(target).with_suffix(".suite.toml"))
            report = expected.check(read_table(target))
        if json:
            give_json(report.to_dict())
        else:
            give(_text(report, expected))
    if not report.passed:
        raise typer.Exit(NO)


def _is_loop(target: str) -> bool:
    """Whether a target is a loop file: ``loop.py`` or ``loop.py:name``."""
    return Path(target).suffix.partition(":")[0] == ".py"


def _place(file: LoopFile) -> Path:
    given = file.loop.suite
    if given is None or isinstance(given, Suite):
        return file.path.parent / f"{file.loop.name}.suite.toml"
    return Path(given)


def _of_loop(file: LoopFile) -> Suite:
    """Return the suite the loop names, or the one that lies beside its file."""
    return suite_of(file.loop) or Suite.read(_place(file))


def _rows(file: LoopFile, data: Path | None, start: str | None, end: str | None) -> pl.DataFrame:
    """Return the loop's data as trainings see it, of a span of time."""
    history = make_history(file.loop, read_table(data_of(file, data)), start=None, end=end)
    since_ns = -(2**63) if start is None else moment_ns(start, name="start")
    rows = np.flatnonzero(history.times_ns >= since_ns)
    return training_table(file.loop, history, rows)


def _put(suite: Suite, path: Path, *, replace: bool, json: bool) -> None:
    """Write a suite, as the next version where there is one, and say what changed."""
    earlier = Suite.read(path) if path.exists() else None
    told: list[str] = []
    written = True
    if earlier is not None:
        told = changes(earlier, suite)
        _check_unedited(earlier, path, told, replace=replace)
        suite, written = suite.next_after(earlier), bool(told)
    if written:
        suite.write(path)
    elif earlier is not None:
        suite = earlier
    if json:
        facts = {"file": str(path), "version": suite.version, "written": written, "changes": told}
        give_json({**facts, "columns": len(suite.columns)})
        return
    for line in told:
        give(line)
    done = f"version {suite.version} of {len(suite.columns)} columns"
    say(f"suite: {path}, {done}" if written else f"suite: {path}, {done}: nothing changed")


def _check_unedited(earlier: Suite, path: Path, told: list[str], *, replace: bool) -> None:
    if earlier.edited and told and not replace:
        raise InputError(
            f"The suite {path} was edited since it was inferred",
            found="; ".join(told[:5]) + (" ..." if len(told) > 5 else ""),
            expected="a file as it was written, or --replace",
            hint="--replace puts the new bounds in place of the edited ones; --out writes beside.",
        )


def _text(report: SuiteReport, expected: Suite) -> str:
    edited = "\n(edited by hand since it was inferred)" if expected.edited else ""
    return f"{report}{edited}"
