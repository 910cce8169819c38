"""`ostinato promote`: make the challenger the champion now."""

from __future__ import annotations

from typing import Annotated

import typer

from ostinato.cli.by_hand import BY_HAND, Reason, Wait, Who, act_by_hand
from ostinato.cli.options import AsJson
from ostinato.cli.service_options import HERE, Folder, Token, Url

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def promote(
    version: Annotated[
        str,
        typer.Argument(
            metavar="[VERSION]", help="Default: the challenger, or what waits for release."
        ),
    ] = "",
    *,
    who: Who = "",
    reason: Reason = BY_HAND,
    wait: Wait = False,
    folder: Folder = HERE,
    url: Url = "",
    token: Token = "",
    json: AsJson = False,
) -> None:
    """Make the challenger, which the gates have let through, the champion now."""
    act_by_hand(
        "promote",
        folder=folder,
        url=url,
        token=token,
        who=who,
        reason=reason,
        wait=wait,
        as_json=json,
        subject=version,
    )
