"""`ostinato autonomy`: how far the loop acts by itself."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ostinato.cli.by_hand import BY_HAND, Reason, Wait, Who, act_by_hand
from ostinato.cli.options import AsJson
from ostinato.cli.service_options import HERE, Folder, Token, Url

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def autonomy(
    level: Annotated[
        Literal["observe", "suggest", "approve", "auto"],
        typer.Argument(metavar="LEVEL", help="observe, suggest, approve or auto."),
    ],
    *,
    who: Who = "",
    reason: Reason = BY_HAND,
    wait: Wait = False,
    folder: Folder = HERE,
    url: Url = "",
    token: Token = "",
    json: AsJson = False,
) -> None:
    """Set how far the loop acts by itself, until it is set again."""
    act_by_hand(
        "autonomy",
        folder=folder,
        url=url,
        token=token,
        who=who,
        reason=reason,
        wait=wait,
        as_json=json,
        subject=level,
    )
