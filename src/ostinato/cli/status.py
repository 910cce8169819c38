"""`ostinato status`: how a service stands."""

from __future__ import annotations

from typing import Any

import typer

from ostinato.cli.options import AsJson
from ostinato.cli.output import aligned, exit_codes, give, give_json
from ostinato.cli.service_options import HERE, Folder, Token, Url
from ostinato.cli.watch_lines import watch_lines
from ostinato.core.units import format_duration, format_time
from ostinato.live.client import Client, split_address
from ostinato.live.layout import Layout
from ostinato.live.overview import overview

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def status(
    *, folder: Folder = HERE, url: Url = "", token: Token = "", json: AsJson = False
) -> None:
    """Say how a service stands: who serves, what is under way, what waits for approval."""
    with exit_codes(as_json=json):
        found = _ask(url, token) if url else overview(Layout(folder.absolute()))
        if json:
            give_json(found)
        else:
            give(_text(found))


def _ask(url: str, token: str) -> dict[str, Any]:
    base, loop = split_address(url)
    with Client(base, token=token) as client:
        found: dict[str, Any] = client.get(f"/loops/{loop}")
    return {"url": url, "running": True, "answers": True, **found}


def _text(found: dict[str, Any]) -> str:
    lines = [["loop", found["loop"]], ["service", _service(found)]]
    if found.get("routes"):
        lines += _routes(found["routes"])
    if found.get("undoing"):
        lines.append(["undo", "the previous champion serves; the engine has not read it yet"])
    if found.get("status"):
        lines += _engine(found["status"])
    lines += [
        [each["name"], f"process {each['pid']}, epoch {each['epoch']}, {each['beat_age_s']} s ago"]
        for each in found.get("processes", ())
    ]
    if found["running"] and "processes" in found and not _has_engine(found["processes"]):
        lines.append(["engine", "does not run: decisions wait; serve says why"])
    lines += [["trouble", each] for each in found.get("troubles", ())]
    return aligned(lines, left=2)


def _has_engine(processes: list[dict[str, Any]]) -> bool:
    return any(each["name"] == "engine" for each in processes)


def _service(found: dict[str, Any]) -> str:
    if not found["running"]:
        return "stopped"
    where = f"{found['url']}" + ("" if found["answers"] else ", does not answer")
    return f"process {found['running']}, {where}" if found["running"] is not True else where


def _routes(routes: dict[str, Any]) -> list[list[str]]:
    lines = [["champion", f"{routes['champion']}, epoch {routes['epoch']}"]]
    if routes["previous"]:
        lines.append(["previous", routes["previous"]])
    if routes["canary"]:
        lines.append(["canary", f"{routes['canary']}, {routes['canary_share']:.1%}"])
    if routes["holdback"]:
        lines.append(["holdback", f"{routes['holdback']}, {routes['holdback_share']:.1%}"])
    return lines


def _engine(status: dict[str, Any]) -> list[list[str]]:
    tick = f"{status['tick']}, {format_time(status['now_ns'])}, {status['decisions']} decisions"
    lines = [["tick", tick], ["autonomy", status["autonomy"] + _paused(status)]]
    if status["rollout"]:
        lines.append(["rollout", f"{status['challenger']}: {status['rollout']}"])
    lines.append(["verdict", status["verdict"]])
    lines += [["training", each] for each in status["training"]]
    lines += [["proposal", f"{name}: {what}"] for name, what in status["proposals"].items()]
    names = ("registry", "lake", "features")
    lines += [[name, status[name]] for name in names if status.get(name)]
    lines += [["source", _source(each, status["now_ns"])] for each in status.get("sources", ())]
    lines += [["missing", _missing(each)] for each in status.get("missing", ())]
    lines += [["parity", each] for each in _parity(status)]
    lines += [["watch", each] for each in watch_lines(status.get("watch"))]
    lines += [["alerts", each] for each in map(_address, status.get("alerts", ())) if each]
    return lines


def _address(each: dict[str, Any]) -> str:
    """Say what keeps an address of alerts from being told; empty: nothing does."""
    untold = f"; given up: {each['untold']} notices" if each["untold"] else ""
    if not each["tries"]:
        return f"{each['address']}{untold}" if untold else ""
    return (
        f"{each['address']} did not take a message {each['tries']} times: {each['trouble']}{untold}"
    )


def _parity(status: dict[str, Any]) -> list[str]:
    """Say what served features were compared, and which are not what they are declared to be."""
    compared = status.get("parity", ())
    lines = [f"cannot be compared: {status['parity_trouble']}"] * bool(status.get("parity_trouble"))
    if not compared:
        return lines
    rows = max(each["rows"] for each in compared)
    to = format_time(max(each["compared_to_ns"] for each in compared))
    broken = [each for each in compared if each["broken"] is not None]
    sound = "" if broken else "; none is broken"
    lines.append(f"{rows:,} rows compared in {len(compared)} features, up to {to}{sound}")
    return lines + [
        f"{each['feature']} is broken, {each['mismatches']:,} of {each['rows']:,} rows differ: "
        f"{each['broken']}"
        for each in broken
    ]


def _missing(each: dict[str, Any]) -> str:
    """Say how often a feature is missing, and how often it was in training."""
    served, trained = f"{each['served']:.1%} of {each['rows']:,} rows", f"{each['trained']:.1%}"
    return f"{each['feature']} lacks a value in {served} served, in {trained} of training"


def _source(source: dict[str, Any], now_ns: int) -> str:
    """Say what came of a source, and how old the newest is at the last tick."""
    newest_ns, taken = source["newest_ns"], f"{source['name']}: {source['events']:,} events taken"
    after_ns, version = source.get("stale_after_ns"), source.get("columns_version") or 1
    changed = "" if version == 1 else f", version {version} of its columns"
    if newest_ns is None:
        return f"{taken}, none has happened{changed}" + ("; stale" if after_ns else "")
    age_ns = max(now_ns - newest_ns, 0)
    late = f"; stale after {format_duration(after_ns)}" if after_ns and age_ns > after_ns else ""
    return f"{taken}, the newest happened {format_duration(age_ns)} before{changed}{late}"


def _paused(status: dict[str, Any]) -> str:
    return ", paused" if status["paused"] else ""
