"""`ostinato approve`: let the loop do what it proposes."""

from __future__ import annotations

from typing import Annotated

import typer

from ostinato.cli.by_hand import BY_HAND, Reason, Wait, Who, act_by_hand
from ostinato.cli.options import AsJson
from ostinato.cli.service_options import HERE, Folder, Token, Url

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def approve(
    proposal: Annotated[
        str, typer.Argument(metavar="[PROPOSAL]", help="Its id. Default: the only one that waits.")
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
    """Let the loop do what it proposes; `ostinato status` lists what waits."""
    act_by_hand(
        "approve",
        folder=folder,
        url=url,
        token=token,
        who=who,
        reason=reason,
        wait=wait,
        as_json=json,
        subject=proposal,
    )
