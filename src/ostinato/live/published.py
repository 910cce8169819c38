"""What the processes tell each other in small files, written whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ostinato.core.errors import StoreError
from ostinato.stores.durable import write_whole


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """The routes in force, and what gateways need to obey them.

    `previous` is the champion before, which stays loaded; `artifacts` has the SHA-256 of every
    version named here. `paused`: the loop learns and releases nothing until it is resumed.
    """

    epoch: int
    champion: str | None = None
    previous: str | None = None
    canary: str | None = None
    canary_share: float = 0.0
    holdback: str | None = None
    holdback_share: float = 0.0
    shadows: tuple[str, ...] = ()
    explore_share: float = 0.0
    artifacts: dict[str, str] = {}
    paused: bool = False


class Undo(msgspec.Struct, frozen=True, kw_only=True):
    """While the published epoch is at most `epoch`, the previous champion serves."""

    epoch: int
    act_id: str


class SourceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A source of features: events taken since the start, and when the newest happened.

    `stale_after_ns`: how long that may be ago, as declared; None: any time. `columns_version`: of
    the source's columns (`SchemaBook`); None: none were seen.
    """

    name: str
    events: int
    newest_ns: int | None
    stale_after_ns: int | None = None
    columns_version: int | None = None


class MissingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A computed feature that is missing in another share of rows than in training.

    `rows`: how many were served since, or since the engine started.
    """

    feature: str
    trained: float
    served: float
    rows: int


class ParityStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a feature as served stands beside the same feature computed again.

    `rows` were compared, up to `compared_to_ns`, of which `mismatches` differ; `broken`: why it is
    not what it is declared to be, None: it is.
    """

    feature: str
    rows: int
    mismatches: int
    compared_to_ns: int
    broken: str | None = None


class AlertStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands with an address of alerts, which is told from the severity `least` on.

    `told_ns`: when it was told last, None: never; `tries`: how often the message at hand was not
    taken, and `trouble` why; `untold`: notices that were given up and wait to be summed up.
    """

    address: str
    least: str
    told_ns: int | None = None
    tries: int = 0
    trouble: str = ""
    untold: int = 0


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine last did.

    `tick` and `now_ns` are of the last tick, `folded_offset` the first event not folded yet,
    `decisions` the length of the journal; `training`: requests under way; `proposals`: id to what
    waits for approval; `rollout`: the challenger's state in words, empty without one; `metrics`:
    figures for ``/metrics`` and the status page, None where there is none (JSON writes NaN
    as null); `features`: what is wrong with the state of features; `sources`: those of features;
    `missing`: features that are missing more, or less, often than in training; `parity`: features
    that are compared with what they are declared to be; `parity_trouble`: why none can be now;
    `alerts`: how it stands with each address of alerts; `watch`: what is watched, the alarms that
    stand and their budget (`ostinato.live.engine.watch_status`), None: nothing is.
    """

    tick: int
    now_ns: int
    folded_offset: int
    decisions: int
    epoch: int
    champion: str | None = None
    challenger: str | None = None
    autonomy: str = "auto"
    paused: bool = False
    training: tuple[str, ...] = ()
    proposals: dict[str, str] = {}
    rollout: str = ""
    verdict: str = "inconclusive"
    registry: str = ""
    lake: str = ""
    features: str = ""
    sources: tuple[SourceStatus, ...] = ()
    missing: tuple[MissingStatus, ...] = ()
    parity: tuple[ParityStatus, ...] = ()
    parity_trouble: str = ""
    alerts: tuple[AlertStatus, ...] = ()
    watch: dict[str, Any] | None = None
    metrics: dict[str, float | None] = {}


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """A living process: its id, since when, the epoch it serves, when it wrote this."""

    pid: int
    started_ns: int
    beat_ns: int
    epoch: int = -1
    scoring: str = ""


Written = TypeVar("Written", bound=msgspec.Struct)


def write(path: Path, value: msgspec.Struct) -> None:
    """Write a file whole: readers see the old one or this one.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    try:
        write_whole(path, msgspec.json.format(msgspec.json.encode(value), indent=1))
    except OSError as error:
        raise StoreError(
            "A file of the service cannot be written",
            found=f"{path} ({error.strerror or error})",
            hint="Check the permissions and the free space on the disk.",
        ) from error


def read(path: Path, kind: type[Written]) -> Written | None:
    """Read a file; None where there is none.

    Raises
    ------
    StoreError
        If it cannot be read as what it should be.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, OSError) as error:
        raise StoreError(
            "A file of the service cannot be read",
            found=f"{path} ({error})",
            expected=f"JSON of a {kind.__name__}",
            hint="Restart the service: the engine writes it anew from the log.",
        ) from error
