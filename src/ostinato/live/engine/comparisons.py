"""Comparisons of served rows with the same features computed again, beside the loop.

What is computed again comes from raw events by the execution that serving does not use. Its result
is told through the log, so that whoever folds the log again decides the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core import snapshot
from ostinato.core.records import Floats, Ints
from ostinato.core.units import DAY_NS, SECOND_NS
from ostinato.decide.parity import ParityState
from ostinato.features.asof import as_of
from ostinato.features.declared import Aggregate
from ostinato.features.keys import key_hashes
from ostinato.features.plan import FeaturePlan, make_plan
from ostinato.features.prepare import EventBatch
from ostinato.features.sources import Events
from ostinato.learn.model import Model
from ostinato.live.engine.bootstrap import Folder
from ostinato.live.engine.feed import Readable
from ostinato.live.engine.grown_tables import GrownTables, known_to_ns
from ostinato.live.engine.served_rows import ServedRows, no_rows, thinned
from ostinato.live.engine.source_history import chosen, recent_events, since
from ostinato.live.events import ParityDone
from ostinato.loop.plan import parity_rule
from ostinato.replay.parity import Agreement, Comparer, Score, compare_history
from ostinato.stores.registry_folder import FolderRegistry

GRACE_NS: Final = SECOND_NS
"""On the wall clock, how long after an event is known every gateway surely has it. Rows whose value
an event of the last moment changes are left out. Shorter: what is on its way looks like a fault;
longer: fewer rows of busy keys are compared."""

TABLE_BEHIND_NS: Final = 3 * DAY_NS
"""How far a table may be behind the clock and still be what its source is said to be. Shorter:
tables that are written once a day are passed over at times; longer: rows wait for tables that
nobody writes any more."""

REACH_NS: Final = 8 * DAY_NS
"""Events read from before the oldest window: lags up to about this are found. Shorter: a cause
stays unknown; longer: more is read."""

MOST_WAITING: Final = 20_000
"""Rows kept that wait for tables. More: more memory."""

KEPT: Final = 500
"""Rows that differ, and rows that do not, kept for the search for causes. Fewer: causes are less
sure; more: each comparison takes longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Rows to compare after a tick: its time, what the kernel knew then, and who served."""

    rows: ServedRows
    now_ns: int
    parity: ParityState
    champion: str | None


class Comparisons(Protocol):
    """Carries out comparisons, one at a time.

    Contract
    --------
    MUST NOT block. MUST give each outcome once. MUST NOT want another job before that.
    """

    @property
    def under_way(self) -> bool:
        """Whether a comparison was begun that has no outcome yet."""
        ...

    @property
    def waiting(self) -> bool:
        """Whether rows of earlier jobs are still to be compared."""
        ...

    @property
    def trouble(self) -> str:
        """Why comparisons fail; empty: they do not."""
        ...

    def wants(self, tick: int) -> bool:
        """Say whether rows are to be compared after a tick."""
        ...

    def begin(self, job: Job) -> None:
        """Begin to compare."""
        ...

    def outcome(self) -> ParityDone | None:
        """Return what the last comparison showed, once; None: nothing, or nothing yet."""
        ...


def compared_features(plan: FeaturePlan) -> list[Aggregate]:
    """Return the features that a service compares: those made of events that come from outside.

    The loop's own labels, requests and outcomes have no second origin that could differ.
    """
    return [each for each in plan.windowed if isinstance(each.source, Events)]


@dataclass(slots=True)
class RowComparer:
    """Compares rows with their features computed again; used by one thread at a time.

    Parameters
    ----------
    folder
        The service's folder; its loop has features that are compared.
    """

    folder: Folder
    _plan: FeaturePlan = field(init=False)
    _tables: GrownTables = field(init=False)
    _waiting: ServedRows = field(default_factory=no_rows)
    _kept: ServedRows = field(default_factory=no_rows)
    _scanned: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._plan = make_plan(compared_features(self.folder.loop.feature_plan))
        events = [each for each in self._plan.sources.values() if isinstance(each, Events)]
        self._tables = GrownTables(self.folder, tuple(events))

    @property
    def waiting(self) -> bool:
        """Whether rows wait until everything is known that they could have seen."""
        return len(self._waiting) > 0

    def compare(self, job: Job, log: Readable) -> ParityDone | None:
        """Compare the rows for which everything is known; the others wait. None: all wait.

        Nothing changes if it fails.

        Raises
        ------
        InputError, StoreError
            If events cannot be read.
        """
        rows = thinned(self._waiting.and_then(job.rows), MOST_WAITING)
        tables = self._grown(job.now_ns)
        count = self._count_ready(rows, tables, job.now_ns)
        fresh, waiting = rows.take(np.arange(count)), rows.take(np.arange(count, len(rows)))
        if not count:
            self._waiting = waiting
            return None
        both = self._kept.and_then(fresh)
        agreement = self._agreement(both, tables, log)
        rule = parity_rule(self.folder.loop)
        assert rule is not None, "there are windowed features, and parity was asked for"
        comparer = Comparer(agreement, rule, dict(self._scanned))
        score = None if job.champion is None else self._scores(job.champion)
        told = comparer.tell(len(self._kept), len(both), job.parity, score, job.now_ns)
        self._waiting, self._scanned = waiting, comparer.scanned
        self._kept = _telling(both, agreement)
        return ParityDone(int(fresh.places[-1]) + 1, snapshot.encode(told))

    def _grown(self, now_ns: int) -> dict[str, EventBatch]:
        tables = self._tables.tables()
        oldest_ns = now_ns - TABLE_BEHIND_NS
        return {name: each for name, each in tables.items() if known_to_ns(each) >= oldest_ns}

    def _count_ready(self, rows: ServedRows, tables: dict[str, EventBatch], now_ns: int) -> int:
        limit_ns = min([now_ns - self._grace_ns, *map(known_to_ns, tables.values())])
        late = np.flatnonzero(rows.times_ns > limit_ns)
        return int(late[0]) if len(late) else len(rows)

    @property
    def _grace_ns(self) -> int:
        # On the clock of events gateways have read everything before they answer.
        return 0 if self.folder.config.clock == "events" else GRACE_NS

    def _agreement(
        self, rows: ServedRows, tables: dict[str, EventBatch], log: Readable
    ) -> Agreement:
        schema, parity, plan = self.folder.schema, self.folder.loop.parity, self._plan
        assert parity is not None, "else nothing is compared"
        requests = schema.frame(rows.rows)
        events = self._events(requests, rows.times_ns, tables, log)
        recomputed = as_of(plan, requests, rows.times_ns, events, workers=1)
        found = compare_history(
            plan,
            replace(parity, sample=None),  # they are the sample
            served=requests.select(schema.names[: schema.features]),
            recomputed=recomputed,
            known=self._settled(recomputed, requests, rows.times_ns, events),
            requests=requests,
            times_ns=rows.times_ns,
            unit_hashes=rows.unit_hashes,
            events=events,
            loop=schema.loop,
        )
        assert found is not None, "there are features to compare"
        return found

    def _settled(
        self,
        recomputed: pl.DataFrame,
        requests: pl.DataFrame,
        times_ns: Ints,
        events: dict[str, EventBatch],
    ) -> dict[str, NDArray[np.bool_]]:
        """Say of which rows each feature is the same without the events of the last moment."""
        if not self._grace_ns:
            everything = np.ones(len(times_ns), dtype=np.bool_)
            return dict.fromkeys(recomputed.columns, everything)
        later = {name: _known_later(each, self._grace_ns) for name, each in events.items()}
        before = as_of(self._plan, requests, times_ns, later, workers=1)
        return {
            name: recomputed[name].eq_missing(before[name]).to_numpy() for name in before.columns
        }

    def _events(
        self,
        requests: pl.DataFrame,
        times_ns: Ints,
        tables: dict[str, EventBatch],
        log: Readable,
    ) -> dict[str, EventBatch]:
        """Return all events that these rows, and the search for a cause, can reach."""
        longest = max(each.window_ns + each.hop_ns for each in self._plan.windowed)
        since_ns = int(times_ns.min()) - longest - REACH_NS
        posted = [name for name in self._plan.sources if name not in tables]
        found = recent_events(self.folder, log, posted, since_ns) if posted else {}
        found |= {name: since(batch, since_ns) for name, batch in tables.items()}
        return {name: self._of_keys(found[name], requests) for name in self._plan.sources}

    def _of_keys(self, batch: EventBatch, requests: pl.DataFrame) -> EventBatch:
        """Leave out events of keys that no row has, not even in the column of another key."""
        features = [each for each in self._plan.windowed if each.source.name == batch.source]
        others = dict.fromkeys(mine for each in self._plan.windowed for mine in each.inputs)
        wanted = np.zeros(len(batch), dtype=np.bool_)
        for by in dict.fromkeys(each.by for each in features):
            mine = [[name] for name in others] if len(by) == 1 else [[name for name, _ in by]]
            hashes = np.concatenate([key_hashes(requests, names)[0] for names in mine])
            keys, there = key_hashes(batch.frame, [theirs for _, theirs in by])
            wanted |= there & np.isin(keys, hashes)
        return chosen(batch, wanted)

    def _scores(self, champion: str) -> Score:
        model: list[Model] = []

        def score(table: pl.DataFrame) -> Floats:
            if not model:  # it is asked for only where a cause is
                with FolderRegistry(self.folder.layout.registry) as registry:
                    model.append(Model.from_bytes(registry.load(champion)))
            return model[0].score(table)

        return score


def _known_later(batch: EventBatch, by_ns: int) -> EventBatch:
    return replace(batch, known_ns=np.maximum(batch.times_ns, batch.known_ns) + by_ns)


def _telling(rows: ServedRows, agreement: Agreement) -> ServedRows:
    """Return the last rows that differ and the last that do not, of about a day."""
    differ = agreement.differing(0, len(rows)).any(axis=1)
    young = rows.times_ns >= int(rows.times_ns.max()) - DAY_NS
    kept = [np.flatnonzero(which & young)[-KEPT:] for which in (differ, ~differ)]
    return rows.take(np.sort(np.concatenate(kept)))


def comparable(folder: Folder) -> bool:
    """Say whether there is anything that a service compares."""
    loop = folder.loop
    return parity_rule(loop) is not None and bool(compared_features(loop.feature_plan))
