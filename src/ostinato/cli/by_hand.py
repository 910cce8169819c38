"""What the operator verbs have in common: their options, and how an act is carried out and told."""

from __future__ import annotations

from dataclasses import asdict
from getpass import getuser
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from ostinato.cli.output import NO, exit_codes, give, give_json, say
from ostinato.core.errors import InputError
from ostinato.live.act import Outcome, carry_out, make_act, send
from ostinato.live.client import split_address
from ostinato.live.entries import line
from ostinato.live.layout import Layout

WAIT_S = 60.0
"""How long ``--wait`` waits: a tick over many rows takes its time."""

Who: TypeAlias = Annotated[
    str, typer.Option("--who", help="Who acts, for the journal. Default: the login name.")
]
Reason: TypeAlias = Annotated[str, typer.Option("--reason", help="Why, for the journal.")]
Wait: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--wait", help="Wait until the engine has obeyed; say what came of it, exit 1 if refused."
    ),
]
BY_HAND = "by hand"


def act_by_hand(
    act: str,
    *,
    folder: Path,
    url: str,
    token: str,
    who: str,
    reason: str,
    wait: bool,
    as_json: bool,
    subject: str = "",
    lasts: str = "",
) -> None:
    """Carry out an act and tell what came of it.

    Raises
    ------
    typer.Exit
        1 if the engine refused it, 2 if it could not be carried out.
    """
    with exit_codes(as_json=as_json):
        who = who or getuser()
        made = make_act(act, who=who, reason=reason, subject=subject, lasts=lasts)
        if url:
            _check_elsewhere(act, subject, wait=wait)
            base, loop = split_address(url)
            send(base, loop, made, token=token)
            outcome = Outcome(way="http", running=True)
        else:
            wait_s = WAIT_S if wait else 0.0
            outcome = carry_out(Layout(folder.absolute()), made, token=token, wait_s=wait_s)
        _tell(made.act_id, act, outcome, as_json=as_json)
    if outcome.refused:
        raise typer.Exit(NO)


def _check_elsewhere(act: str, subject: str, *, wait: bool) -> None:
    if wait:
        raise InputError(
            "--wait reads the journal of the folder",
            found="--url",
            hint="Run it where the folder is, without --url.",
        )
    if act == "approve" and not subject:
        raise InputError(
            "It is not clear what is approved", expected="the id of a proposal beside --url"
        )


def _tell(act_id: str, act: str, outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        give_json({"act_id": act_id, **asdict(outcome)})
        return
    if outcome.way == "log":
        why = "no gateway answers" if outcome.running else "the service is stopped"
        say(f"{act}: written to the log, since {why}; the engine obeys when it reads it")
    else:
        say(f"{act}: taken")
    for each in outcome.decisions or ():
        give(line(each))
    if outcome.refused:
        say(f"refused: {outcome.refused}")
