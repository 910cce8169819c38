"""`ostinato alerts`: which alarms stand, what people do about them, and whether they are told."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from urllib.parse import quote

import typer

from ostinato.cli.by_hand import BY_HAND, Reason, Wait, Who, act_by_hand
from ostinato.cli.options import AsJson
from ostinato.cli.output import NO, aligned, exit_codes, give, give_json, say
from ostinato.cli.service_options import HERE, Folder, Token, Url
from ostinato.core.errors import InputError
from ostinato.core.units import format_time
from ostinato.live.alerts.try_out import Tried, try_addresses
from ostinato.live.client import Client, split_address
from ostinato.live.entries import line, read_entries
from ostinato.live.layout import Layout
from ostinato.live.overview import overview

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="List alarms, look after them, silence them, and try where they are told.",
)

Name: TypeAlias = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of an alarm, as drift/temp.")
]
Pattern: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="PATTERN", help="Name of an alarm, or a pattern with *, as drift/*."),
]
For: TypeAlias = Annotated[str, typer.Option("--for", help="How long, a duration.")]

_MARKS = ("value", "reference", "low", "high", "floor", "log10_e")


@app.command("list")
def list_alarms(
    *, folder: Folder = HERE, url: Url = "", token: Token = "", json: AsJson = False
) -> None:
    """List the alarms that stand, the most severe first."""
    with exit_codes(as_json=json):
        watch = _watch(folder, url, token)
        if json:
            give_json({"standing": watch["standing"], "silences": watch["silences"]})
            return
        if watch["standing"]:
            head = ["severity", "alarm", "since", "looked after", "value", "expected", "evidence"]
            give(aligned([head, *map(_row, watch["standing"])], left=4))
        else:
            say("no alarm stands")
        for pattern, until in watch["silences"].items():
            say(f"silenced: {pattern} until {until}")


@app.command()
def show(
    name: Name,
    *,
    folder: Folder = HERE,
    url: Url = "",
    token: Token = "",
    json: AsJson = False,
) -> None:
    """Show one alarm: what was measured, how sure that is, and what was decided about it."""
    with exit_codes(as_json=json):
        watch = _watch(folder, url, token)
        standing = [each for each in watch["standing"] if each["stream"] == name]
        entries = [] if url else _entries(folder, name)
        if not standing and not entries:
            raise _unknown(name, watch)
        alarm = standing[0] if standing else None
        if json:
            give_json({"alarm": alarm, "decisions": entries})
        else:
            give(_text(name, alarm))
            for each in entries:
                give(line(each, when=format_time(each["ts_event_ns"])))


@app.command()
def ack(
    name: Pattern,
    *,
    who: Who = "",
    reason: Reason = BY_HAND,
    wait: Wait = False,
    folder: Folder = HERE,
    url: Url = "",
    token: Token = "",
    json: AsJson = False,
) -> None:
    """Say that somebody looks after alarms that stand: nobody is reminded of them any more."""
    act_by_hand(
        "acknowledge",
        folder=folder,
        url=url,
        token=token,
        who=who,
        reason=reason,
        wait=wait,
        as_json=json,
        subject=name,
    )


@app.command()
def silence(
    pattern: Pattern,
    *,
    lasts: For,
    who: Who = "",
    reason: Reason = BY_HAND,
    wait: Wait = False,
    folder: Folder = HERE,
    url: Url = "",
    token: Token = "",
    json: AsJson = False,
) -> None:
    """Tell people nothing of some alarms for a while; they are raised and resolved as ever."""
    act_by_hand(
        "silence",
        folder=folder,
        url=url,
        token=token,
        who=who,
        reason=reason,
        wait=wait,
        as_json=json,
        subject=pattern,
        lasts=lasts,
    )


@app.command()
def unsilence(
    pattern: Pattern,
    *,
    who: Who = "",
    reason: Reason = BY_HAND,
    wait: Wait = False,
    folder: Folder = HERE,
    url: Url = "",
    token: Token = "",
    json: AsJson = False,
) -> None:
    """Tell people of these alarms again; the pattern is the one that was silenced."""
    act_by_hand(
        "unsilence",
        folder=folder,
        url=url,
        token=token,
        who=who,
        reason=reason,
        wait=wait,
        as_json=json,
        subject=pattern,
    )


@app.command("test")
def send_test(*, folder: Folder = HERE, json: AsJson = False) -> None:
    """Send a test message to each address of the service; exit code 1 if one does not take it."""
    with exit_codes(as_json=json):
        tried = try_addresses(Layout(folder.absolute()))
        if json:
            give_json([_plain(each) for each in tried])
        else:
            for each in tried:
                give(f"{each.address.shown}: {'taken' if each.error is None else each.error}")
    if any(each.error is not None for each in tried):
        raise typer.Exit(NO)


def _watch(folder: Path, url: str, token: str) -> dict[str, Any]:
    if url:
        base, loop = split_address(url)
        with Client(base, token=token) as client:
            found = client.get(f"/loops/{quote(loop, safe='')}/alarms")["watch"]
    else:
        status = overview(Layout(folder.absolute()))["status"]
        found = None if status is None else status["watch"]
    if found is None:
        raise InputError(
            "Nothing is watched",
            found="no monitors, or no tick yet",
            expected="a loop with monitors, served",
            hint="Loop(monitors=ost.Monitors()) watches inputs, answers, labels and losses.",
        )
    watch: dict[str, Any] = found
    return watch


def _entries(folder: Path, name: str) -> list[dict[str, Any]]:
    found = read_entries(Layout(folder.absolute()), last=0)
    return [each for each in found if each["subject"] == name]


def _unknown(name: str, watch: dict[str, Any]) -> InputError:
    names = [each["stream"] for each in watch["standing"]]
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return InputError(
        "There is no alarm of this name",
        found=name,
        expected=", ".join(names[:5]) or "none stands",
        hint=f"{near[0]} perhaps?" if near else "ostinato alerts list has those that stand.",
    )


def _row(each: dict[str, Any]) -> list[str]:
    after = each["acknowledged_by"] or ("silenced" if each["silenced"] else "")
    numbers = [_short(each["value"]), _short(each["reference"])]
    sure = "" if each["log10_e"] is None else f"10^{each['log10_e']:.1f}"
    return [each["severity"], each["stream"], each["since"], after, *numbers, sure]


def _text(name: str, alarm: dict[str, Any] | None) -> str:
    if alarm is None:
        return f"{name} does not stand any more"
    rows = [[key.replace("_", " "), _told(alarm[key])] for key in alarm if key not in _MARKS]
    rows.append(["measured", f"{_short(alarm['value'])}, {_short(alarm['reference'])} expected"])
    apart = f"{_short(alarm['low'])} to {_short(alarm['high'])}"
    rows.append(["difference", f"{apart}; up to {_short(alarm['floor'])} does not matter"])
    return aligned(rows, left=2)


def _told(value: Any) -> str:
    return {True: "yes", False: "no", "": "nobody"}.get(value, str(value))


def _short(value: float | None) -> str:
    return "?" if value is None else f"{value:.4g}"


def _plain(each: Tried) -> dict[str, Any]:
    error = None if each.error is None else each.error.to_dict()
    return {"address": each.address.shown, "least": each.address.least, "error": error}
