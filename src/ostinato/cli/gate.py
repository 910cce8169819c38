"""`ostinato gate`: may a deployment go on?"""

from __future__ import annotations

import typer

from ostinato.cli.options import AsJson
from ostinato.cli.output import NO, exit_codes, give, give_json
from ostinato.cli.service_options import HERE, Folder, Token, Url
from ostinato.live.client import Client, split_address
from ostinato.live.layout import Layout
from ostinato.live.service import read_config, service_url

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def gate(*, folder: Folder = HERE, url: Url = "", token: Token = "", json: AsJson = False) -> None:
    """Ask the service whether to go on: exit code 0 for pass, 1 for fail and for inconclusive."""
    with exit_codes(as_json=json):
        if url:
            base, loop = split_address(url)
        else:
            config = read_config(Layout(folder.absolute()))
            base, loop = service_url(config), config.loop
        with Client(base, token=token) as client:
            found = client.post(f"/loops/{loop}/gate", {})
        if json:
            give_json(found)
        else:
            give(found["verdict"])
    if found["verdict"] != "pass":
        raise typer.Exit(NO)
