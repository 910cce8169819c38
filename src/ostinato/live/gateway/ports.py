"""What the protocols ask of the gateway's core."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from ostinato.live.events import Id
from ostinato.live.gateway.entries import Entry
from ostinato.live.published import Published


class Prediction(msgspec.Struct, gc=False):
    """One answer.

    `score` is a number (the probability of the second class, or the target), or one per class;
    `role` as in `core.records.ROLES`.
    """

    prediction_id: Id
    score: float | list[float]
    version: str
    role: str
    epoch: int


class Predictor(Protocol):
    """Answers requests, whatever protocol they came by.

    Contract
    --------
    MUST return one prediction per row, in order, when they are as durable as the service promises.
    MUST raise `HttpError` where it cannot.
    """

    async def predict(
        self,
        rows: Sequence[tuple[Any, ...]],
        ids: Sequence[Id] | None,
        times_ns: Sequence[int] | None,
    ) -> list[Prediction]:
        """Answer rows (the inputs of the schema in order), as of their times, under their ids.

        None as `ids`: the gateway makes them. None as `times_ns`: now.
        """
        ...

    def ready(self) -> bool:
        """Return whether requests can be answered: routes are in force, the log takes events."""
        ...

    def published(self) -> Published | None:
        """Return the routes in force; None before the first."""
        ...


class Featuriser(Protocol):
    """Computes features; called in the event loop."""

    def serve(
        self, rows: Sequence[tuple[Any, ...]], times_ns: Sequence[int]
    ) -> Sequence[tuple[Any, ...]]:
        """Return the rows to serve, one per row of inputs, as of the time of each.

        Raises `HttpError` where a feature cannot be computed.
        """
        ...

    def logging(self, entries: Sequence[Entry]) -> None:
        """Take answers that go to the log: the requests after them count them."""
        ...

    def not_logged(self, entries: Sequence[Entry]) -> None:
        """Take it that such answers were not stored, or had been before."""
        ...


class Follows(Protocol):
    """Who makes features of events."""

    def known_ns(self, source: str) -> int:
        """Return the newest time at which an event of a source became known; 0: none did."""
        ...

    def catch_up(self) -> None:
        """Take what is in the log."""
        ...
