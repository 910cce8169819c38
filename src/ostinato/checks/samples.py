"""What the suites store: small, and with all that is awkward to write down."""

from __future__ import annotations

from typing import Final

from ostinato.core.ports import Lineage
from ostinato.core.records import (
    Decision,
    LoopStarted,
    RolloutAdvanced,
    Routes,
    RoutesChanged,
    TriggerChanged,
)

START_NS: Final = 1_700_000_000_000_000_000


def sample_decisions(from_seq: int, count: int) -> list[Decision]:
    """Make decisions numbered from `from_seq` on: nested records, NaN, text in several scripts."""
    return [_decision(seq) for seq in range(from_seq, from_seq + count)]


def sample_events(name: str, count: int) -> list[tuple[str, bytes]]:
    """Make events with keys of their own and payloads of all byte values."""
    return [(f"{name}/{index}", bytes(range(256)) + name.encode()) for index in range(count)]


def sample_lineage(seed: int = 0) -> Lineage:
    """Make a lineage with all fields in use; another seed makes another lineage."""
    return Lineage(
        loop="sample",
        data_from_ns=START_NS,
        data_to_ns=START_NS + 7,
        data_rows=1_000,
        data_digest="d" * 64,
        policy_digest="p" * 64,
        learner="sample.Learner",
        parameters={"depth": 3, "rate": 0.1, "names": ["a", "ä"], "nothing": None},
        seed=seed,
        libraries={"numpy": "2.0"},
        parent="v0",
        metrics={"recent": {"log_loss": 0.25, "auc": 1.0}},
        cost={"wall_seconds": 1.5},
        lake="events@3",
        features={"recent_delay": "f" * 64},
        feature_schema="s" * 64,
        source_schemas={"landings": "2@f3a09c41d2be"},
    )


def _decision(seq: int) -> Decision:
    ts_event_ns = START_NS + seq // 2  # some decisions share their moment
    match seq % 4:
        case 0:
            return LoopStarted(
                seq=seq,
                ts_event_ns=ts_event_ns,
                ts_record_ns=ts_event_ns + 1,
                subject="sample",
                reason="The loop began: größer, 更大, \u0000 and 'quoted'.",
                seed=seq,
            )
        case 1:
            return TriggerChanged(
                seq=seq,
                ts_event_ns=ts_event_ns,
                ts_record_ns=ts_event_ns + 1,
                subject="drift",
                reason="The score moved.",
                evidence={"p": 0.1 + 0.2, "nan": float("nan"), "slices": ["a", {"b": None}]},
                stance="warn",
            )
        case 2:
            return RolloutAdvanced(
                seq=seq,
                ts_event_ns=ts_event_ns,
                ts_record_ns=ts_event_ns + 1,
                subject="v2",
                reason="The canary holds.",
                measured={"wall_seconds": 0.125},
                share=0.05,
            )
        case _:
            return RoutesChanged(
                seq=seq,
                ts_event_ns=ts_event_ns,
                ts_record_ns=ts_event_ns + 1,
                subject="v2",
                reason="New routes.",
                routes=Routes(epoch=seq, champion="v1", canary="v2", canary_share=0.05),
            )
