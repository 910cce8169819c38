"""Whether posted events can be folded into features: found out before they are in the log."""

from __future__ import annotations

from ostinato.core.errors import InputError
from ostinato.features.plan import FeaturePlan
from ostinato.features.prepare import prepare
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
        self._tallies = {
            name: [tally for tally in plan.tallies if tally.source.name == name] for name in posted
        }
        self._fields = {name: fields_of(schema, plan, name) for name in posted}

    def check(self, event: EventsGiven) -> None:
        """Refuse events whose numbers, or what expressions make of them, cannot be summed up.

        Raises
        ------
        HttpError
            422.
        """
        fields = self._fields.get(event.source, [])
        if not fields:
            return
        gathered = Gathered(fields)
        gathered.times_ns, gathered.known_ns = event.times_ns, event.known_ns
        gathered.rows = list(zip(*(event.columns[f.name] for f in fields), strict=True))
        batch = gathered.batch(event.source)
        try:
            for tally in self._tallies[event.source]:
                prepare(tally, batch)
        except InputError as error:
            raise HttpError(
                422, error.what, found=error.found, expected=error.expected, hint=error.hint
            ) from error
