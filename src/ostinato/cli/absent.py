"""A verb whose libraries are not installed: it stands in the list, and says what to install."""

from __future__ import annotations

from typing import Any, Final

import typer
from typer.main import get_command

from ostinato.cli.output import exit_codes
from ostinato.core.errors import ConfigError

EXTRA: Final = "live"

_ANY: Final = {"ignore_unknown_options": True, "allow_extra_args": True}


def absent(verb: str, library: str) -> Any:
    """Return the command of a verb that cannot run.

    Parameters
    ----------
    verb
        Its name.
    library
        The first library that is missing.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

    @app.command(context_settings=_ANY, help=f"Not installed: pip install 'ostinato[{EXTRA}]'.")
    def refuse(context: typer.Context) -> None:
        with exit_codes(as_json="--json" in context.args):
            raise ConfigError(
                f"ostinato {verb} needs libraries that are not installed",
                found=f"no {library}",
                expected=f"the extra {EXTRA!r}",
                hint=f"pip install 'ostinato[{EXTRA}]'",
            )

    return get_command(app)
