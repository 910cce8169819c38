"""The parts that compute a gateway's features, put together of what lies in the folder."""

from __future__ import annotations

from collections.abc import Callable

from ostinato.core.ports import Clock
from ostinato.features.rows import row_features
from ostinato.live.config import ServiceConfig
from ostinato.live.gateway.features import Features
from ostinato.live.gateway.following import Follower
from ostinato.live.layout import Layout
from ostinato.live.schema import InputSchema
from ostinato.live.tracked import Tracked, load_tracked
from ostinato.loop.loop import Loop
from ostinato.stores.eventlog_sqlite import SqliteEventLog


def make_features(
    loop: Loop,
    schema: InputSchema,
    layout: Layout,
    clock: Clock,
    *,
    config: ServiceConfig,
    say: Callable[[str], None],
) -> Features | None:
    """Return what computes the features of a loop; None: it declares none.

    Parameters
    ----------
    loop, schema, layout
        Of the service; the log is there.
    clock
        Of the gateway.
    config
        Of the service. Where others write to the log as well, other gateways or whoever moves the
        clock, it is followed before every batch; a gateway by itself knows when there is news.
    say
        Takes sentences for the log.
    """
    plan = loop.feature_plan
    if not plan.versions:
        return None
    follower = None
    if plan.tallies:

        def load() -> Tracked | None:
            return load_tracked(loop, schema, layout, say=say)

        log = SqliteEventLog(layout.events, readonly=True)
        follower = Follower(log, load, clock, say)
    first = config.clock == "events" or config.gateways > 1
    kinds = {field.name: field.kind for field in schema.fields}
    by_row = row_features(plan, kinds) if plan.rows else None
    return Features(plan, schema, by_row=by_row, follower=follower, first=first)
