"""`POST /loops/{loop}/labels` and `/outcomes`: what became of predictions, durably."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, NamedTuple, TypeVar

import msgspec

from ostinato.core.errors import OstinatoError
from ostinato.core.ports import Clock
from ostinato.features.plan import FeaturePlan
from ostinato.features.prepare import LARGEST
from ostinato.features.sources import Labels as LabelSource
from ostinato.features.sources import Outcomes
from ostinato.learn.columns import NUMBER_MAX
from ostinato.live.events import LabelsGiven, OutcomesGiven, encode
from ostinato.live.gateway.batcher import not_stored
from ostinato.live.gateway.committer import Committer
from ostinato.live.gateway.explain import refuse
from ostinato.live.gateway.http import HttpError, Request, Response, answer
from ostinato.live.gateway.inputs import GivenId
from ostinato.live.gateway.moments import Moment, read_moment, read_past
from ostinato.live.gateway.ports import Follows
from ostinato.live.gateway.route import Route, only_loop
from ostinato.live.schema import InputSchema, Whole

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Truth = bool | Whole | float | Annotated[str, msgspec.Meta(max_length=1000)] | None
Unset = msgspec.UnsetType
UNSET: Final = msgspec.UNSET


class LabelItem(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A label: a class or a number; null takes it back."""

    prediction_id: GivenId
    label: Truth
    time: Moment | None = None


class LabelBody(msgspec.Struct, forbid_unknown_fields=True):
    """Labels, or one."""

    labels: list[LabelItem] | Unset = UNSET
    prediction_id: GivenId | Unset = UNSET
    label: Truth | Unset = UNSET
    time: Moment | None = None


