"""Act by hand: over HTTP where the service runs, into its log where it does not."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass
from typing import Any, Final

from ostinato.core.clock import SteadyClock, WallClock
from ostinato.core.errors import InputError, OstinatoError, StoreError
from ostinato.core.ids import content_id
from ostinato.core.ports import Entry
from ostinato.core.records import AUTONOMY
from ostinato.core.units import SECOND_NS, duration_ns
from ostinato.live.client import Client, UnreachableError
from ostinato.live.config import ServiceConfig
from ostinato.live.entries import shown
from ostinato.live.events import Acted, encode
from ostinato.live.layout import Layout
from ostinato.live.lock import holder
from ostinato.live.published import Published, Status, Undo, read, write
from ostinato.live.service import read_config, service_url
from ostinato.stores.eventlog_sqlite import SqliteEventLog
from ostinato.stores.journal_sqlite import SqliteJournal

LOOK_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What a person does.

    `act` is one of `ACTS` or `ALARM_ACTS` (`core.records`), or ``"autonomy"``; `lasts`: how long a
    silence is.
    """

    act: str
    who: str
    reason: str
    subject: str
    act_id: str
    lasts: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an act.

    Parameters
    ----------
    way
        ``"http"``: a gateway took it. ``"log"``: it was written to the log, and the engine obeys
        when it runs.
    running
        Whether the service runs.
    decisions
        What the engine decided; None: not waited for.
    refused
        Why it was refused; empty: it was not.
    """

    way: str
    running: bool
    decisions: list[dict[str, Any]] | None = None
    refused: str = ""


def make_act(act: str, *, who: str, reason: str, subject: str = "", lasts: str = "") -> Act:
    """Name an act for good, so that sending it again counts once.

    Raises
    ------
    InputError
        If it needs a reason, the level of autonomy is none, or a silence has no end.
    """
    if act == "autonomy" and subject not in AUTONOMY:
        raise InputError(
            "This is no level of autonomy", found=subject, expected=", ".join(AUTONOMY)
        )
    if not reason.strip():
        raise InputError("An act needs a reason", expected='--reason "why"')
    if lasts or act == "silence":
        duration_ns(lasts, name="--for")
    act_id = content_id("act", act, who, subject, WallClock().now_ns(), os.getpid())
    return Act(act=act, who=who, reason=reason, subject=subject, act_id=act_id, lasts=lasts)


def set_autonomy(layout: Layout, level: str | None, *, who: str) -> tuple[str, str]:
    """Tell a service that is about to start how far it may act by itself.

    Parameters
    ----------
    layout
        The folder, set up.
    level
        What is asked for; None: it stays as it is.
    who
        Who asks for it, for the journal.

    Returns
    -------
    (str, str)
        The level that will hold, and what changes; empty: nothing. Before the first ticks nothing
        does: the first start's own level is set then.

    Raises
    ------
    StoreError
        If the log cannot be written.
    """
    if not layout.status.exists():
        return read_config(layout).autonomy, ""
    stands = _level(layout)
    if level is None or level == stands:
        return stands or read_config(layout).autonomy, ""
    reason = f"Started with --autonomy {level}."
    carry_out(layout, make_act("autonomy", who=who, reason=reason, subject=level))
    return level, f"--autonomy: {stands or 'unknown'} -> {level}"


def _level(layout: Layout) -> str:
    """Return the level that the engine last told; empty: what it told cannot be read."""
    try:
        status = read(layout.status, Status)
    except OstinatoError:
        return ""
    return "" if status is None else status.autonomy


def send(url: str, loop: str, act: Act, *, token: str = "") -> None:
    """Send an act to a service.

    Raises
    ------
    UnreachableError
        If it does not answer.
    RefusedError
        If it does not take the act.
    """
    body = {"who": act.who, "reason": act.reason, "subject": act.subject, "act_id": act.act_id}
    body |= {"for": act.lasts} if act.lasts else {}
    with Client(url, token=token) as client:
        client.post(f"/loops/{loop}/{act.act}", body)


def carry_out(layout: Layout, act: Act, *, token: str = "", wait_s: float = 0.0) -> Outcome:
    """Carry out an act on the service of a folder, running or not.

    Parameters
    ----------
    layout
        The folder.
    act
        What is done; `approve` without a subject means the one proposal that is open.
    token
        Sent where the service runs.
    wait_s
        Wait so long until the engine has obeyed; 0: do not wait.

    Raises
    ------
    InputError
        If there is no service, the act cannot be taken, or was to be waited for and nobody obeys.
    StoreError
        If the log cannot be written.
    """
    config = read_config(layout)
    running = holder(layout.lock) is not None
    if wait_s and not running:
        raise InputError(
            "The service does not run: there is nobody to wait for",
            found=layout.folder,
            hint="Leave --wait out: the act is obeyed when the service starts.",
        )
    act = _with_proposal(layout, act)
    seq = _length(layout) if wait_s else 0
    way = _deliver(layout, config, act, token=token) if running else _into_log(layout, config, act)
    if not wait_s:
        return Outcome(way=way, running=running)
    entries = _wait(layout, act, seq, wait_s)
    bodies = [json.loads(entry.body) for entry in entries]
    refusals = [b for b in bodies if b["kind"] == "act_refused" and b["subject"] == act.act_id]
    return Outcome(
        way=way,
        running=running,
        decisions=[shown(entry, body) for entry, body in zip(entries, bodies, strict=True)],
        refused=refusals[0]["reason"] if refusals else "",
    )


def _deliver(layout: Layout, config: ServiceConfig, act: Act, *, token: str) -> str:
    try:
        send(service_url(config), config.loop, act, token=token)
    except UnreachableError:
        return _into_log(layout, config, act)  # the engine reads it there, if it lives
    return "http"


def _into_log(layout: Layout, config: ServiceConfig, act: Act) -> str:
    now_ns = _now_ns(layout, config)
    acted = Acted(
        act=act.act,
        act_id=act.act_id,
        who=act.who,
        reason=act.reason,
        subject=act.subject,
        time_ns=now_ns,
        until_ns=now_ns + duration_ns(act.lasts) if act.lasts else None,
    )
    published = read(layout.routes, Published)
    with SqliteEventLog(layout.events, shared=True) as log:
        log.append([(f"act/{act.act_id}", encode(acted))])
    if act.act == "undo" and published is not None and published.previous is not None:
        # Gateways obey at their next look, before the engine has read the log.
        write(layout.undo, Undo(epoch=published.epoch, act_id=act.act_id))
    return "log"


def _now_ns(layout: Layout, config: ServiceConfig) -> int:
    status = read(layout.status, Status)
    standing = config.clock == "events" and status is not None
    return status.now_ns if standing and status is not None else WallClock().now_ns()


def _with_proposal(layout: Layout, act: Act) -> Act:
    if act.act != "approve" or act.subject:
        return act
    status = read(layout.status, Status)
    waiting = {} if status is None else status.proposals
    if len(waiting) != 1:
        listed = "; ".join(f"{name}: {what}" for name, what in waiting.items())
        raise InputError(
            "It is not clear what is approved",
            found=listed or "nothing waits for approval",
            expected="the id of a proposal",
            hint="ostinato status lists what waits." if waiting else None,
        )
    (proposal,) = waiting
    return Act(act=act.act, who=act.who, reason=act.reason, subject=proposal, act_id=act.act_id)


def _length(layout: Layout) -> int:
    with SqliteJournal(layout.journal, readonly=True) as journal:
        return journal.head()[0]


def _wait(layout: Layout, act: Act, seq: int, wait_s: float) -> list[Entry]:
    clock = SteadyClock()
    until_ns = clock.now_ns() + int(wait_s * SECOND_NS)
    with SqliteJournal(layout.journal, readonly=True) as journal:
        while clock.now_ns() < until_ns:
            entries = list(journal.entries(seq))
            for place, entry in enumerate(entries):
                if _is_of(act, entry):
                    # The decisions of one fold are written together.
                    return entries[place:]
            threading.Event().wait(LOOK_S)
    raise StoreError(
        "The engine has not obeyed yet",
        found=f"nothing in the journal about {act.act_id} after {wait_s:g} s",
        hint="The act is in the log and will be obeyed; ostinato status says what the engine does.",
    )


def _is_of(act: Act, entry: Entry) -> bool:
    wanted = "autonomy_set" if act.act == "autonomy" else "operator_acted"
    return entry.kind == wanted and json.loads(entry.body).get("act_id") == act.act_id
