"""Bodies of prediction requests, decoded straight into rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec.structs import astuple

from ostinato.live.events import Id
from ostinato.live.gateway.explain import refuse_inputs
from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.moments import Moment, read_moment
from ostinato.live.gateway.rows import limit_rows
from ostinato.live.schema import InputSchema, Whole

ID_LENGTH: Final = 200
"""Characters of an id at most. Ids are keys of the log."""

GivenId = Whole | Annotated[str, msgspec.Meta(min_length=1, max_length=ID_LENGTH)]
"""An id as clients may give it."""

Row = tuple[Any, ...]


class Asked:
    """What a request asks: rows, ids and times of them (None: not given), and whether in a list."""

    __slots__ = ("ids", "many", "rows", "times_ns")

    def __init__(
        self, rows: list[Row], ids: Sequence[Id] | None, times_ns: list[int] | None, *, many: bool
    ) -> None:
        self.rows, self.ids, self.times_ns, self.many = rows, ids, times_ns, many


class Inputs:
    """Reads bodies of prediction requests.

    Parameters
    ----------
    schema
        The fields of a row.
    timed
        Whether requests say their own time (the events clock): required then, refused otherwise.
    """

    def __init__(self, schema: InputSchema, *, timed: bool) -> None:
        self.schema, self.timed = schema, timed
        row = schema.row_type()
        self._row = row
        body = msgspec.defstruct(
            "Body",
            [
                ("inputs", row | list[row]),  # type: ignore[valid-type] # made at run time
                ("prediction_id", GivenId | list[GivenId] | None, None),
                ("time", Moment | list[Moment] | None, None),
            ],
            forbid_unknown_fields=True,
            gc=False,
        )
        self._decode = msgspec.json.Decoder(body).decode

    def read(self, body: bytes) -> Asked:
        """Read a body.

        Raises
        ------
        HttpError
            400 if it is no JSON, 413 if it has too many rows, 422 if it does not fit: the error
            names the field.
        """
        try:
            asked: Any = self._decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            refuse_inputs(error, body, self.schema)
        except RecursionError as error:
            raise HttpError(400, "The body is nested too deeply", expected="flat inputs") from error
        if type(asked.inputs) is not list:
            rows, many = [astuple(asked.inputs)], False
        else:
            limit_rows(len(asked.inputs))
            rows, many = [astuple(row) for row in asked.inputs], True
            if not rows:
                raise HttpError(422, "inputs is empty", found="[]", expected="at least one row")
        ids, times = asked.prediction_id, asked.time
        return Asked(
            rows,
            None if ids is None else _ids(ids, len(rows), many=many),
            self._times(times, len(rows)) if times is not None or self.timed else None,
            many=many,
        )

    def _times(self, times: Moment | list[Moment] | None, count: int) -> list[int]:
        if not self.timed:
            raise HttpError(
                422,
                "time cannot be given to this service",
                found=repr(times)[:60],
                expected="no time: requests are stamped when they come",
                hint="A service with --clock events takes it.",
            )
        if times is None:
            raise HttpError(
                422,
                "time is missing",
                expected="a time, or one per row: nanoseconds since 1970, or ISO 8601",
                hint="This service's clock follows the events (--clock events).",
            )
        if not isinstance(times, list):
            return [read_moment(times, name="time")] * count
        if len(times) != count:
            raise HttpError(
                422, "time has the wrong length", found=len(times), expected=f"{count}, one per row"
            )
        return [read_moment(moment, name="time") for moment in times]


def _ids(ids: Id | list[Id], count: int, *, many: bool) -> list[Id]:
    given = ids if isinstance(ids, list) else [ids]
    if len(given) != count or isinstance(ids, list) != many:
        raise HttpError(
            422,
            "prediction_id does not match inputs",
            found=f"{len(given)} ids" if isinstance(ids, list) else "one id",
            expected=f"a list of {count} ids, one per row" if many else "one id",
        )
    if count > 1 and len(set(given)) != count:
        raise HttpError(
            422,
            "prediction_id holds an id twice",
            expected="an id of its own for each row",
            hint="Rows of one id would get one answer.",
        )
    return given
