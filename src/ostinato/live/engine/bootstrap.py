"""The first start: from a loop file and its data to a folder an engine can run in.

The schema is written last and says that all of it is there: a start that was cut off before begins
again, one after it goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ostinato.core.errors import ConfigError
from ostinato.core.ports import Clock
from ostinato.core.records import CasesNamed, Floats, Record, RequestsArrived
from ostinato.core.units import DAY_NS, duration_ns
from ostinato.features.reading import read_by_book
from ostinato.features.schema_book import SchemaBook, save_book
from ostinato.live.config import ServiceConfig
from ostinato.live.engine.first_features import begin_features, keep_known
from ostinato.live.engine.inputs_told import InputsTold, inputs_told
from ostinato.live.engine.policies import kept
from ostinato.live.engine.same import check_same, renewed
from ostinato.live.history_file import read_history, write_history
from ostinato.live.layout import Layout
from ostinato.live.published import read, write
from ostinato.live.schema import InputSchema, make_schema
from ostinato.loop.kernel import Plan
from ostinato.loop.loading import data_of, load_loop
from ostinato.loop.loop import Loop
from ostinato.loop.plan import check, make_plan
from ostinato.loop.watching import Sights
from ostinato.replay.history import History, blind_spot, make_history
from ostinato.replay.sights import sights_of
from ostinato.stores.tables import read_table
from ostinato.stores.times import moment_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A service's folder made ready: how it was started, its loop, schema and history.

    `sights`: what monitors know of the history, None where nothing is watched; `inputs` tells of
    what is served, None where inputs are not watched.
    """

    layout: Layout
    config: ServiceConfig
    loop: Loop
    schema: InputSchema
    history: History
    sights: Sights | None
    inputs: InputsTold | None

    def loop_of(self, digest: str) -> Loop:
        """Return the loop with the policy and the suite of a plan, today's or an earlier one.

        Raises
        ------
        StoreError
            If none of that digest is kept.
        """
        return kept(self.layout, digest).of(self.loop)

    def plan_of(self, digest: str) -> Plan:
        """Return the plan of a digest: that of today, or with an earlier policy and suite.

        Raises
        ------
        ConfigError
            If more than the policy is another one by now.
        StoreError
            If no policy of that digest is kept.
        """
        plan = self.plan(self.loop_of(digest))
        if plan.policy_digest != digest:
            raise ConfigError(
                "More than the policy and the suite of the loop file was changed",
                found=f"plan {plan.policy_digest[:12]} with the policy and the suite of then",
                expected=f"plan {digest[:12]}",
                hint="Put the rest back (learner, label, metric, slices, prices, monitors, "
                "outcomes); a loop with others gets a folder of its own: --dir.",
            )
        return plan

    def plan(self, loop: Loop | None = None) -> Plan:
        """Return the plan of the kernel, the same as a replay's of the same history.

        Parameters
        ----------
        loop
            As it was declared earlier; None: as the loop file declares it.
        """
        loop, history = loop or self.loop, self.history
        return make_plan(
            loop,
            loop.policy,
            scorer=_Unused(),
            classes=history.n_classes,
            group_names=self.schema.group_names,
            data_from_ns=int(history.times_ns[0]),
            matured_to_ns=history.matured_to_ns(history.start_ns, loop.label.horizon_ns),
            bucket_ns=max(DAY_NS, duration_ns(self.config.tick, name="tick")),
            seed=self.config.seed,
            remark=blind_spot(loop) if self.config.clock == "events" else "",
            slice_groups=self.schema.slicing().first_groups(len(loop.slices)),
            sights=self.sights,
        )

    def golden(self, now_ns: int) -> list[Record]:
        """Tell which rows before the start people named as ones to get right."""
        rows = np.flatnonzero(self.history.golden)
        if not len(rows):
            return []
        named = CasesNamed(ts_event_ns=now_ns, ts_record_ns=now_ns, offsets=rows, source="golden")
        return [named]


