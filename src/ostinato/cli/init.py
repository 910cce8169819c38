"""`ostinato init`: write a loop file from a data file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ostinato.cli.infer import Inferred, infer
from ostinato.cli.loop_file import loop_file_text, loop_name
from ostinato.cli.options import AsJson
from ostinato.cli.output import aligned, exit_codes, give, give_json, say
from ostinato.core.errors import ConfigError, InputError
from ostinato.stores.tables import read_table

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def init(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Parquet, CSV or Delta: a row per request.")
    ],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The loop file to write.")] = Path(
        "loop.py"
    ),
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the loop. Default: the data file's.")
    ] = None,
    label: Annotated[str | None, typer.Option("--label", help="Column with the label.")] = None,
    time: Annotated[
        str | None, typer.Option("--time", help="Column with the time of the prediction.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the loop file.")] = False,
    json: AsJson = False,
) -> None:
    """Write a loop file that runs, with what the data says. Asks nothing."""
    with exit_codes(as_json=json):
        found = infer(read_table(data), label=label, time=time)
        chosen = _name(name, data)
        text = loop_file_text(
            found, name=chosen, source=data.name, data=_data_path(data, output), file=output.name
        )
        _write(output, text, force=force)
        _tell(found)
        if json:
            give_json(_summary(found, chosen, output))
        else:
            give(str(output))


def _name(given: str | None, data: Path) -> str:
    if given is None:
        return loop_name(data.stem or data.resolve().name)
    if loop_name(given).replace("_", "-") != given.lower().replace("_", "-"):
        raise ConfigError("--name is not a name", found=given, expected="letters, digits, - and _")
    return given


def _data_path(data: Path, output: Path) -> str:
    """Relative to the loop file where both are in one tree, so that the folder can be moved."""
    here, there = output.resolve().parent, data.resolve()
    return os.path.relpath(there, here) if there.is_relative_to(here.parent) else str(there)


def _write(output: Path, text: str, *, force: bool) -> None:
    if output.exists() and not force:
        raise InputError(
            "The loop file exists",
            found=str(output),
            expected="a new file",
            hint="Choose another with --output, or overwrite it with --force.",
        )
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError("The loop file cannot be written", found=str(error)) from error


def _tell(found: Inferred) -> None:
    say(aligned([[what, value, reason] for what, value, reason in found.why], left=3))
    for column, why in found.left_out:
        say(f"left out: {column} ({why})")
    say("Check above all that every feature is known at the time of the prediction.")


def _summary(found: Inferred, name: str, output: Path) -> dict[str, object]:
    return {
        "output": str(output),
        "name": name,
        "task": found.task,
        "time": found.time,
        "label": found.label,
        "label_time": found.label_time,
        "horizon": found.horizon,
        "features": list(found.features),
        "slices": list(found.slices),
        "id": found.id,
        "left_out": dict(found.left_out),
        "why": {what: reason for what, _, reason in found.why},
    }
