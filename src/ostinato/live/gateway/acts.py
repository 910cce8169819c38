"""`POST /loops/{loop}/{act}`: what an operator does by hand; and the clock of a rehearsal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Final

import msgspec

from ostinato.core.errors import OstinatoError
from ostinato.core.ports import Clock
from ostinato.core.records import ACTS, ALARM_ACTS, AUTONOMY
from ostinato.core.units import duration_ns
from ostinato.live.events import Acted, encode
from ostinato.live.gateway.batcher import not_stored
from ostinato.live.gateway.committer import Committer
from ostinato.live.gateway.explain import refuse
from ostinato.live.gateway.http import Handler, HttpError, Request, Response, answer
from ostinato.live.gateway.route import Route, only_loop
from ostinato.live.layout import Layout
from ostinato.live.published import Published, Undo, read, write
from ostinato.live.schema import InputSchema

Short = Annotated[str, msgspec.Meta(max_length=200)]
Name = Annotated[str, msgspec.Meta(max_length=1000)]
Long = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]

ALL_ACTS: Final = (*ACTS, *ALARM_ACTS, "autonomy")


class ActBody(msgspec.Struct, forbid_unknown_fields=True):
    """Who acts, why, on what; `act_id` makes a retry harmless; `lasts`: how long a silence is."""

    reason: Long
    who: Short = ""
    subject: Name = ""
    act_id: Short = ""
    lasts: Short = msgspec.field(default="", name="for")


class Acts:
    """Takes operator acts.

    An act is an event, which the engine folds; the answer says that it is on disk. An undo takes
    effect at once besides, engine alive or not.

    Parameters
    ----------
    schema, layout
        Of the service.
    committer
        The way to the log.
    clock
        Stamps acts.
    new_key
        Makes ids of this gateway.
    obey
        Looks at the files at once; called in a thread.
    """

    def __init__(
        self,
        schema: InputSchema,
        layout: Layout,
        committer: Committer,
        clock: Clock,
        *,
        new_key: Callable[[], str],
        obey: Callable[[], None],
    ) -> None:
        self.schema, self.layout, self.committer, self.clock = schema, layout, committer, clock
        self.new_key, self.obey = new_key, obey
        self._decode = msgspec.json.Decoder(ActBody).decode

    def routes(self) -> list[Route]:
        """Return what this answers."""
        return [
            Route("POST", f"/loops/{{loop}}/{act}", "operate", self._handler(act))
            for act in ALL_ACTS
        ]

    async def act(self, act: str, request: Request) -> Response:
        """Take an act."""
        only_loop(self.schema.loop, request.arguments["loop"])
        body = self._body(request.body)
        _check_subject(act, body.subject)
        lasts_ns = _lasts_ns(act, body.lasts)
        act_id = body.act_id or self.new_key()
        undo = await asyncio.to_thread(self._undo, act_id) if act == "undo" else None
        now_ns = self.clock.now_ns()
        acted = Acted(
            act=act,
            act_id=act_id,
            who=request.who or body.who or "unknown",
            reason=body.reason,
            subject=body.subject,
            time_ns=now_ns,
            until_ns=None if lasts_ns is None else now_ns + lasts_ns,
        )
        try:
            ((_, earlier),) = await self.committer.commit([(f"act/{act_id}", encode(acted))])
        except OstinatoError as error:
            raise not_stored(error) from error
        if undo is not None and earlier is None:  # a retry must not undo what came after
            await asyncio.to_thread(self._write_undo, undo)
        return answer({"act_id": act_id, "accepted": True}, 202)

    def _handler(self, act: str) -> Handler:
        async def handle(request: Request) -> Response:
            return await self.act(act, request)

        return handle

    def _body(self, body: bytes) -> ActBody:
        try:
            return self._decode(body or b"{}")
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            refuse(error, body)

    def _undo(self, act_id: str) -> Undo | None:
        """Return what to write; read before the act is stored, so as not to hit a later epoch."""
        published = read(self.layout.routes, Published)
        if published is None or published.previous is None:
            return None  # the engine says why not
        return Undo(epoch=published.epoch, act_id=act_id)

    def _write_undo(self, undo: Undo) -> None:
        write(self.layout.undo, undo)
        self.obey()


def _check_subject(act: str, subject: str) -> None:
    if act == "autonomy" and subject not in AUTONOMY:
        raise HttpError(
            422,
            "subject is no level of autonomy",
            found=repr(subject),
            expected=", ".join(AUTONOMY),
        )
    if act == "approve" and not subject:
        raise HttpError(
            422,
            "subject is missing",
            expected="the id of the proposal",
            hint="GET /loops/{loop} lists what waits for approval.",
        )
    if act in ALARM_ACTS and not subject:
        raise HttpError(
            422,
            "subject is missing",
            expected="the name of an alarm, or a pattern with *",
            hint="GET /loops/{loop}/alarms lists the alarms that stand.",
        )


def _lasts_ns(act: str, lasts: str) -> int | None:
    """Return how long a silence is; None for other acts."""
    if (act == "silence") != bool(lasts):
        raise HttpError(
            422,
            "A silence needs an end, and nothing else has one",
            found=f"{act}, for={lasts!r}",
            expected="a duration as 7d for silence alone",
        )
    try:
        return duration_ns(lasts, name="for") if lasts else None
    except OstinatoError as error:
        raise HttpError(422, error.what, found=repr(lasts), expected=error.expected) from error
