"""What goes on beside the loop: the lake, the mirror of the registry, alerts, and tidying up.

Each in a thread of its own, so that a disk, a server or a webhook that is slow or away never holds
up a decision.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from ostinato.core.clock import SteadyClock, WallClock
from ostinato.core.ports import Clock, Registry
from ostinato.core.units import DAY_NS
from ostinato.live.alerts.address import read_address
from ostinato.live.alerts.channel import send
from ostinato.live.alerts.message import Sender
from ostinato.live.alerts.notifier import Notifier
from ostinato.live.engine.background import Background
from ostinato.live.engine.bootstrap import Folder
from ostinato.live.engine.features import FeatureKeeper
from ostinato.live.engine.feed import Place
from ostinato.live.engine.saved import read_snapshots
from ostinato.live.events import Tick, decode
from ostinato.live.lake.lake import Lake
from ostinato.live.published import AlertStatus, SourceStatus
from ostinato.live.service import link_of
from ostinato.stores.eventlog_sqlite import SqliteEventLog
from ostinato.stores.journal_sqlite import SqliteJournal
from ostinato.stores.open import open_registry
from ostinato.stores.registry_folder import FolderRegistry
from ostinato.stores.registry_mirror import MirroredRegistry

SAMPLE_ROWS: Final = 100  # from which versions get their signature in MLflow

WRITE_PAUSE: Final = 20
"""How many times what writing the state of features took passes before it is written again. Less:
much of the disk and of a processor goes into it; more: gateways read more of the log at a start."""


def _to_nobody(sentence: str) -> None:
    """Nobody listens, unless a process does."""


@dataclass(slots=True)
class House:
    """The threads beside the loop.

    Parameters
    ----------
    folder
        The service's folder.
    say
        Takes sentences for the log of the process.
    """

    folder: Folder
    say: Callable[[str], None] = _to_nobody
    lake: Lake = field(init=False)
    _lake: Background = field(init=False)
    _mirror: Background | None = field(init=False)
    _alerts: Background | None = field(init=False)
    _features: Background | None = field(init=False)
    _keeper: FeatureKeeper | None = field(init=False)
    _notifier: Notifier | None = None
    _tick_ns: int = 0
    _write_due: bool = True
    _next_write_ns: int = 0
    _mirrored: MirroredRegistry | None = None
    _pending: str = ""
    _now_ns: int = 0
    _reached: int | None = None
    _steady: Clock = field(default_factory=SteadyClock)

    def __post_init__(self) -> None:
        self.lake = Lake(self.folder.layout, self.folder.schema)
        self._lake = Background("lake", self._carry_over)
        self._lake.ask()
        self._mirror = self._begin_mirror()
        self._alerts = self._begin_alerts()
        self._keeper, self._features = None, None
        if self.folder.loop.feature_plan.tallies:
            self._keeper = FeatureKeeper(self.folder, self.say)
            self._features = Background("features", self._follow_features)
            self._features.ask()

    def ticked(self, now_ns: int) -> None:
        """After a tick: there may be something to tell."""
        self._tick_ns = now_ns
        for each in (self._mirror, self._alerts, self._features):
            if each is not None:
                each.ask()

    def saved(self, now_ns: int) -> None:
        """After a snapshot: carry the log over, and drop what is old."""
        self._now_ns, self._write_due = now_ns, True
        self._lake.ask()

    def close(self) -> None:
        """End the threads; what they did not finish they go on with at the next start."""
        for each in (self._lake, self._mirror, self._alerts, self._features):
            if each is not None:
                each.close()
        if self._mirrored is not None:
            self._mirrored.close()

    # -- how they are

    @property
    def lake_status(self) -> str:
        """How far the lake is, or why it does not get on."""
        error = self._lake.error
        if error is not None:
            return error.what if error.found is None else f"{error.what}: {error.found}"
        return "" if self._reached is None else f"at offset {self._reached:,}"

    @property
    def registry_status(self) -> str:
        """How the mirror of the registry is."""
        if self._mirror is None:
            return "no mirror: MLflow is not installed"
        error = self._mirror.error
        if error is not None:
            return f"{error.what}; {self._pending}"
        return self._pending or "up to date"

    @property
    def features_status(self) -> str:
        """What is wrong with the state of features; empty: nothing."""
        if self._features is None or self._keeper is None:
            return ""
        error = self._features.error
        return self._keeper.trouble if error is None else str(error)

    @property
    def alerts_status(self) -> tuple[AlertStatus, ...]:
        """How it stands with each address of alerts."""
        return () if self._notifier is None else self._notifier.statuses()

    @property
    def sources(self) -> tuple[SourceStatus, ...]:
        """How the sources of features stand."""
        return () if self._keeper is None else self._keeper.sources

    # -- the state of features

    def _follow_features(self) -> None:
        """Follow the log, and now and then write the file that gateways begin with."""
        keeper = self._keeper
        assert keeper is not None, "it is asked for where there are features"
        with SqliteEventLog(self.folder.layout.events, readonly=True) as log:
            keeper.follow(log)
        began_ns = self._steady.now_ns()
        if self._write_due and began_ns >= self._next_write_ns:
            self._write_due = False
            keeper.write()
            took_ns = self._steady.now_ns() - began_ns
            self._next_write_ns = began_ns + WRITE_PAUSE * took_ns

    # -- the lake

    def _carry_over(self) -> None:
        with SqliteEventLog(self.folder.layout.events, shared=True) as log:
            place = self.lake.compact(log)
            self._reached = place.offset
            self._trim(log, place)

    def _trim(self, log: SqliteEventLog, lake: Place) -> None:
        """Drop events that nobody needs: in the lake, older than both snapshots and than kept.

        Nor may a gateway need them that begins with the state of features.


        Not by the loop's own thread: after days without the lake there is much to drop.
        """
        places = [saved.place for saved, _ in read_snapshots(self.folder.layout.snapshots)]
        if len(places) < 2:
            return
        limit_ns = self._now_ns - self.folder.config.retention_days * DAY_NS
        needed = [place.needed_from for place in (*places, lake)]
        if self._keeper is not None:
            needed.append(self._keeper.written or 0)
        log.trim(min(*needed, first_after(log, limit_ns, places[0].tick)))

    # -- the mirror

    def _begin_mirror(self) -> Background | None:
        url = self._mirror_url()
        if url is None:
            return None
        folder = self.folder

        def opened() -> Registry:
            sample = folder.history.frame.head(SAMPLE_ROWS)
            classes = folder.history.n_classes if folder.loop.task == "multiclass" else 0
            return open_registry(url, loop=folder.loop.name, sample=sample, classes=classes)

        return Background("mirror", self._follower(opened))

    def _follower(self, opened: Callable[[], Registry]) -> Callable[[], None]:
        mirror = MirroredRegistry(FolderRegistry(self.folder.layout.registry), opened)
        self._mirrored = mirror

        def follow() -> None:
            state = mirror.sync()
            behind = len(state.versions) + len(state.moves)
            self._pending = f"{behind} versions and aliases to be carried over" if behind else ""
            if state.error is not None:
                raise state.error

        return follow

    def _mirror_url(self) -> str | None:
        if self.folder.config.registry:
            return self.folder.config.registry
        if importlib.util.find_spec("mlflow") is None:
            return None
        database = (self.folder.layout.folder / "mlflow.db").resolve()
        return f"mlflow+sqlite://{quote(str(database))}"

    # -- alerts

    def _begin_alerts(self) -> Background | None:
        config, layout = self.folder.config, self.folder.layout
        if not config.alerts:
            return None
        notifier = Notifier(
            path=layout.alerts,
            sender=Sender(loop=config.loop, link=link_of(config)),
            addresses=tuple(read_address(each) for each in config.alerts),
            send=send,
            clock=WallClock(),
            per_hour=config.alerts_per_hour,
        )
        with SqliteJournal(layout.journal, readonly=True) as journal:
            notifier.begin(journal)
        self._notifier = notifier

        def tell() -> float | None:
            with SqliteJournal(layout.journal, readonly=True) as journal:
                return notifier.tell(journal, self._tick_ns)

        return Background("alerts", tell)


def first_after(events: SqliteEventLog, limit_ns: int, ticks: int) -> int:
    """Return the offset of the first tick after a moment, of so many ticks; 0: all are after it.

    Events before it are older. Ticks that were trimmed are older as well.
    """
    low, high, found = 0, ticks, 0
    while low < high:
        middle = (low + high) // 2
        held = events.find(f"tick/{middle}")
        tick = None if held is None else decode(held[1])
        if tick is None or (isinstance(tick, Tick) and tick.now_ns <= limit_ns):
            low = middle + 1
            found = found if held is None else held[0] + 1
        else:
            high = middle
    return found
