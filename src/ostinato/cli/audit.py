"""`ostinato audit`: what does the journal say, is it whole, do log and features lead to it?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ostinato.cli.options import AsJson
from ostinato.cli.output import NO, exit_codes, give, give_json
from ostinato.cli.service_options import HERE, Folder
from ostinato.core.errors import TamperedError, TruncatedError
from ostinato.core.units import format_time
from ostinato.live.audit import Difference, replay_journal
from ostinato.live.audit import verify as verify_chain
from ostinato.live.audit_features import Recomputed, recompute_features
from ostinato.live.entries import line, read_entries
from ostinato.live.layout import Layout

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Read and check the journal and the features of a service, running or not.",
)


@app.command(name="log")
def show(
    *,
    folder: Folder = HERE,
    last: Annotated[
        int, typer.Option("--last", min=0, help="How many decisions, the newest; 0: all.")
    ] = 20,
    kind: Annotated[
        str, typer.Option("--kind", help="Of this kind alone, such as operator_acted.")
    ] = "",
    json: AsJson = False,
) -> None:
    """List what was decided and why; acts of people with who did them."""
    with exit_codes(as_json=json):
        found = read_entries(Layout(folder.absolute()), last=last, kind=kind)
        if json:
            give_json(found)
        else:
            for each in found:
                give(line(each, when=format_time(each["ts_event_ns"])))


@app.command()
def replay(*, folder: Folder = HERE, json: AsJson = False) -> None:
    """Derive every decision again from the log; exit code 1 with the first difference, if any."""
    with exit_codes(as_json=json):
        difference = replay_journal(Layout(folder.absolute()))
        if json:
            found = None if difference is None else asdict(difference)
            give_json({"same": difference is None, "difference": found})
        else:
            give(_text(difference))
    if difference is not None:
        raise typer.Exit(NO)


@app.command()
def verify(*, folder: Folder = HERE, json: AsJson = False) -> None:
    """Check the hash chain of the journal; exit code 1 if an entry was changed or dropped."""
    broken, count = None, 0
    with exit_codes(as_json=json):
        try:
            count = verify_chain(Layout(folder.absolute()))
        except (TamperedError, TruncatedError) as error:
            broken = error
        if json:
            fault = None if broken is None else broken.to_dict()
            give_json({"whole": broken is None, "decisions": count, "fault": fault})
        elif broken is None:
            give(f"The journal is whole: {count:,} decisions, each hashed onto the one before.")
        else:
            give(f"The journal is NOT whole: {broken}")
    if broken is not None:
        raise typer.Exit(NO)


@app.command()
def features(
    *,
    folder: Folder = HERE,
    tolerate: Annotated[
        float,
        typer.Option("--tolerate", min=0, max=1, help="Share of a feature's rows that may differ."),
    ] = 0.0,
    json: AsJson = False,
) -> None:
    """Compute every feature that was served again; exit code 1 if one of them differs."""
    with exit_codes(as_json=json):
        found = recompute_features(Layout(folder.absolute()))
        if json:
            give_json({"features": [asdict(each) for each in found]})
        else:
            give("\n".join(map(_of_feature, found)) or "No feature of the loop is computed.")
    if any(each.share > tolerate for each in found):
        raise typer.Exit(NO)


def _of_feature(found: Recomputed) -> str:
    if found.example is None:
        return f"{found.feature}: {found.rows:,} rows as they were served"
    row, served, again = found.example
    return (
        f"{found.feature}: {found.differing:,} of {found.rows:,} rows ({found.share:.2%}) differ; "
        f"{row!r} was served {served!r}, comes out {again!r}"
    )


def _text(difference: Difference | None) -> str:
    if difference is None:
        return "Every decision follows from the log, byte for byte."
    derived = difference.derived or "nothing: the log ends before it"
    return (
        f"Decision {difference.seq} does NOT follow from the log.\n"
        f"  in the journal    {difference.written}\n"
        f"  from the log      {derived}"
    )
