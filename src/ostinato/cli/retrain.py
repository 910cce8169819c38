"""`ostinato retrain`: learn now."""

from __future__ import annotations

import typer

from ostinato.cli.by_hand import BY_HAND, Reason, Wait, Who, act_by_hand
from ostinato.cli.options import AsJson
from ostinato.cli.service_options import HERE, Folder, Token, Url

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def retrain(
    *,
    who: Who = "",
    reason: Reason = BY_HAND,
    wait: Wait = False,
    folder: Folder = HERE,
    url: Url = "",
    token: Token = "",
    json: AsJson = False,
) -> None:
    """Learn now, whatever the triggers say; the gates judge what comes of it."""
    act_by_hand(
        "retrain",
        folder=folder,
        url=url,
        token=token,
        who=who,
        reason=reason,
        wait=wait,
        as_json=json,
    )
