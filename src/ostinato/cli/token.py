"""`ostinato token`: who may use a service, and for what."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ostinato.cli.options import AsJson
from ostinato.cli.output import aligned, exit_codes, give, give_json, say
from ostinato.cli.service_options import HERE, Folder
from ostinato.core.clock import WallClock, elapsed_ns
from ostinato.core.units import format_time
from ostinato.live.layout import Layout
from ostinato.live.tokens import Token, Tokens

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Make, list and revoke the tokens of a service; a running one obeys at once.",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Who uses it; stands in the journal.")]


@app.command()
def create(
    name: Name,
    *,
    scope: Annotated[
        list[str],
        typer.Option("--scope", help="predict, label, operate or read. Repeatable."),
    ],
    expires: Annotated[
        str | None, typer.Option("--expires", help="After how long it ends: 90d. Never.")
    ] = None,
    folder: Folder = HERE,
    json: AsJson = False,
) -> None:
    """Make a token and print it; it is shown this once and kept hashed."""
    with exit_codes(as_json=json):
        layout = Layout(folder.absolute())
        layout.make()
        secret = _tokens(layout).create(name, scope, expires)
        if json:
            give_json({"name": name, "scopes": scope, "token": secret})
        else:
            say(f"{name} may: {', '.join(scope)}. The token is shown this once:")
            give(secret)


@app.command("list")
def list_tokens(*, folder: Folder = HERE, json: AsJson = False) -> None:
    """List the tokens, without their secrets."""
    with exit_codes(as_json=json):
        kept = _tokens(Layout(folder.absolute())).listed()
        if json:
            give_json([_plain(each) for each in kept])
        else:
            head = ["name", "scopes", "made", "expires"]
            give(aligned([head, *(list(_row(each)) for each in kept)], left=4))


@app.command()
def revoke(name: Name, *, folder: Folder = HERE, json: AsJson = False) -> None:
    """Take a token away: requests that carry it are refused from now on."""
    with exit_codes(as_json=json):
        _tokens(Layout(folder.absolute())).revoke(name)
        if json:
            give_json({"name": name, "revoked": True})
        else:
            say(f"{name}: revoked")


def _tokens(layout: Layout) -> Tokens:
    return Tokens(layout.tokens, clock=WallClock(), elapsed_ns=elapsed_ns)


def _row(token: Token) -> tuple[str, str, str, str]:
    expires = "never" if token.expires_ns is None else format_time(token.expires_ns)
    return token.name, ", ".join(token.scopes), format_time(token.made_ns), expires


def _plain(token: Token) -> dict[str, Any]:
    name, scopes, made, expires = _row(token)
    return {
        "name": name,
        "scopes": scopes.split(", "),
        "made": made,
        "expires": None if token.expires_ns is None else expires,
    }
