"""Whether posted events can be folded into features: found out before they are in the log."""

from __future__ import annotations

from ostinato.core.errors import InputError
from ostinato.features.plan import FeaturePlan
from ostinato.features.prepare import LARGEST, prepare
from ostinato.live.events import EventsGiven
from ostinato.live.feature_columns import Gathered, fields_of
from ostinato.live.gateway.http import HttpError
from ostinato.live.schema import InputSchema


class EventCheck:
    """Refuses events that an aggregate cannot take.

    Parameters
    ----------
    plan, schema
        Of the loop.
    """

    def __init__(self, plan: FeaturePlan, schema: InputSchema) -> None:
        posted = [spec.name for spec in schema.sources if spec.name in plan.sources]
        mine = {
            name: [tally for tally in plan.tallies if tally.source.name == name] for name in posted
        }
        self._summed = {
            name: {part for tally in tallies for part in tally.values if isinstance(part, str)}
            for name, tallies in mine.items()
        }
        # What expressions make of events is only known when they are carried out.
        self._expressed = {
            name: [t for t in tallies if not all(isinstance(part, str) for part in t.values)]
            for name, tallies in mine.items()
        }
        self._fields = {name: fields_of(schema, plan, name) for name in posted}

    def check(self, event: EventsGiven) -> None:
        """Refuse events whose numbers, or what expressions make of them, cannot be summed up.

        Raises
        ------
        HttpError
            422.
        """
        for name in sorted(self._summed.get(event.source, ())):
            for place, value in enumerate(event.columns[name]):
                if value is not None and not -LARGEST < value < LARGEST:
                    raise HttpError(
                        422,
                        f"{name!r} of events[{place}] cannot be summed up",
                        found=repr(value)[:60],
                        expected=f"below {LARGEST:.3g} in size",
                        hint="Divide it, for example nanoseconds into seconds.",
                    )
        if self._expressed.get(event.source):
            self._carry_out(event)

    def _carry_out(self, event: EventsGiven) -> None:
        fields = self._fields[event.source]
        gathered = Gathered(fields)
        gathered.times_ns, gathered.known_ns = event.times_ns, event.known_ns
        gathered.rows = list(zip(*(event.columns[f.name] for f in fields), strict=True))
        batch = gathered.batch(event.source)
        try:
            for tally in self._expressed[event.source]:
                prepare(tally, batch)
        except InputError as error:
            raise HttpError(
                422, error.what, found=error.found, expected=error.expected, hint=error.hint
            ) from error
