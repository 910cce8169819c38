"""What surrounds the core of a gateway: the other protocols, the description, metrics, access."""

from __future__ import annotations

from collections.abc import Callable

from ostinato.core.ports import Clock
from ostinato.live.access import Guard, check_open_access
from ostinato.live.config import ServiceConfig
from ostinato.live.gateway import invocations, metrics, openapi, openinference
from ostinato.live.gateway.limits import RateLimit
from ostinato.live.gateway.meters import Meters
from ostinato.live.gateway.ports import Predictor
from ostinato.live.gateway.route import Route
from ostinato.live.layout import Layout
from ostinato.live.schema import InputSchema
from ostinato.live.tokens import Tokens


def protocol_routes(
    predictor: Predictor,
    schema: InputSchema,
    config: ServiceConfig,
    layout: Layout,
    meters: Meters,
    *,
    clock: Clock,
) -> list[Route]:
    """Return what a gateway answers beside the loop's own protocol.

    Parameters
    ----------
    predictor
        The core.
    schema, config, layout
        Of the service.
    meters
        What this gateway counts.
    clock
        The wall clock.
    """
    timed = config.clock == "events"
    counted = metrics.Metrics(meters, layout, config.gateways, clock=clock)
    return [
        *openinference.routes(predictor, schema, timed=timed),
        *invocations.routes(predictor, schema, timed=timed),
        *metrics.routes(counted),
        *openapi.routes(schema, config),
    ]


def make_guard(
    config: ServiceConfig, layout: Layout, *, clock: Clock, elapsed_ns: Callable[[], int]
) -> Guard:
    """Return who lets requests in: tokens of the folder, or nobody else's machine.

    Raises
    ------
    ConfigError
        If the service would be open to others.
    """
    check_open_access(config)
    tokens = None
    if not config.open_access:
        tokens = Tokens(layout.tokens, clock=clock, elapsed_ns=elapsed_ns)
    return Guard(tokens, RateLimit(config.requests_per_second, elapsed_ns=elapsed_ns))