class _Unused:
    """The scorer of a loop whose requests are scored by gateways."""

    def score(self, version: str, requests: RequestsArrived) -> Floats:
        raise AssertionError(f"{version} scores in the gateways, not here: {len(requests)} rows")


def prepare(
    layout: Layout, config: ServiceConfig, *, clock: Clock, data: Path | None, start: Any = None
) -> Folder:
    """Make the folder of a service ready, unless it is.

    Parameters
    ----------
    layout, config
        Where, and how it runs.
    clock
        Says when serving begins, where `start` does not and the clock is the wall's.
    data
        The history; None: what the loop file brings.
    start
        When serving begins: a time, or ISO 8601 text. On the wall clock now, unless it is given;
        needed on the clock of events.

    Raises
    ------
    InputError
        If the loop file, the data or the start cannot be used.
    """
    layout.make()
    schema = read(layout.schema, InputSchema)
    if schema is None:
        _begin(layout, config, clock, data, start)
    else:
        _renew(layout, config, schema)
    write(layout.service, config)
    return open_folder(layout)


def open_folder(layout: Layout, *, read_suite: bool = True) -> Folder:
    """Read what `prepare` made.

    Parameters
    ----------
    layout
        Where.
    read_suite
        Whether today's validation suite is read; who works under a kept one does not need it.

    Raises
    ------
    ConfigError
        If nothing was prepared there.
    InputError, StoreError
        If the loop file or the folder cannot be used.
    """
    config, schema = read(layout.service, ServiceConfig), read(layout.schema, InputSchema)
    if config is None or schema is None:
        raise ConfigError(
            "There is no service in this folder",
            found=layout.folder,
            expected="a folder that `ostinato serve` made",
            hint="Start it: ostinato serve LOOP_FILE --data HISTORY.",
        )
    loop = load_loop(config.target, read_suite=read_suite).loop
    history = read_history(layout.history, schema)
    check_same(loop, schema)
    sights = sights_of(loop, history)
    return Folder(
        layout=layout,
        config=config,
        loop=loop,
        schema=schema,
        history=history,
        sights=sights,
        inputs=inputs_told(history, schema, sights),
    )


def _begin(
    layout: Layout, config: ServiceConfig, clock: Clock, data: Path | None, start: Any
) -> None:
    file = load_loop(config.target)
    check(file.loop, file.loop.policy)
    _check_lessons(file.loop)
    table = read_table(data_of(file, data))
    begin_ns = _begin_ns(config, clock, start)
    history = make_history(file.loop, table, start=None, end=None, begin_ns=begin_ns)
    sources, book = read_by_book(file.loop.feature_plan, SchemaBook(), history.start_ns)
    schema = make_schema(file.loop, table, history, sources)
    write_history(layout.history, history)
    if file.loop.feature_plan.tallies:
        save_book(layout.schemas, book)
        keep_known(layout, file.loop, schema, table, history, sources)
        begin_features(layout, file.loop, schema)
    write(layout.schema, schema)


def _check_lessons(loop: Loop) -> None:
    """Refuse trainings on anything but what was served: a service keeps that, row by row."""
    if loop.train_on != "served":
        raise ConfigError(
            f"Loop(train_on={loop.train_on!r}) is for histories that nobody served",
            found="a live service, which writes down what it serves",
            expected='train_on="served"',
            hint="Leave train_on out of the loop file.",
        )


def _renew(layout: Layout, config: ServiceConfig, schema: InputSchema) -> None:
    """Take from the loop file what of the schema may change."""
    loop = load_loop(config.target).loop
    check_same(loop, schema)
    now = renewed(loop, schema)
    if now != schema:
        write(layout.schema, now)


def _begin_ns(config: ServiceConfig, clock: Clock, start: Any) -> int:
    if start is not None:
        return moment_ns(start, name="start")
    if config.clock == "wall":
        return clock.now_ns()
    raise ConfigError(
        "A service on the clock of events needs a start",
        found="none",
        expected="the time at which serving begins",
        hint="Give --start, for example --start 2013-02-01.",
    )
