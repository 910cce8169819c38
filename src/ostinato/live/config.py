"""How a service runs: what `ostinato serve` was told, kept in the folder."""

from __future__ import annotations

from typing import Literal

import msgspec


class ServiceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything the processes of a service need to know beside the loop file.

    Parameters
    ----------
    target
        The loop file, absolute, with ``:LOOP`` where it has several.
    loop
        Name of the loop.
    host, port
        Where gateways listen.
    gateways
        How many gateway processes.
    tick
        How often the loop looks, a duration; on the events clock ticks are asked for.
    clock
        ``"wall"``, or ``"events"``: time stands still until it is told to move (rehearsals).
    durability
        ``"fsync"``: an event is confirmed when it is on disk. ``"async"``: it is confirmed when
        it is queued; a crash loses at most the last `async_window_ms`.
    autonomy
        How far the loop acts by itself from the first start on: observe, suggest, approve, auto.
        Later changes are acts.
    train_takes
        On the events clock, how long a training takes.
    seed
        Seed of the run.
    predict_timeout_ms
        After so long a version that has not scored counts as hanging, and another one answers.
    max_body_bytes
        Larger requests are refused with 413.
    requests_per_second
        More than this from one token (or address) are refused with 429; 0: no limit.
    request_timeout_s
        A request that is not complete after so long is dropped.
    train_timeout_s, train_memory_mb
        Limits of one training; 0: none.
    retention_days
        How long events stay in the log after they are in the lake; also how long a client's
        prediction id is remembered.
    registry
        Where versions are mirrored to; empty: the MLflow store in the folder where MLflow is
        installed.
    alerts
        Addresses of alerts: URLs, or ``SEVERITY=URL`` (`ostinato.live.alerts.address`).
    alerts_per_hour
        Most messages to one address in an hour.
    link
        Where people reach the service, for links in alerts; empty: where it listens.
    open_access
        No tokens are asked for. Only on a loopback address.
    """

    target: str
    loop: str
    host: str = "127.0.0.1"
    port: int = 8000
    gateways: int = 1
    tick: str = "1m"
    clock: Literal["wall", "events"] = "wall"
    durability: Literal["fsync", "async"] = "fsync"
    async_window_ms: int = 100
    autonomy: Literal["observe", "suggest", "approve", "auto"] = "suggest"
    train_takes: str = "10m"
    seed: int = 0
    predict_timeout_ms: int = 1_000
    max_body_bytes: int = 10 * 1024 * 1024
    requests_per_second: int = 0
    request_timeout_s: int = 30
    train_timeout_s: int = 0
    train_memory_mb: int = 0
    retention_days: int = 30
    registry: str = ""
    alerts: tuple[str, ...] = ()
    alerts_per_hour: int = 12
    link: str = ""
    open_access: bool = True