class OutcomeItem(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A business outcome of a prediction or of a unit."""

    name: Text
    value: float
    prediction_id: GivenId | None = None
    unit: bool | Whole | float | Text | None = None
    time: Moment | None = None


class OutcomeBody(msgspec.Struct, forbid_unknown_fields=True):
    """Outcomes, or one."""

    outcomes: list[OutcomeItem] | Unset = UNSET
    name: Text | Unset = UNSET
    value: float | Unset = UNSET
    prediction_id: GivenId | None = None
    unit: bool | Whole | float | Text | None = None
    time: Moment | None = None


class Summed(NamedTuple):
    """What features sum up: labels, and outcomes by name."""

    labels: bool
    outcomes: frozenset[str]


NOT_SUMMED: Final = Summed(labels=False, outcomes=frozenset())


def summed_of(plan: FeaturePlan) -> Summed:
    """Return what the features of a plan sum up."""
    sources = plan.sources.values()
    return Summed(
        labels=any(isinstance(each, LabelSource) for each in sources),
        outcomes=frozenset(each.outcome for each in sources if isinstance(each, Outcomes)),
    )


class Labels:
    """Takes labels and outcomes; each request is one event.

    Parameters
    ----------
    schema
        Of the loop.
    committer
        The way to the log.
    clock
        Stamps what has no time.
    timed
        Whether time follows the events: every item says its own then.
    new_key
        Makes keys of this gateway.
    wait_for_disk
        Whether the answer waits for the commit.
    summed
        What features sum up of labels and outcomes.
    follows
        Makes features of what is in the log; None: no feature needs it.
    """

    def __init__(
        self,
        schema: InputSchema,
        committer: Committer,
        clock: Clock,
        *,
        timed: bool,
        new_key: Callable[[], str],
        wait_for_disk: bool,
        summed: Summed = NOT_SUMMED,
        follows: Follows | None = None,
    ) -> None:
        self.schema, self.committer, self.clock = schema, committer, clock
        self.summed, self.follows = summed, follows
        self.timed, self.new_key, self.wait_for_disk = timed, new_key, wait_for_disk
        self._labels = msgspec.json.Decoder(LabelBody).decode
        self._outcomes = msgspec.json.Decoder(OutcomeBody).decode

    def routes(self) -> list[Route]:
        """Return what this answers."""
        return [
            Route("POST", "/loops/{loop}/labels", "label", self.labels),
            Route("POST", "/loops/{loop}/outcomes", "label", self.outcomes),
        ]

    async def labels(self, request: Request) -> Response:
        """Take labels."""
        only_loop(self.schema.loop, request.arguments["loop"])
        items = self._label_items(request.body)
        if not self.schema.classes:
            _check_numbers(items, LARGEST if self.summed.labels else NUMBER_MAX)
        event = LabelsGiven(
            ids=[item.prediction_id for item in items],
            times_ns=self._times(items, "labels"),
            values=[item.label for item in items],
            given_ns=self._given_ns(),
        )
        await self._store(f"l/{self.new_key()}", encode(event))
        return answer({"accepted": len(items)})

    async def outcomes(self, request: Request) -> Response:
        """Take business outcomes."""
        only_loop(self.schema.loop, request.arguments["loop"])
        items = self._outcome_items(request.body)
        for place, item in enumerate(items):
            _check_owner(item, place)
            if item.name in self.summed.outcomes:
                _check_summed(item, place)
        event = OutcomesGiven(
            ids=[item.prediction_id for item in items],
            units=[item.unit for item in items],
            names=[item.name for item in items],
            times_ns=self._times(items, "outcomes"),
            values=[item.value for item in items],
            given_ns=self._given_ns(),
        )
        await self._store(f"o/{self.new_key()}", encode(event))
        return answer({"accepted": len(items)})

    def _label_items(self, body: bytes) -> Sequence[LabelItem]:
        found: LabelBody = _decoded(self._labels, body)
        labels = found.labels
        if labels is not UNSET and found.prediction_id is UNSET and found.label is UNSET:
            return _some(labels, "labels")
        if found.labels is UNSET and found.prediction_id is not UNSET and found.label is not UNSET:
            return [LabelItem(found.prediction_id, found.label, found.time)]
        raise _either("labels", '"prediction_id" and "label"')

    def _outcome_items(self, body: bytes) -> Sequence[OutcomeItem]:
        found: OutcomeBody = _decoded(self._outcomes, body)
        outcomes = found.outcomes
        if outcomes is not UNSET and found.name is UNSET and found.value is UNSET:
            return _some(outcomes, "outcomes")
        if found.outcomes is UNSET and found.name is not UNSET and found.value is not UNSET:
            return [
                OutcomeItem(found.name, found.value, found.prediction_id, found.unit, found.time)
            ]
        raise _either("outcomes", '"name", "value" and "prediction_id" or "unit"')

    def _given_ns(self) -> int:
        return 0 if self.timed else self.clock.now_ns()

    def _times(self, items: Sequence[LabelItem | OutcomeItem], name: str) -> list[int]:
        if self.timed:
            return [
                read_moment(
                    _required(item.time, f"time of {name}[{i}]"), name=f"time of {name}[{i}]"
                )
                for i, item in enumerate(items)
            ]
        now_ns = self.clock.now_ns()
        return [
            now_ns
            if item.time is None
            else read_past(item.time, now_ns, name=f"time of {name}[{i}]")
            for i, item in enumerate(items)
        ]

    async def _store(self, key: str, payload: bytes) -> None:
        if self.committer.full:
            raise HttpError(
                503,
                "The log does not keep up",
                hint="Try again in a second.",
                headers=(("retry-after", "1"),),
            )
        if not self.wait_for_disk and self.committer.trouble is None:
            self.committer.submit_later([(key, payload)])
            return
        try:
            await self.committer.commit([(key, payload)])
        except OstinatoError as error:
            raise not_stored(error) from error
        if self.follows is not None:
            self.follows.catch_up()


def _decoded(decode: Callable[[bytes], Any], body: bytes) -> Any:
    try:
        return decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        refuse(error, body)
    except RecursionError as error:
        raise HttpError(400, "The body is nested too deeply") from error


Item = TypeVar("Item")


def _some(items: list[Item], name: str) -> list[Item]:
    if not items:
        raise HttpError(422, f"{name} is empty", found="[]", expected="at least one")
    return items


def _either(name: str, single: str) -> HttpError:
    return HttpError(422, "The body does not fit", expected=f'either "{name}": [...], or {single}')


def _required(moment: Moment | None, name: str) -> Moment:
    if moment is None:
        raise HttpError(
            422,
            f"{name} is missing",
            expected="nanoseconds since 1970, or ISO 8601",
            hint="This service's clock follows the events (--clock events).",
        )
    return moment


def _check_numbers(items: Sequence[LabelItem], largest: float) -> None:
    for place, item in enumerate(items):
        label = item.label
        if isinstance(label, str) or not (label is None or -largest < label < largest):
            raise HttpError(
                422,
                f"label of labels[{place}] is no number that can be learned",
                found=repr(label)[:60],
                expected=f"-{largest:.4g} to {largest:.4g}, or null to take a label back",
            )


def _check_summed(item: OutcomeItem, place: int) -> None:
    if not -LARGEST < item.value < LARGEST:
        raise HttpError(
            422,
            f"value of outcomes[{place}] is too large",
            found=repr(item.value),
            expected=f"below {LARGEST:.4g} in size: features sum it up",
        )


def _check_owner(item: OutcomeItem, place: int) -> None:
    if (item.prediction_id is None) == (item.unit is None):
        raise HttpError(
            422,
            f"outcomes[{place}] does not say whose it is",
            found="both" if item.unit is not None else "neither",
            expected="prediction_id, or unit",
        )
