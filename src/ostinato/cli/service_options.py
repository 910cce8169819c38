"""Options of the verbs that start a service or talk to one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Folder: TypeAlias = Annotated[Path, typer.Option("--dir", help="The folder of the service.")]
Url: TypeAlias = Annotated[
    str, typer.Option("--url", help="Where a service elsewhere listens; then no folder is read.")
]
Token: TypeAlias = Annotated[
    str,
    typer.Option("--token", envvar="OSTINATO_TOKEN", help="Bearer token; or OSTINATO_TOKEN."),
]
HERE = Path(".ostinato")
"""Where a service lies unless it is said."""
