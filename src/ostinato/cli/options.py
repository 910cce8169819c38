"""Options that several verbs share, and how their texts are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

LoopTarget: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="FILE[:LOOP]", help="Python file with a Loop; :LOOP picks one of several."
    ),
]
DataPath: TypeAlias = Annotated[
    Path | None,
    typer.Option("--data", help="Parquet, CSV or Delta. Default: data() or DATA of the file."),
]
Tick: TypeAlias = Annotated[
    str,
    typer.Option("--tick", help="How often the loop looks: a duration (1h) or a number of rows."),
]
Start: TypeAlias = Annotated[
    str | None,
    typer.Option("--start", help="First moment served; earlier history trains the first model."),
]
End: TypeAlias = Annotated[
    str | None, typer.Option("--end", help="Rows from here on are left out.")
]
Seed: TypeAlias = Annotated[int, typer.Option("--seed", help="Same seed, same journal.")]
TrainTakes: TypeAlias = Annotated[
    str,
    typer.Option(
        "--train-takes", help="How long a training takes in simulated time, or: measured."
    ),
]
Html: TypeAlias = Annotated[
    Path | None, typer.Option("--html", help="Write the report here, one page that works offline.")
]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Write JSON to stdout, errors too.")
]
PolicyNames: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        help="static, scheduled, scheduled:30d, triggered, or a key of the file's POLICIES. "
        "Repeatable.",
    ),
]


def read_tick(text: str) -> str | int:
    """Read a tick: digits alone are a number of rows.

    >>> read_tick("500"), read_tick("1h")
    (500, '1h')
    """
    return int(text) if text.strip().isdigit() else text
