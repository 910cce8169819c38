"""The entry point: which verbs there are. A verb's module loads when the verb is used."""

from __future__ import annotations

import sys
import traceback
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from ostinato.cli.absent import absent

DEFECT: Final = 3
"""Exit code of an error nobody foresaw."""

VERBS: Final = (
    "init",
    "replay",
    "compare",
    "advise",
    "suite",
    "rehearse",
    "serve",
    "status",
    "alerts",
    "retrain",
    "promote",
    "abort",
    "undo",
    "pause",
    "resume",
    "approve",
    "autonomy",
    "gate",
    "token",
    "audit",
)
"""Each is a module of this package with a Typer application called `app`."""


class LazyVerbs(TyperGroup):
    """A group that imports a verb's module, and all it needs, only when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - Typer's signature
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - Typer's signature
        if cmd_name not in VERBS:
            return None
        try:
            command = get_command(import_module(f"ostinato.cli.{cmd_name}").app)
        except ModuleNotFoundError as missing:
            library = (missing.name or "").partition(".")[0]
            if library in {"", "ostinato"}:
                raise
            command = absent(cmd_name, library)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=LazyVerbs,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - the signature Typer calls
    if wanted:
        typer.echo(f"ostinato {version('ostinato')}")
        raise typer.Exit


@app.callback()
def root(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    """Keep a model learning in production; first see over history what would be worth it."""


def main() -> None:
    """Run the command line; a defect of ours ends with 3, never with the 1 that means "no"."""
    try:
        app()
    except Exception:  # noqa: BLE001 - the edge of the process: whatever it is, not a "no"
        traceback.print_exc()
        sys.exit(DEFECT)


if __name__ == "__main__":
    main()
