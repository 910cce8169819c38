"""`ostinato pause`: learn and release nothing."""

from __future__ import annotations

import typer

from ostinato.cli.by_hand import BY_HAND, Reason, Wait, Who, act_by_hand
from ostinato.cli.options import AsJson
from ostinato.cli.service_options import HERE, Folder, Token, Url

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def pause(
    *,
    who: Who = "",
    reason: Reason = BY_HAND,
    wait: Wait = False,
    folder: Folder = HERE,
    url: Url = "",
    token: Token = "",
    json: AsJson = False,
) -> None:
    """Learn, release and advance nothing until `ostinato resume`; harm is still ended."""
    act_by_hand(
        "pause",
        folder=folder,
        url=url,
        token=token,
        who=who,
        reason=reason,
        wait=wait,
        as_json=json,
    )
