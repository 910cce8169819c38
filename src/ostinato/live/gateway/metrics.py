"""``/metrics`` for Prometheus: what all gateways counted, and what the engine told last.

A scrape reaches any gateway; it answers for all, from the small files they write, with a label
``gateway``. A gateway that was restarted begins at zero, as Prometheus expects of counters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ostinato.core.errors import StoreError
from ostinato.core.ports import Clock
from ostinato.live.gateway.exposition import TYPE, Exposition, Labels, metric_name
from ostinato.live.gateway.http import Request, Response
from ostinato.live.gateway.meters import Counted, Histogram, Meters, read_counted
from ostinato.live.gateway.route import Route
from ostinato.live.layout import Layout
from ostinato.live.published import Alive, Status, read

_SECOND_NS: Final = 1_000_000_000

PROCESS_SILENT_SECONDS: Final = 60.0
"""A process that has not told that it lives for so long counts as down."""


class Metrics:
    """Answers scrapes.

    Parameters
    ----------
    meters
        What this gateway counts.
    layout
        Where the others and the engine write.
    gateways
        How many gateways there are.
    clock
        The wall clock.
    """

    def __init__(self, meters: Meters, layout: Layout, gateways: int, *, clock: Clock) -> None:
        self.meters, self.layout, self.gateways, self.clock = meters, layout, gateways, clock

    async def metrics(self, _request: Request) -> Response:
        """Answer a scrape."""
        told = Exposition()
        counted = dict(self._counted())
        self._requests(told, counted)
        self._models(told, counted)
        self._log(told, counted)
        self._streams(told, counted)
        self._features(told, counted)
        self._engine(told, counted)
        return Response(200, told.text(), TYPE)

    def _counted(self) -> Iterator[tuple[int, Counted]]:
        for gateway in range(self.gateways):
            own = gateway == self.meters.gateway
            each = self.meters.counted if own else read_counted(self.layout.run, gateway)
            if each is not None:
                yield gateway, each

    def _labels(self, gateway: int, **more: object) -> Labels:
        return {"loop": self.meters.loop, "gateway": gateway, **more}

    def _requests(self, told: Exposition, counted: dict[int, Counted]) -> None:
        told.add(
            "ostinato_requests_total",
            "Requests by the path of their route and the status of the answer.",
            [
                (self._labels(gateway, path=path, status=status), count)
                for gateway, each in counted.items()
                for path, by_status in each.requests.items()
                for status, count in by_status.items()
            ],
        )
        told.histogram(
            "ostinato_request_duration_seconds",
            "From the whole request read to the answer given.",
            [
                (self._labels(gateway, path=path), histogram)
                for gateway, each in counted.items()
                for path, histogram in each.request_seconds.items()
            ],
        )

    def _models(self, told: Exposition, counted: dict[int, Counted]) -> None:
        told.add(
            "ostinato_predictions_total",
            "Predictions by the version that answered and its role.",
            [
                (self._labels(gateway, version=version, role=role), count)
                for gateway, each in counted.items()
                for version, by_role in each.predictions.items()
                for role, count in by_role.items()
            ],
        )
        told.add(
            "ostinato_faults_total",
            "Rows that a version failed to score.",
            [
                (self._labels(gateway, version=version), count)
                for gateway, each in counted.items()
                for version, count in each.faults.items()
            ],
        )
        told.histogram(
            "ostinato_model_duration_seconds",
            "Scoring of one batch by a version.",
            [
                (self._labels(gateway, version=version), histogram)
                for gateway, each in counted.items()
                for version, histogram in each.model_seconds.items()
            ],
        )
        told.histogram(
            "ostinato_batch_size", "Rows scored together.", self._each(counted, "batch_rows")
        )

    def _each(self, counted: dict[int, Counted], name: str) -> list[tuple[Labels, Histogram]]:
        return [(self._labels(gateway), getattr(each, name)) for gateway, each in counted.items()]

    def _log(self, told: Exposition, counted: dict[int, Counted]) -> None:
        told.histogram(
            "ostinato_commit_duration_seconds",
            "Commits of events to the log, until they are on disk.",
            self._each(counted, "commit_seconds"),
        )
        for name, meaning, field in (
            ("ostinato_events_total", "Events written to the log.", "events"),
            ("ostinato_gateway_epoch", "The epoch of the routes in force.", "epoch"),
        ):
            samples = [(self._labels(g), getattr(each, field)) for g, each in counted.items()]
            told.add(name, meaning, samples)
        started = [(self._labels(g), each.started_ns / _SECOND_NS) for g, each in counted.items()]
        told.add(
            "ostinato_gateway_start_time_seconds",
            "When the gateway started, seconds since 1970.",
            started,
        )

    def _streams(self, told: Exposition, counted: dict[int, Counted]) -> None:
        streams = [
            (self._labels(gateway, source=source), stream)
            for gateway, each in counted.items()
            for source, stream in each.streams.items()
        ]
        told.add(
            "ostinato_source_events_total",
            "Events of a source that were posted and taken.",
            [(labels, stream.taken) for labels, stream in streams],
        )
        told.add(
            "ostinato_source_doubled_total",
            "Events of a source that were posted again, by their id.",
            [(labels, stream.doubled) for labels, stream in streams],
        )
        told.add(
            "ostinato_source_ignored_total",
            "Events of a source with a column that it does not have.",
            [
                ({**labels, "column": column}, count)
                for labels, stream in streams
                for column, count in stream.ignored.items()
            ],
        )
        told.add(
            "ostinato_source_age_seconds",
            "Since the newest event of a source that features are made of.",
            [(labels, s.age_seconds) for labels, s in streams if s.age_seconds is not None],
        )

    def _features(self, told: Exposition, counted: dict[int, Counted]) -> None:
        found = [
            (self._labels(gateway), each.features)
            for gateway, each in counted.items()
            if each.features is not None
        ]
        for name, meaning, field in (
            ("features_lag", "Events of the log that features do not have yet.", "lag"),
            ("features_bytes", "Size in memory of the state of features.", "bytes"),
            ("features_skipped_total", "Events that features could not take.", "skipped"),
        ):
            samples = [(labels, getattr(features, field)) for labels, features in found]
            told.add(f"ostinato_{name}", meaning, samples)

    def _engine(self, told: Exposition, counted: dict[int, Counted]) -> None:
        loop = {"loop": self.meters.loop}
        told.add("ostinato_engine_up", "1 if the engine lives.", [(loop, self._up())])
        status = self._status()
        if status is None:
            return
        log_end = max((each.log_end for each in counted.values()), default=0)
        lag = max(0, log_end - status.folded_offset)
        for name, meaning, value in (
            ("log_lag", "Events in the log that the engine has not folded yet.", lag),
            ("ticks_total", "Ticks that the engine has folded.", status.tick),
            ("decisions_total", "Decisions in the journal.", status.decisions),
            ("epoch", "The epoch of the routes that are published.", status.epoch),
            ("paused", "1 if learning and releasing are paused.", status.paused),
            ("trainings", "Trainings under way.", len(status.training)),
            ("proposals", "Proposals that wait for approval.", len(status.proposals)),
            (
                "engine_clock_seconds",
                "The engine's time at its last tick, seconds since 1970.",
                status.now_ns / _SECOND_NS,
            ),
        ):
            told.add(f"ostinato_{name}", meaning, [(loop, value)])
        self._parity(told, status)
        self._watch(told, status)
        self._alerts(told, status)
        for name, figure in status.metrics.items():
            told.add(
                f"ostinato_engine_{metric_name(name)}",
                "A figure of the engine.",
                [] if figure is None else [(loop, figure)],
            )

    def _parity(self, told: Exposition, status: Status) -> None:
        features = [
            ({"loop": self.meters.loop, "feature": each.feature}, each) for each in status.parity
        ]
        told.add(
            "ostinato_parity_rows_total",
            "Served rows of a feature that were compared with it computed again.",
            [(labels, each.rows) for labels, each in features],
        )
        told.add(
            "ostinato_parity_mismatches_total",
            "Of the compared rows, those that differ.",
            [(labels, each.mismatches) for labels, each in features],
        )
        told.add(
            "ostinato_parity_broken",
            "1 if a feature is not served as it is declared.",
            [(labels, each.broken is not None) for labels, each in features],
        )

    def _watch(self, told: Exposition, status: Status) -> None:
        watch, loop = status.watch, {"loop": self.meters.loop}
        if watch is None:
            return
        budget = watch["budget"]
        for name, meaning, value in (
            ("watched_streams", "Streams that monitors watch.", watch["streams"]),
            ("false_alarms_declared", "False alarms that 30 days may have.", budget["declared"]),
            ("false_alarms_expected", "False alarms so far, by the budget.", budget["expected"]),
            ("alarms_raised", "Alarms raised within the last 30 days.", budget["raised"]),
        ):
            told.add(f"ostinato_{name}", meaning, [(loop, value)])
        told.add(
            "ostinato_alarms",
            "Alarms that stand.",
            [({**loop, "severity": name}, n) for name, n in watch["by_severity"].items()],
        )
        told.add(
            "ostinato_unmeasured",
            "Streams of a monitor that cannot be measured.",
            [
                ({**loop, "monitor": each["monitor"]}, each["unmeasured_total"])
                for each in watch["monitors"]
            ],
        )
        told.add(
            "ostinato_estimated",
            "Estimate of a metric whose labels have not come yet.",
            [
                ({**loop, "stream": each["stream"]}, each["estimated"])
                for each in watch["estimates"]
                if each["estimated"] is not None
            ],
        )

    def _alerts(self, told: Exposition, status: Status) -> None:
        loop = {"loop": self.meters.loop}
        told.add(
            "ostinato_alerts_failing",
            "How often the message at hand was not taken by an address of alerts.",
            [
                ({**loop, "place": place, "address": each.address}, each.tries)
                for place, each in enumerate(status.alerts)
            ],
        )

    def _status(self) -> Status | None:
        # A scrape goes on without the engine's part when its file cannot be read.
        try:
            return read(self.layout.status, Status)
        except StoreError:
            return None

    def _up(self) -> bool:
        try:
            alive = read(self.layout.run / "engine.json", Alive)
        except StoreError:
            return False
        silent_ns = PROCESS_SILENT_SECONDS * _SECOND_NS
        return alive is not None and self.clock.now_ns() - alive.beat_ns < silent_ns


def routes(metrics: Metrics) -> list[Route]:
    """Return the route of the metrics."""
    return [Route("GET", "/metrics", "read", metrics.metrics)]
